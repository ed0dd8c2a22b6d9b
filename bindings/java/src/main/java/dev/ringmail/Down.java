package dev.ringmail;

/**
 * The actor of a mailbox has ended: for good, or until its supervisor starts it anew, which is then to be monitored
 * anew.
 *
 * @param kind why, one of the constants here; another one is a failure as well
 * @param reason the same in one line
 */
public record Down(Mailbox mailbox, int kind, String reason) {
  /** It was asked to stop, or stopped itself. */
  public static final int NORMAL = 0;

  /** A handler of it threw. */
  public static final int FAILED = 1;

  /** There is no such actor, or not any more. */
  public static final int UNREACHABLE = 7;

  /** It was linked to one that failed. */
  public static final int LINKED = 8;

  /** A supervisor that gave up a child. */
  public static final int ESCALATED = 9;
}

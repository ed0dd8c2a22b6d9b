package dev.ringmail;

/** An ask will not be answered. */
public final class NoReplyException extends RingmailException {
  private static final long serialVersionUID = 1;

  /** The reason of asks that were open when the host died, and another one came in its place. */
  public static final int HOST_RESTARTED = 0x10001;

  /** Why: 1 there is no handler, 2 the handler failed, 3 the receiver stops, 4 its mailbox is full; or HOST_RESTARTED. */
  private final int reason;

  public NoReplyException(int reason) {
    super(describe(reason));
    this.reason = reason;
  }

  public int reason() {
    return reason;
  }

  private static String describe(int reason) {
    return switch (reason) {
      case 1 -> "no reply: the receiver has no handler for it";
      case 3 -> "no reply: the receiver stops";
      case 4 -> "no reply: the receiver's mailbox is full";
      case HOST_RESTARTED -> "no reply: the host was restarted";
      default -> "no reply: the receiver's handler failed";
    };
  }
}

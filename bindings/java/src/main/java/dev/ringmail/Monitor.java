package dev.ringmail;

/** Waits for the end of an actor: what {@link Mailbox#monitor} gave. */
public final class Monitor {
  private final Monitors monitors;
  private final long mailbox;
  private final long number;

  Monitor(Monitors monitors, long mailbox, long number) {
    this.monitors = monitors;
    this.mailbox = mailbox;
    this.number = number;
  }

  /**
   * Its handler will not be called, even if the actor has ended. Returns whether that was still to come.
   *
   * @throws FullException if there is no room for {@link Mailbox#PATIENCE}
   */
  public boolean stop() throws InterruptedException {
    return monitors.stop(mailbox, number);
  }
}

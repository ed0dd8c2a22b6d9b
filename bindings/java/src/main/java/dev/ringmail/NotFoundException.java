package dev.ringmail;

/** The host knows no mailbox of that name; or the peer that had it has ended. */
public final class NotFoundException extends RingmailException {
  private static final long serialVersionUID = 1;

  public NotFoundException(String message) {
    super(message);
  }
}

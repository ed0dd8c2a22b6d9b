package dev.ringmail;

/** There was no room in the ring to the host within the time given. */
public final class FullException extends RingmailException {
  private static final long serialVersionUID = 1;

  public FullException(String message) {
    super(message);
  }
}

package dev.ringmail;

/** Host and peer could not agree in the handshake. */
public final class RefusedException extends RingmailException {
  private static final long serialVersionUID = 1;

  public RefusedException(String message) {
    super(message);
  }
}

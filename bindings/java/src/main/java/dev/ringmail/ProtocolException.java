package dev.ringmail;

/**
 * The other side sent something impossible, and the link is dead; or a message is not of the type or length that it must be.
 */
public final class ProtocolException extends RingmailException {
  private static final long serialVersionUID = 1;

  public ProtocolException(String message) {
    super(message);
  }
}

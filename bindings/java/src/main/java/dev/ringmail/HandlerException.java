package dev.ringmail;

/**
 * A handler has failed: the cause is what left it. The host was told of it, the message in hand is not finished, and the peer
 * is closed.
 */
public final class HandlerException extends RingmailException {
  private static final long serialVersionUID = 1;

  public HandlerException(String message, Throwable cause) {
    super(message, cause);
  }
}

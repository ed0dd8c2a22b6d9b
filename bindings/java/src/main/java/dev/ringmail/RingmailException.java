package dev.ringmail;

/** What goes wrong between a peer and its host. Its message is one line that names the cause. */
public class RingmailException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public RingmailException(String message) {
    super(message);
  }

  public RingmailException(String message, Throwable cause) {
    super(message, cause);
  }
}

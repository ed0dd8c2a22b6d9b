package dev.ringmail;

/** The host has died, or has closed the link. */
public final class HostGoneException extends RingmailException {
  private static final long serialVersionUID = 1;

  public HostGoneException(String message) {
    super(message);
  }
}

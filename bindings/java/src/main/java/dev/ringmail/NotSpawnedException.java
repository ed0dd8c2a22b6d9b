package dev.ringmail;

/** No Ringmail system has spawned this process, or not in a way that a Java process can use. */
public final class NotSpawnedException extends RingmailException {
  private static final long serialVersionUID = 1;

  public NotSpawnedException(String message) {
    super(message);
  }
}

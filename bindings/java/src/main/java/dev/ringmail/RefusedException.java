package dev.ringmail;

/** Host and peer could not agree in the handshake. */
public final class RefusedException extends RingmailException {
  private static final long serialVersionUID = 1;

  /** As docs/spec/handshake.md numbers them; 0: it was this peer that refused. */
  private final int code;

  public RefusedException(String message) {
    this(message, 0);
  }

  public RefusedException(String message, int code) {
    super(message);
    this.code = code;
  }

  /** Why the host refused, by the numbers of docs/spec/handshake.md; 0 if it was this peer that did. */
  public int code() {
    return code;
  }
}

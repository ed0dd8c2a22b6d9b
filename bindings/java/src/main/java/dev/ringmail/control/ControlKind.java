package dev.ringmail.control;

/** The messages of the control stream, by their numbers in docs/spec/handshake.md. */
public enum ControlKind {
  HELLO,
  WELCOME,
  READY,
  REFUSED,
  RESOLVE,
  RESOLVED,
  FAILURE,
  GOODBYE,
  RING,
  LOG;

  private static final ControlKind[] ALL = values();

  public int number() {
    return ordinal() + 1;
  }

  /** Null for a number that no message has. */
  static ControlKind of(int number) {
    return number >= 1 && number <= ALL.length ? ALL[number - 1] : null;
  }

  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}

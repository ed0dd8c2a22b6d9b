package dev.ringmail.control;

/** The messages of the control stream, by their numbers in docs/spec/handshake.md. */
public enum ControlKind {
  HELLO(1),
  WELCOME(2),
  READY(3),
  REFUSED(4),
  RESOLVE(5),
  RESOLVED(6),
  FAILURE(7),
  GOODBYE(8),
  RING(9),
  LOG(10),
  OUTLIVE(11),
  INTRODUCED(17),
  PRESENCE(18),
  INTRODUCE_BY_NUMBER(19);

  private static final ControlKind[] ALL = values();

  private final int number;

  ControlKind(int number) {
    this.number = number;
  }

  public int number() {
    return number;
  }

  /** Null for a number that no message has which a peer like this one is sent, or sends. */
  static ControlKind of(int number) {
    for (ControlKind kind : ALL) {
      if (kind.number == number) return kind;
    }
    return null;
  }

  @Override
  public String toString() {
    return name().toLowerCase(java.util.Locale.ROOT);
  }
}

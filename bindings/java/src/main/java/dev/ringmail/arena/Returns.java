package dev.ringmail.arena;

/** What lies where in a returns block: docs/spec/large.md. */
public final class Returns {
  public static final int BYTES = 2560;
  public static final int SLOTS = 512;
  static final int COUNT = 0;
  private static final int SERIALS = 512;

  private Returns() {}

  static int serialOf(int slot) {
    return SERIALS + slot * Integer.BYTES;
  }
}

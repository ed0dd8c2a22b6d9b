package dev.ringmail.ring;

/** A park word: a state in its two low bits, and above them how often its owner has gone to sleep. */
public final class ParkWord {
  private static final int AWAKE = 0;
  private static final int PARKED = 1;
  private static final int MAX_COUNT = (1 << 30) - 1;

  private ParkWord() {}

  public static int awake(int count) {
    return count << 2 | AWAKE;
  }

  public static int parked(int count) {
    return count << 2 | PARKED;
  }

  public static boolean isAwake(int word) {
    return (word & 3) == AWAKE;
  }

  public static int count(int word) {
    return word >>> 2;
  }

  public static int next(int count) {
    return count + 1 & MAX_COUNT;
  }

  public static int before(int count) {
    return count - 1 & MAX_COUNT;
  }

  /** Counts go round: the nearer way tells. */
  public static boolean isLater(int count, int than) {
    return count - than << 2 > 0;
  }
}

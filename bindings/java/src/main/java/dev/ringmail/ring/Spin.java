package dev.ringmail.ring;

import java.util.function.BooleanSupplier;

/**
 * How long to look before going to sleep: for a time, and only where work has lately come soon enough to be worth it. With one
 * CPU it does not spin: that would keep the producer from running.
 */
public final class Spin {
  /** About what a sleep and a wake cost together. */
  public static final long DEFAULT_NANOS = 50_000;

  // A reply from a near core comes within some hundred nanoseconds: to look at the clock first would take as long.
  private static final int LOOKS_WITHOUT_CLOCK = 32;
  private static final int LOOKS_A_CLOCK = 8;

  private final long longest;
  private long expectedGap;
  private long idleSince;

  public Spin(long nanos) {
    longest = Runtime.getRuntime().availableProcessors() > 1 ? nanos : 0;
    expectedGap = longest / 2;
  }

  /** Looks some times, before anybody reads a clock. Returns whether there was work. spin() follows if there was none. */
  public boolean look(BooleanSupplier hasWork) {
    if (longest == 0) return false;
    for (int i = 0; i < LOOKS_WITHOUT_CLOCK; ++i) {
      Thread.onSpinWait();
      if (hasWork.getAsBoolean()) {
        expectedGap -= expectedGap / 8; // the gap was next to nothing
        return true;
      }
    }
    return false;
  }

  /**
   * Looks until there is work or the time is up, at the deadline (of System.nanoTime) at the latest. Returns whether there was.
   */
  public boolean spin(BooleanSupplier hasWork, long deadline) {
    idleSince = System.nanoTime();
    if (longest == 0) return hasWork.getAsBoolean();
    long until = idleSince + (expectedGap < longest ? longest : longest / 16);
    if (deadline - until < 0) until = deadline;
    while (System.nanoTime() - until < 0) {
      for (int i = 0; i < LOOKS_A_CLOCK; ++i) {
        Thread.onSpinWait();
        if (hasWork.getAsBoolean()) {
          observe();
          return true;
        }
      }
    }
    return false;
  }

  /** After a sleep: how long nothing came. */
  public void observe() {
    long gap = Math.min(System.nanoTime() - idleSince, 4 * longest);
    expectedGap = (7 * expectedGap + gap) / 8;
  }
}

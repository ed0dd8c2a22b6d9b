package dev.ringmail;

import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Sees to it that a process whose peer is lost ends, whatever else still runs in it. */
final class Ending {
  private static final long GRACE_MILLIS = TimeUnit.SECONDS.toMillis(2);

  private Ending() {}

  /** Ends the process with status 1 when those who can end it better have had their time. */
  static void soon() {
    after(0, () -> false);
  }

  /** As above, but so much later, or when the thread that it gives is interrupted; and not if that is needless by then. */
  static Thread after(long nanos, BooleanSupplier isNeedless) {
    Thread thread =
        new Thread(
            () -> {
              try {
                Thread.sleep(GRACE_MILLIS + TimeUnit.NANOSECONDS.toMillis(nanos));
              } catch (InterruptedException e) {
                // Then at once.
              }
              if (!isNeedless.getAsBoolean()) System.exit(1);
            },
            "ringmail-ending");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}

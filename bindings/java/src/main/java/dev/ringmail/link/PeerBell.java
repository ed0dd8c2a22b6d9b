package dev.ringmail.link;

import dev.ringmail.ring.ParkWord;
import dev.ringmail.ring.Words;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The peer's own doorbell. Its thread sleeps by LockSupport.park, so that a deadline, an interrupt and other threads can end
 * the sleep and a virtual thread gives its carrier back; a daemon thread reads the pipe on which the host rings, and unparks
 * it.
 */
final class PeerBell {
  /** No sleep is longer: a net under the mechanism, not the mechanism. */
  private static final long LONGEST_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  /** A frame this old under a word that still reads parked was published by somebody who did not ring. */
  private static final long LOST_WAKEUP_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  private static final int PARK = 0;

  private final ByteBuffer bell;
  private int count;
  private volatile Thread sleeper;
  private long sleeps;
  private long lostWakeups;

  PeerBell(ByteBuffer bell) {
    this.bell = bell;
    count = ParkWord.count((int) Words.INT.getOpaque(bell, PARK));
  }

  /** Starts the thread that reads the pipe, up to its end. */
  void listen(InputStream pipe) {
    Thread listener = new Thread(() -> read(pipe), "ringmail-bell");
    listener.setDaemon(true);
    listener.start();
  }

  private void read(InputStream pipe) {
    byte[] rings = new byte[64];
    try (pipe) {
      while (pipe.read(rings) > 0) wake();
    } catch (IOException e) {
      // As its end: the thread that reads the control stream knows more.
    }
    wake();
  }

  /** Ends a sleep, or the next one, from any thread. What it is for must be seen by the sleeper's look. */
  void wake() {
    LockSupport.unpark(sleeper);
  }

  /**
   * Sleeps until rung, interrupted, or the time is up. `hasWork` looks at all that the host writes, after the word says parked;
   * work that it sees ends the sleep before it begins.
   */
  void park(long nanos, BooleanSupplier hasWork) {
    sleeper = Thread.currentThread();
    count = ParkWord.next(count);
    int parked = ParkWord.parked(count);
    // SYNC(park): ordered before the look; the host loads the word after its store of the frame.
    Words.INT.setVolatile(bell, PARK, parked);
    if (!hasWork.getAsBoolean()) {
      ++sleeps;
      long start = System.nanoTime();
      LockSupport.parkNanos(this, Math.min(nanos, LONGEST_SLEEP_NANOS));
      if (System.nanoTime() - start >= LONGEST_SLEEP_NANOS) lookForLostWakeup(parked, hasWork);
    }
    // Opaque: a host that still reads parked rings once more than needed.
    Words.INT.setOpaque(bell, PARK, ParkWord.awake(count));
  }

  /** As park(), where nobody rings but this process itself: for its other threads, which look for nothing in the memory. */
  void rest(long nanos, BooleanSupplier isWanted) {
    sleeper = Thread.currentThread();
    if (!isWanted.getAsBoolean()) LockSupport.parkNanos(this, nanos);
  }

  private void lookForLostWakeup(int parked, BooleanSupplier hasWork) {
    if (!hasWork.getAsBoolean()) return;
    // The host may stand between its publish and its ring: it gets time before it is accused.
    long start = System.nanoTime();
    while ((int) Words.INT.getOpaque(bell, PARK) == parked) {
      long left = LOST_WAKEUP_NANOS - (System.nanoTime() - start);
      if (left <= 0) {
        ++lostWakeups;
        return;
      }
      LockSupport.parkNanos(this, left);
    }
  }

  long sleeps() {
    return sleeps;
  }

  long lostWakeups() {
    return lostWakeups;
  }
}

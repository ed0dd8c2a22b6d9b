package dev.ringmail.link;

import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.Messages;
import dev.ringmail.ring.ParkWord;
import dev.ringmail.ring.Words;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The doorbell of whoever is at the other end of a lane, a thread of the host or another peer. A word shows whether it sleeps, and
 * then the host wakes it, by the control stream: at most once a sleep. Any thread.
 */
final class Doorbell {
  private final ByteBuffer parked;
  private final int at;
  private final ControlStream control;
  private final byte[] ring;
  private final AtomicInteger rungCount;

  /** @param parked where at `at` a park word is, or its mirror */
  Doorbell(ByteBuffer parked, int at, ControlStream control, int lane) {
    this.parked = parked;
    this.at = at;
    this.control = control;
    ring = ControlStream.frame(ControlKind.RING, Messages.ring(lane));
    rungCount = new AtomicInteger(ParkWord.before(ParkWord.count((int) Words.INT.getVolatile(parked, at))));
  }

  /** Call it after publishing, or after a cursor was stored, or a body given back, that somebody waits for. */
  void ring() {
    // SYNC(park): after the store of the frame.
    int word = (int) Words.INT.getVolatile(parked, at);
    if (!ParkWord.isAwake(word)) ring(ParkWord.count(word));
  }

  private void ring(int count) {
    int rung = rungCount.get();
    // A thread that comes late with an older count rings for nobody: the host would take it for a flood.
    while (ParkWord.isLater(count, rung)) {
      if (!rungCount.compareAndSet(rung, count)) {
        rung = rungCount.get();
        continue;
      }
      try {
        control.send(ring);
      } catch (IOException e) {
        // The host is gone. The thread that reads the control stream notices.
      }
      return;
    }
  }
}

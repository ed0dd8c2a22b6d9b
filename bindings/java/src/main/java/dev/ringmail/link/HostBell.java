package dev.ringmail.link;

import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.Messages;
import dev.ringmail.ring.ParkWord;
import dev.ringmail.ring.Words;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The doorbell of the host's thread at the other end of a lane: host_parked shows whether it sleeps, and then the control
 * stream wakes it, at most once a sleep.
 */
final class HostBell {
  private final ByteBuffer parked;
  private final int at;
  private final ControlStream control;
  private final byte[] ring;
  private int rungCount = -1;

  HostBell(ByteBuffer parked, int at, ControlStream control, int lane) {
    this.parked = parked;
    this.at = at;
    this.control = control;
    ring = Messages.ring(lane);
  }

  /** Call it after publishing, or after a cursor was stored that somebody waits for. */
  void ring() {
    // SYNC(park): after the store of the frame.
    int word = (int) Words.INT.getVolatile(parked, at);
    if (ParkWord.isAwake(word) || ParkWord.count(word) == rungCount) return;
    rungCount = ParkWord.count(word);
    try {
      control.send(ControlKind.RING, ring);
    } catch (IOException e) {
      // The host is gone. The thread that reads the control stream notices.
    }
  }
}

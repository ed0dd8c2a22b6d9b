package dev.ringmail.link;

import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingProducer;

/**
 * What a message in hand leads to, where the host wants it exactly once: all that is sent and answered goes into the ring of mail that
 * the message's lane has to the host, whoever it is for, and is published by one store with the acknowledgement of the message, when
 * that is finished. The acknowledgement stands first, so that finishing need not wait for room.
 */
final class Batch {
  private static final long ACKNOWLEDGEMENT_BYTES = Frames.bytesOf(Long.BYTES);

  private Lane lane; // of the message; null: none is in hand, or it is not acknowledged so
  private boolean acknowledging;
  private long bytes; // in it, without padding
  private long end; // in the ring, before the last loan, which
  private long loaned; // adds so many bytes if it is not cancelled

  /** Null: there is no batch. */
  Lane lane() {
    return lane;
  }

  void begin(Lane of) {
    lane = of;
    acknowledging = false;
    bytes = end = loaned = 0;
  }

  void end() {
    lane = null;
  }

  boolean isAcknowledging() {
    return acknowledging;
  }

  /** A frame of that length is to be loaned next. */
  void add(int length) {
    RingProducer ring = lane.mailOut;
    if (ring.end() != end) {
      bytes += loaned;
      loaned = 0;
    }
    // With this it fits into the ring as soon as the host has read what is published, whatever padding it takes.
    long most = ring.capacity() / 4 - ACKNOWLEDGEMENT_BYTES;
    if (length < 0 || bytes + Frames.bytesOf(length) > most) {
      throw new IllegalArgumentException(
          "what is sent for one message is more than a quarter of the ring (" + most + " bytes), and the host wants it exactly once");
    }
    end = ring.end();
    loaned = Frames.bytesOf(length);
  }

  /** Writes the acknowledgement into a loan of eight bytes at that offset. */
  void acknowledge(int at) {
    RingProducer ring = lane.mailOut;
    ring.data().putLong(at, lane.mailIn.behind());
    ring.commit(Frames.SIGNAL, Frames.SIGNAL_ACKNOWLEDGE, 0, 0, 0);
    acknowledging = true;
    end = ring.end();
  }
}

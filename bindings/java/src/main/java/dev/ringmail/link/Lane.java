package dev.ringmail.link;

import dev.ringmail.ring.RingConsumer;
import dev.ringmail.ring.RingFault;
import dev.ringmail.ring.RingProducer;

/** What connects this peer with one thread of the host: two rings in, two rings out, and that thread's doorbell. */
final class Lane {
  final RingConsumer mailIn;
  final RingConsumer controlIn;
  final RingProducer mailOut;
  final RingProducer controlOut;
  private final HostBell bell;

  private boolean stopping;
  private long stopAt; // the position in mail up to which it must be read first

  Lane(RingConsumer mailIn, RingConsumer controlIn, RingProducer mailOut, RingProducer controlOut, HostBell bell) {
    this.mailIn = mailIn;
    this.controlIn = controlIn;
    this.mailOut = mailOut;
    this.controlOut = controlOut;
    this.bell = bell;
  }

  void stopAt(long position) {
    stopping = true;
    stopAt = position;
  }

  /** Whether the host said stop, and all mail before that has been read. */
  boolean isDrained() {
    return stopping && mailIn.position() - stopAt >= 0;
  }

  boolean hasInput() {
    return !controlIn.isEmpty() || (!isDrained() && !mailIn.isEmpty());
  }

  /** Publishes both open batches and rings for them. */
  void publish() {
    boolean mail = mailOut.publish();
    boolean control = controlOut.publish();
    if (mail || control) bell.ring();
  }

  /** Stores the cursors that moved, and rings a producer that waits for it. */
  void storeCursors() {
    // Not short-circuited: both cursors are stored.
    boolean wanted = mailIn.storeCursor() | controlIn.storeCursor();
    if (wanted) bell.ring();
  }

  /** The first fault of the host's on this lane, or null. */
  RingFault fault() {
    if (mailIn.fault() != null) return mailIn.fault();
    if (controlIn.fault() != null) return controlIn.fault();
    return mailOut.fault() != null ? mailOut.fault() : controlOut.fault();
  }
}

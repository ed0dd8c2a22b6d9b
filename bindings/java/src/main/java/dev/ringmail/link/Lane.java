package dev.ringmail.link;

import dev.ringmail.arena.ArenaConsumer;
import dev.ringmail.arena.ArenaProducer;
import dev.ringmail.control.Messages.Presence;
import dev.ringmail.ring.RingConsumer;
import dev.ringmail.ring.RingFault;
import dev.ringmail.ring.RingProducer;
import dev.ringmail.ring.RingSurvey;

/**
 * What connects this peer with one thread of the host, or with another peer: two rings in, two rings out, and the doorbell of who is
 * there; with a thread of the host perhaps arenas. Whoever keeps one outside of this package can but give it back.
 */
public final class Lane {
  final int number;
  final RingConsumer mailIn;
  final RingConsumer controlIn;
  final RingProducer mailOut;
  final RingProducer controlOut;
  final ArenaConsumer bodiesIn; // null: it has no arenas
  final ArenaProducer bodiesOut; // likewise
  private final Doorbell bell;
  private final Met met; // null: the host

  private boolean stopping;
  private long stopAt; // the position in mail up to which it must be read first

  private boolean left; // its host is dead, and its memory is not touched any more

  // Of another peer.
  private Presence.State presence = Presence.State.THERE;
  private boolean broken; // it has written the impossible, and is not read any more

  /** The rings of a lane, and where they lead to. */
  record Ends(
      RingConsumer mailIn, RingConsumer controlIn, RingProducer mailOut, RingProducer controlOut, Doorbell bell) {}

  /** To a thread of the host. */
  Lane(int number, Ends ends, ArenaConsumer bodiesIn, ArenaProducer bodiesOut) {
    this(number, ends, bodiesIn, bodiesOut, null);
  }

  /** To another peer. */
  Lane(int number, Ends ends, Met met) {
    this(number, ends, null, null, met);
  }

  private Lane(int number, Ends ends, ArenaConsumer bodiesIn, ArenaProducer bodiesOut, Met met) {
    this.number = number;
    mailIn = ends.mailIn;
    controlIn = ends.controlIn;
    mailOut = ends.mailOut;
    controlOut = ends.controlOut;
    bell = ends.bell;
    this.bodiesIn = bodiesIn;
    this.bodiesOut = bodiesOut;
    this.met = met;
  }

  boolean isToPeer() {
    return met != null;
  }

  /** Of the peer that it leads to. */
  String otherName() {
    return met.name();
  }

  // ---- stopping

  boolean isStopping() {
    return stopping;
  }

  void stopAt(long position) {
    stopping = true;
    stopAt = position;
  }

  /** What another peer has published by now is read, and not beyond: that is for the next life. */
  void stopReading() {
    if (!stopping) stopAt(met.endOfMail());
  }

  /** Whether the host said stop, and all mail before that has been read. */
  boolean isDrained() {
    return broken || (stopping && mailIn.position() - stopAt >= 0);
  }

  // ---- the end of its host

  void leave() {
    left = true;
  }

  boolean isLeft() {
    return left;
  }

  /** Messages of this peer that its host has not read. */
  long unread() {
    RingSurvey survey = mailOut.unread();
    return survey == null ? 0 : survey.messages();
  }

  // ---- the other peer

  void note(Presence.State state) {
    presence = state;
  }

  void breakOff() {
    broken = true;
  }

  boolean isBroken() {
    return broken;
  }

  /** Nobody will read what is sent there. */
  boolean isCut() {
    return broken || presence == Presence.State.ENDED;
  }

  /** Nobody waits there for an answer. */
  boolean isForgotten() {
    return left || broken || presence != Presence.State.THERE;
  }

  // ---- the rings

  boolean hasInput() {
    return !broken && (!controlIn.isEmpty() || (!isDrained() && !mailIn.isEmpty()));
  }

  /** Publishes both open batches and rings for them. */
  void publish() {
    boolean mail = mailOut.publish();
    boolean control = controlOut.publish();
    if (mail || control) bell.ring();
  }

  /** Leaves the batch of mail open. */
  void publishControl() {
    if (controlOut.publish()) bell.ring();
  }

  /** Stores the cursors that moved, and rings a producer that waits for it. */
  void storeCursors() {
    // Not short-circuited: both cursors are stored.
    boolean wanted = mailIn.storeCursor() | controlIn.storeCursor();
    if (wanted) bell.ring();
  }

  /** For a body that was given back. Any thread. */
  void ring() {
    bell.ring();
  }

  /** The first fault of the other side's on this lane, or null. */
  RingFault fault() {
    if (mailIn.fault() != null) return mailIn.fault();
    if (controlIn.fault() != null) return controlIn.fault();
    if (mailOut.fault() != null) return mailOut.fault();
    if (controlOut.fault() != null) return controlOut.fault();
    return bodiesOut != null ? bodiesOut.fault() : null;
  }
}

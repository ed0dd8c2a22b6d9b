package dev.ringmail.link;

import dev.ringmail.FullException;
import dev.ringmail.NotFoundException;
import dev.ringmail.arena.Block;
import dev.ringmail.arena.BodyPlace;
import dev.ringmail.control.Hello;
import dev.ringmail.control.Welcome;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingProducer;
import dev.ringmail.ring.Spin;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** What a peer sends: loans, bodies, answers, and how it waits for room. One thread. */
public final class Outbox {
  static final long FOREVER = Long.MAX_VALUE / 2;
  private static final Duration LONGEST = Duration.ofNanos(FOREVER);

  /** Of the number of an ask, which has the life of its asker above: the bits 24 to 30. */
  private static final int ASKS_OF_A_LIFE = (1 << 24) - 1;

  private static final int LIFE = 0x7f << 24;
  private static final long ACTOR = (1L << 52) - 1;

  private final Link link;
  private final Lanes lanes;
  private final Spin spin;

  private boolean dirty; // some lane has an open batch that may be published
  private boolean acknowledges; // every message of mail, in one batch with what it led to
  private final Batch batch = new Batch();
  private RingProducer loanRing;
  private long loanTarget;
  private int life;
  private int asks;
  private long pastSent; // to hosts before

  Outbox(Link link, Lanes lanes, Spin spin) {
    this.link = link;
    this.lanes = lanes;
    this.spin = spin;
    join(link.welcome());
  }

  /** There is a host. */
  void join(Welcome welcome) {
    acknowledges = (welcome.features() & Hello.EXACTLY_ONCE) != 0;
    life = (int) welcome.incarnation() << 24 & LIFE;
  }

  /** It is dead, and what was sent to it is published. */
  void leave() {
    pastSent = sent();
  }

  static long nanosOf(Duration time) {
    return time.compareTo(LONGEST) < 0 ? time.toNanos() : FOREVER;
  }

  static long deadlineIn(long nanos) {
    return System.nanoTime() + Math.min(nanos, FOREVER);
  }

  /**
   * Room for a payload in the ring itself: its offset in the buffer of {@link #loanRing()}, or -1 if there is none within the time, or no
   * host. One loan is open at a time.
   */
  public int loan(long target, int length, long nanos) throws InterruptedException {
    if (!link.findHost(nanos)) return -1;
    if (loanRing != null) throw new IllegalStateException("another loan is open");
    Lane lane = laneTo(target);
    if (batch.lane() != null) {
      lane = batch.lane();
      if (!joinBatch(length, nanos)) return -1;
    }
    return loan(lane, target, length, nanos);
  }

  /** Room for a signal, which goes the way that it always goes. */
  public int loanSignal(long target, long nanos) throws InterruptedException {
    if (!link.findHost(nanos)) return -1;
    if (loanRing != null) throw new IllegalStateException("another loan is open");
    return loan(laneTo(target), target, 0, nanos);
  }

  private int loan(Lane lane, long target, int length, long nanos) throws InterruptedException {
    checkLength(length, lane.mailOut);
    int at = lane.mailOut.tryLoan(length);
    if (at < 0) {
      long deadline = deadlineIn(nanos);
      at = awaitRoom(lane, lane.mailOut, length, nanos);
      // The lane went with its host.
      if (lane.isLeft()) return loan(target, length, deadline - System.nanoTime());
    }
    if (at >= 0) {
      loanRing = lane.mailOut;
      // To another peer: 0 is the peer itself.
      loanTarget = lane.isToPeer() ? target & ACTOR : target;
    }
    return at;
  }

  /** The lane that leads to the thread on which a mailbox of the host lives, or to another peer. */
  private Lane laneTo(long mailbox) {
    Lane lane = mailbox == 0 ? null : lanes.of(mailbox >>> 52 & 0xff);
    if (lane == null) throw new IllegalArgumentException("there is no mailbox 0x" + Long.toHexString(mailbox));
    if (lane.isCut()) throw isCut(lane);
    return lane;
  }

  private static NotFoundException isCut(Lane lane) {
    String how = lane.isBroken() ? "broke the protocol" : "has ended";
    return new NotFoundException("the peer '" + lane.otherName() + "' " + how);
  }

  /** Whether that mailbox is another peer's. */
  public boolean isOfPeer(long mailbox) {
    return laneTo(mailbox).isToPeer();
  }

  /** The ring of the open loan, or null. */
  public RingProducer loanRing() {
    return loanRing;
  }

  public void commitLoan(int type, int correlation) {
    commitLoan(Frames.MESSAGE, type, correlation, 0);
  }

  public void commitLoan(int kind, int type, int correlation, long sender) {
    loanRing.commit(kind, type, correlation, loanTarget, sender);
    loanRing = null;
    dirty = true;
  }

  public void cancelLoan() {
    loanRing.cancel();
    loanRing = null;
  }

  /** Answers an ask that came by that lane. Never waits for long: replies have a ring of their own. */
  public void answer(
      Lane to, int kind, int type, int correlation, long target, long sender, ByteBuffer payload, int offset, int length)
      throws InterruptedException {
    link.checkOpen();
    if (loanRing != null) throw new IllegalStateException("a loan is open");
    if (to.isForgotten()) return; // whoever asked is no more
    if (batch.lane() != null) {
      answerInBatch(kind, type, correlation, target, sender, payload, offset, length);
      return;
    }
    RingProducer ring = to.controlOut;
    checkLength(length, ring);
    int at = ring.tryLoan(length);
    if (at < 0) at = awaitAnswerRoom(to, length);
    if (at < 0) return;
    if (length != 0) ring.data().put(at, payload, offset, length);
    ring.commit(kind, type, correlation, target, sender);
    dirty = true;
  }

  // ---- exactly once: what a message leads to, published by one store with its acknowledgement

  /** What was sent before has nothing to do with the message, and does not share its fate. */
  void beginBatch(Lane lane) {
    if (!acknowledges) return;
    flush();
    batch.begin(lane);
  }

  void endBatch() {
    if (batch.lane() == null) return;
    dirty |= batch.lane().mailOut.hasOpenBatch();
    batch.end();
  }

  /** Makes sure that another frame of that length may go into it, behind the acknowledgement. False: there is no room within the time. */
  private boolean joinBatch(int length, long nanos) throws InterruptedException {
    batch.add(length);
    if (batch.isAcknowledging()) return true;
    Lane lane = batch.lane();
    int at = lane.mailOut.tryLoan(Long.BYTES);
    if (at < 0) at = awaitRoom(lane, lane.mailOut, Long.BYTES, nanos);
    if (at >= 0) batch.acknowledge(at);
    return at >= 0;
  }

  /** By mail, for with what else the message leads to it is published by one store. */
  private void answerInBatch(
      int kind, int type, int correlation, long target, long sender, ByteBuffer payload, int offset, int length)
      throws InterruptedException {
    if (!joinBatch(length, FOREVER)) throw full();
    Lane lane = batch.lane();
    int at = lane.mailOut.tryLoan(length);
    if (at < 0) at = awaitRoom(lane, lane.mailOut, length, FOREVER);
    if (at < 0) throw full();
    if (length != 0) lane.mailOut.data().put(at, payload, offset, length);
    lane.mailOut.commit(kind, type, correlation, target, sender);
  }

  /** A question would be published when the message is finished, and who waits for its answer never comes to that. */
  public void checkAsk() {
    if (batch.lane() == null) return;
    throw new UnsupportedOperationException(
        "a message is in hand, and what it leads to is sent exactly once, when it is finished: no question before");
  }

  /** How many bytes an answer may have. */
  public int maxAnswer() {
    int most = 0;
    for (Lane lane : lanes.all()) most = Math.max(most, lane.controlOut.maxPayload());
    return most;
  }

  // ---- bodies

  /** Room for a body, or null if there is none within the time. Any number of these loans may be open. */
  public Block loanLarge(long target, long length, long nanos) throws InterruptedException {
    if (!link.findHost(nanos)) return null;
    if (loanRing != null) throw new IllegalStateException("another loan is open");
    Lane lane = laneTo(target);
    if (lane.isToPeer()) throw new UnsupportedOperationException("there are no bodies between two peers");
    if (lane.bodiesOut == null) throw new UnsupportedOperationException("the host has no room for bodies");
    long most = lane.bodiesOut.memory().bytes();
    if (length < 0 || length > most) {
      throw new IllegalArgumentException("a body of " + length + " bytes: the host has room for " + most);
    }
    Block block = lane.bodiesOut.tryLoan(length, lane.mailOut);
    if (block != null) return block;
    Block[] found = {null};
    long deadline = deadlineIn(nanos);
    await(
        lane,
        lane.mailOut,
        () -> found[0] != null || (found[0] = lane.bodiesOut.tryLoan(length, lane.mailOut)) != null,
        nanos);
    return lane.isLeft() ? loanLarge(target, length, deadline - System.nanoTime()) : found[0];
  }

  /** A message with that body. False if there is no room for it in the ring within the time; the block is loaned still. */
  public boolean sendLarge(
      long target, Block block, int type, ByteBuffer payload, int offset, int length, int correlation, long nanos)
      throws InterruptedException {
    int at = loan(target, BodyPlace.BYTES + length, nanos);
    if (at < 0) return false;
    Lane lane = laneTo(target);
    RingProducer ring = loanRing;
    boolean written = false;
    try {
      if (lane.bodiesOut != block.owner()) throw new IllegalStateException("the host that this body was for has died");
      ring.data().put(at + BodyPlace.BYTES, payload, offset, length);
      written = true;
    } finally {
      if (!written) cancelLoan();
    }
    lane.bodiesOut.describe(block, ring.data(), at);
    commitLoan(Frames.LARGE, type, correlation, 0);
    lane.bodiesOut.committed(block, ring);
    return true;
  }

  // ---- room

  private int awaitRoom(Lane lane, RingProducer ring, int length, long nanos) throws InterruptedException {
    int[] at = {-1};
    await(lane, ring, () -> at[0] >= 0 || (at[0] = ring.tryLoan(length)) >= 0, nanos);
    return at[0];
  }

  /** -1: whoever asked is no more, be it with its host. */
  private int awaitAnswerRoom(Lane lane, int length) throws InterruptedException {
    try {
      return awaitRoom(lane, lane.controlOut, length, FOREVER);
    } catch (NotFoundException e) {
      return -1;
    }
  }

  /** Until `tryAgain` has found room, or the time is up, or the lane has gone with its host. */
  private void await(Lane lane, RingProducer ring, BooleanSupplier tryAgain, long nanos) throws InterruptedException {
    // What is open must be seen, or the consumer could not make room.
    flush();
    BooleanSupplier isOver = () -> tryAgain.getAsBoolean() || lane.fault() != null;
    if (!isOver.getAsBoolean() && nanos > 0 && !spin.look(isOver)) {
      long deadline = System.nanoTime() + Math.min(nanos, FOREVER);
      if (!spin.spin(isOver, deadline)) sleepForRoom(lane, ring, isOver, deadline);
    }
    link.checkFault(lane);
    if (lane.isBroken()) throw isCut(lane);
  }

  private void sleepForRoom(Lane lane, RingProducer ring, BooleanSupplier isOver, long deadline)
      throws InterruptedException {
    // What is finished is told before a sleep: the other side may wait for that room.
    lanes.storeCursors();
    ring.wantRoom(true);
    try {
      while (!isOver.getAsBoolean()) {
        if (link.hasLostHost()) {
          link.comeBack(deadline);
          return;
        }
        link.takeNews();
        if (lane.isCut()) throw isCut(lane);
        // Whoever asked is dead, and nobody makes room for answers to him.
        if (ring == lane.controlOut && lane.isForgotten()) return;
        if (Thread.interrupted()) throw new InterruptedException();
        long left = deadline - System.nanoTime();
        if (left <= 0) return;
        link.bell().park(left, () -> isOver.getAsBoolean() || link.hasEnded() || link.hasNews());
      }
    } finally {
      if (!lane.isLeft()) ring.wantRoom(false);
    }
  }

  /** Not that of one of the last asks, of this life or of the ones before. */
  public int nextCorrelation() {
    asks = asks + 1 & ASKS_OF_A_LIFE;
    if (asks == 0) ++asks;
    return life | asks;
  }

  /** Whether an answer that came by a lane between two peers, which outlives both, is to an ask of this life. */
  boolean isOfThisLife(int correlation) {
    return (correlation & LIFE) == life;
  }

  /** Publishes what was sent so far. */
  public void flush() {
    if (!dirty) return;
    dirty = false;
    lanes.publishAllBut(batch.lane());
  }

  private static void checkLength(int length, RingProducer ring) {
    if (length < 0 || length > ring.maxPayload()) {
      throw new IllegalArgumentException("a payload of " + length + " bytes: at most " + ring.maxPayload() + " is half the ring");
    }
  }

  public static FullException full() {
    return new FullException("no room for it, within the time");
  }

  public long sent() {
    long sent = pastSent;
    for (Lane lane : lanes.all()) sent += lane.mailOut.published();
    return sent;
  }
}

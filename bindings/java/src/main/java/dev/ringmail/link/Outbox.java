package dev.ringmail.link;

import dev.ringmail.FullException;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingProducer;
import dev.ringmail.ring.Spin;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;

/** What a peer sends: loans, answers, and how it waits for room. One thread. */
public final class Outbox {
  static final long FOREVER = Long.MAX_VALUE / 2;

  private final Link link;
  private final Lane[] lanes;
  private final PeerBell bell;
  private final Spin spin;

  private boolean dirty; // some lane has an open batch
  private RingProducer loanRing;
  private long loanTarget;
  private int correlation;

  Outbox(Link link, Lane[] lanes, PeerBell bell, Spin spin) {
    this.link = link;
    this.lanes = lanes;
    this.bell = bell;
    this.spin = spin;
  }

  /**
   * Room for a payload in the ring itself: its offset in the buffer of {@link #loanRing()}, or -1 if there is none within the time. One
   * loan is open at a time.
   */
  public int loan(long target, int length, long nanos) throws InterruptedException {
    link.checkOpen();
    if (loanRing != null) throw new IllegalStateException("another loan is open");
    int index = laneOf(target);
    if (target == 0 || index >= lanes.length) {
      throw new IllegalArgumentException("there is no mailbox 0x" + Long.toHexString(target));
    }
    Lane lane = lanes[index];
    checkLength(length, lane.mailOut);
    int at = lane.mailOut.tryLoan(length);
    if (at < 0) at = awaitRoom(lane, lane.mailOut, length, nanos);
    if (at >= 0) {
      loanRing = lane.mailOut;
      loanTarget = target;
    }
    return at;
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
      int lane, int kind, int type, int correlation, long target, long sender, ByteBuffer payload, int offset, int length)
      throws InterruptedException {
    link.checkOpen();
    if (loanRing != null) throw new IllegalStateException("a loan is open");
    RingProducer ring = lanes[lane].controlOut;
    checkLength(length, ring);
    int at = ring.tryLoan(length);
    if (at < 0) at = awaitRoom(lanes[lane], ring, length, FOREVER);
    if (length != 0) ring.data().put(at, payload, offset, length);
    ring.commit(kind, type, correlation, target, sender);
    dirty = true;
  }

  /** How many bytes an answer may have. */
  public int maxAnswer() {
    int most = 0;
    for (Lane lane : lanes) most = Math.max(most, lane.controlOut.maxPayload());
    return most;
  }

  private int awaitRoom(Lane lane, RingProducer ring, int length, long nanos) throws InterruptedException {
    // What is open must be seen, or the host could not make room.
    flush();
    int[] at = {-1};
    BooleanSupplier tryAgain = () -> at[0] >= 0 || (at[0] = ring.tryLoan(length)) >= 0 || ring.fault() != null;
    long deadline = System.nanoTime() + Math.min(nanos, FOREVER);
    if (!tryAgain.getAsBoolean() && nanos > 0 && !spin.spin(tryAgain, deadline)) sleepForRoom(ring, tryAgain, deadline);
    link.checkFault(lane);
    return at[0];
  }

  private void sleepForRoom(RingProducer ring, BooleanSupplier tryAgain, long deadline) throws InterruptedException {
    // What is finished is told before a sleep: the host may wait for that room.
    link.storeCursors();
    ring.wantRoom(true);
    try {
      while (!tryAgain.getAsBoolean()) {
        link.checkHost();
        if (Thread.interrupted()) throw new InterruptedException();
        long left = deadline - System.nanoTime();
        if (left <= 0) return;
        bell.park(left, () -> tryAgain.getAsBoolean() || link.hasLostHost());
      }
    } finally {
      ring.wantRoom(false);
    }
  }

  /** Not 0, and not that of one of the last four billion asks. */
  public int nextCorrelation() {
    if (++correlation == 0) ++correlation;
    return correlation;
  }

  /** Publishes what was sent so far. */
  public void flush() {
    if (!dirty) return;
    dirty = false;
    for (Lane lane : lanes) lane.publish();
  }

  private static void checkLength(int length, RingProducer ring) {
    if (length < 0 || length > ring.maxPayload()) {
      throw new IllegalArgumentException("a payload of " + length + " bytes: at most " + ring.maxPayload() + " is half the ring");
    }
  }

  /** The lane that leads to the thread on which a mailbox of the host lives. */
  private static int laneOf(long mailbox) {
    return (int) (mailbox >>> 52) & 0xff;
  }

  public static FullException full() {
    return new FullException("no room in the ring to the host");
  }

  public long sent() {
    long sent = 0;
    for (Lane lane : lanes) sent += lane.mailOut.published();
    return sent;
  }
}

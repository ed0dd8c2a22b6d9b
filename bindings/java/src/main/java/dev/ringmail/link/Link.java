package dev.ringmail.link;

import dev.ringmail.FullException;
import dev.ringmail.HostGoneException;
import dev.ringmail.NotFoundException;
import dev.ringmail.ProtocolException;
import dev.ringmail.RingmailException;
import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.Hello;
import dev.ringmail.control.Messages;
import dev.ringmail.control.Messages.Resolved;
import dev.ringmail.control.Welcome;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingConsumer;
import dev.ringmail.ring.RingFault;
import dev.ringmail.ring.RingProducer;
import dev.ringmail.ring.Spin;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** The peer's side of a link. One thread, but for wake(). */
public final class Link {
  /** What receive() found. */
  public enum Received {
    NOTHING,
    MAIL,
    /** A reply or a no_reply. */
    ANSWER,
    /** The host said stop, and all mail before that is finished. */
    STOPPED
  }

  private static final long FOREVER = Long.MAX_VALUE / 2;

  private final ControlStream control;
  private final Listener listener;
  private final Welcome welcome;
  private final PeerBell bell;
  private final Lane[] lanes;
  private final Spin spin;
  private final BooleanSupplier hasWork;

  private boolean closed;
  private boolean failed;
  private boolean dirty; // some lane has an open batch
  private int nextLane;
  private int heldLane;
  private RingConsumer held; // the ring of the message that is not released yet
  private RingProducer loanRing;
  private long loanTarget;
  private int correlation;
  private int request;
  private long received;

  /**
   * Joins the host that spawned this process.
   *
   * @param numbers what RINGMAIL_FDS says, or null
   * @param wakeFor whether another thread has something for the one that waits; wake() follows it
   */
  public static Link join(String numbers, Hello hello, Duration timeout, Duration spin, BooleanSupplier wakeFor) {
    return new Link(Joined.shakeHands(Inherited.open(numbers), hello, timeout), spin, wakeFor);
  }

  /** What a peer in Java offers. */
  public static long features() {
    return Joined.FEATURES;
  }

  private Link(Joined joined, Duration spin, BooleanSupplier wakeFor) {
    control = joined.control();
    listener = joined.listener();
    welcome = joined.welcome();
    bell = joined.bell();
    lanes = joined.lanes();
    this.spin = new Spin(spin.toNanos());
    hasWork = () -> hasInput() || wakeFor.getAsBoolean() || listener.hasEnded();
    listener.onEnd(bell::wake);
  }

  public Welcome welcome() {
    return welcome;
  }

  /** Calls the action on another thread when the host has died or has closed the link. */
  public void onHostGone(Runnable action) {
    listener.onEnd(
        () -> {
          bell.wake();
          action.run();
        });
  }

  /** Ends a wait, or the next one. From any thread. */
  public void wake() {
    bell.wake();
  }

  public boolean isClosed() {
    return closed;
  }

  // ---- receiving

  private boolean hasInput() {
    boolean allDrained = true;
    for (Lane lane : lanes) {
      if (lane.hasInput()) return true;
      allDrained &= lane.isDrained();
    }
    return allDrained;
  }

  /** The next message, which {@link #held()} then describes, without waiting. Replies come before mail. */
  public Received receive() {
    checkOpen();
    if (held != null) throw new IllegalStateException("the message received before has not been released");
    boolean allDrained = true;
    for (int tried = 0; tried < lanes.length; ++tried) {
      int index = nextLane;
      Lane lane = lanes[index];
      nextLane = index + 1 == lanes.length ? 0 : index + 1;
      if (takeControl(lane)) return hold(index, lane.controlIn, Received.ANSWER);
      if (!lane.isDrained()) {
        allDrained = false;
        if (lane.mailIn.peek()) {
          if (lane.mailIn.kind() != Frames.MESSAGE) throw broken("it sent a frame of kind " + lane.mailIn.kind() + " as mail");
          return hold(index, lane.mailIn, Received.MAIL);
        }
      }
      checkFault(lane);
    }
    return allDrained ? Received.STOPPED : Received.NOTHING;
  }

  private Received hold(int lane, RingConsumer ring, Received what) {
    ring.begin();
    heldLane = lane;
    held = ring;
    return what;
  }

  /** Deals with what the host says to this process. Whether there is something for its user. */
  private boolean takeControl(Lane lane) {
    RingConsumer ring = lane.controlIn;
    while (ring.peek()) {
      switch (ring.kind()) {
        case Frames.REPLY, Frames.NO_REPLY -> {
          return true;
        }
        case Frames.STOP -> {
          if (ring.length() != Long.BYTES) throw broken("it sent a stop without a position");
          ByteBuffer payload = ring.payload();
          lane.stopAt(payload.getLong(payload.position()));
        }
        case Frames.PING -> {
          // One that finds no room is not answered: the host then has not read the answers before it.
          if (lane.controlOut.tryLoan(0) >= 0) {
            lane.controlOut.commit(Frames.PONG, 0, ring.correlation(), 0, 0);
            lane.publish();
          }
        }
        case Frames.PONG -> {}
        default -> throw broken("it sent a frame of kind " + ring.kind() + " on a control ring");
      }
      ring.advance();
      lane.storeCursors();
    }
    return false;
  }

  /** The ring at whose front the message in hand stands, or null. */
  public RingConsumer held() {
    return held;
  }

  public int heldLane() {
    return heldLane;
  }

  /** The message in hand is finished: publishes what was sent meanwhile, and only then may the host forget it. */
  public void release() {
    Lane lane = lanes[heldLane];
    if (held == lane.mailIn) ++received;
    held.advance();
    flush();
    if (held.cursorDue() || held.isEmpty()) lane.storeCursors();
    held = null;
  }

  /** Waits until there is something to do, or the time is up. Publishes first. Spins a while, then sleeps. */
  public void await(long nanos) throws InterruptedException {
    checkOpen();
    flush();
    storeCursors();
    if (hasWork.getAsBoolean() || nanos <= 0) {
      if (!hasInput()) checkHost();
      return;
    }
    long deadline = System.nanoTime() + Math.min(nanos, FOREVER);
    if (spin.spin(hasWork, deadline)) return;
    while (true) {
      if (!hasInput()) checkHost();
      if (Thread.interrupted()) throw new InterruptedException();
      long left = deadline - System.nanoTime();
      if (left <= 0) return;
      bell.park(left, hasWork);
      if (hasWork.getAsBoolean()) break;
    }
    spin.observe();
  }

  // ---- sending

  /**
   * Room for a payload in the ring itself: its offset in the buffer of {@link #loanRing()}, or -1 if there is none within the time. One
   * loan is open at a time.
   */
  public int loan(long target, int length, long nanos) throws InterruptedException {
    checkOpen();
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
    loanRing.commit(Frames.MESSAGE, type, correlation, loanTarget, 0);
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
    checkOpen();
    if (loanRing != null) throw new IllegalStateException("a loan is open");
    RingProducer ring = lanes[lane].controlOut;
    checkLength(length, ring);
    int at = ring.tryLoan(length);
    if (at < 0) at = awaitRoom(lanes[lane], ring, length, FOREVER);
    if (length != 0) ring.data().put(at, payload, offset, length);
    ring.commit(kind, type, correlation, target, sender);
    dirty = true;
  }

  private int awaitRoom(Lane lane, RingProducer ring, int length, long nanos) throws InterruptedException {
    // What is open must be seen, or the host could not make room.
    flush();
    int[] at = {-1};
    BooleanSupplier tryAgain = () -> at[0] >= 0 || (at[0] = ring.tryLoan(length)) >= 0 || ring.fault() != null;
    long deadline = System.nanoTime() + Math.min(nanos, FOREVER);
    if (!tryAgain.getAsBoolean() && nanos > 0 && !spin.spin(tryAgain, deadline)) sleepForRoom(ring, tryAgain, deadline);
    checkFault(lane);
    return at[0];
  }

  private void sleepForRoom(RingProducer ring, BooleanSupplier tryAgain, long deadline) throws InterruptedException {
    // What is finished is told before a sleep: the host may wait for that room.
    storeCursors();
    ring.wantRoom(true);
    try {
      while (!tryAgain.getAsBoolean()) {
        checkHost();
        if (Thread.interrupted()) throw new InterruptedException();
        long left = deadline - System.nanoTime();
        if (left <= 0) return;
        bell.park(left, () -> tryAgain.getAsBoolean() || listener.hasEnded());
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

  private void storeCursors() {
    for (Lane lane : lanes) lane.storeCursors();
  }

  // ---- the control stream

  /** The mailbox that the host knows by that name. */
  public long lookup(String name, Duration timeout) throws InterruptedException, TimeoutException {
    checkOpen();
    int number = ++request;
    byte[] question = Messages.resolve(number, name);
    if (question == null) throw new NotFoundException("'" + name + "' is not a name");
    var answer = listener.expect(number);
    try {
      control.send(ControlKind.RESOLVE, question);
      Resolved resolved = answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
      if (!resolved.found()) throw new NotFoundException("no mailbox has the name '" + name + "'");
      return resolved.mailbox();
    } catch (TimeoutException e) {
      throw new TimeoutException("the host did not answer where '" + name + "' is");
    } catch (ExecutionException e) {
      throw listener.gone();
    } catch (IOException e) {
      throw new HostGoneException("the control stream failed: " + e.getMessage());
    } finally {
      listener.forget(number);
    }
  }

  /** Tells the host why this process is about to exit. What is in hand stays unfinished; what was sent before is out. */
  public void reportFailure(String text) {
    if (closed) return;
    failed = true;
    flush();
    say(ControlKind.FAILURE, Messages.failure(text));
  }

  /** Publishes what is open, and says goodbye if the host said stop and all is done. */
  public void close() {
    if (closed) return;
    flush();
    boolean allDrained = held == null && !failed;
    for (Lane lane : lanes) {
      lane.storeCursors();
      allDrained &= lane.isDrained();
    }
    if (allDrained) say(ControlKind.GOODBYE, new byte[0]);
    closed = true;
    try {
      control.close();
    } catch (IOException e) {
      throw new RingmailException("the control stream cannot be closed", e);
    }
  }

  private void say(ControlKind kind, byte[] payload) {
    try {
      control.send(kind, payload);
    } catch (IOException e) {
      // The host is gone, and there is nobody to tell.
    }
  }

  // ---- faults and figures

  private void checkOpen() {
    if (closed) throw new IllegalStateException("the peer is closed");
  }

  private void checkHost() {
    if (listener.hasEnded()) throw listener.gone();
  }

  private void checkFault(Lane lane) {
    RingFault fault = lane.fault();
    if (fault != null) throw broken(fault.toString());
  }

  private static ProtocolException broken(String what) {
    return new ProtocolException("the host broke the protocol: " + what);
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

  public long received() {
    return received;
  }

  public long sent() {
    long sent = 0;
    for (Lane lane : lanes) sent += lane.mailOut.published();
    return sent;
  }

  public long sleeps() {
    return bell.sleeps();
  }

  public long lostWakeups() {
    return bell.lostWakeups();
  }
}

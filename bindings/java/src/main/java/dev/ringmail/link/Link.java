package dev.ringmail.link;

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
    /** The end of an actor. */
    DOWN,
    /** The host said stop, and all mail before that is finished. */
    STOPPED
  }

  private final ControlStream control;
  private final Listener listener;
  private final Welcome welcome;
  private final PeerBell bell;
  private final Lane[] lanes;
  private final Spin spin;
  private final Outbox outbox;
  private final BooleanSupplier hasWork;

  private boolean closed;
  private boolean failed;
  private int nextLane;
  private int heldLane;
  private RingConsumer held; // the ring of the message that is not released yet
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
    outbox = new Outbox(this, lanes, bell, this.spin);
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

  public Outbox outbox() {
    return outbox;
  }

  boolean hasLostHost() {
    return listener.hasEnded();
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
          boolean isDown = lane.mailIn.kind() == Frames.SIGNAL && lane.mailIn.type() == Frames.SIGNAL_DOWN;
          if (!isDown && lane.mailIn.kind() != Frames.MESSAGE) {
            throw broken("it sent a frame of kind " + lane.mailIn.kind() + " as mail");
          }
          return hold(index, lane.mailIn, isDown ? Received.DOWN : Received.MAIL);
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
    outbox.flush();
    if (held.cursorDue() || held.isEmpty()) lane.storeCursors();
    held = null;
  }

  /** Waits until there is something to do, or the time is up. Publishes first. Spins a while, then sleeps. */
  public void await(long nanos) throws InterruptedException {
    checkOpen();
    outbox.flush();
    storeCursors();
    if (hasWork.getAsBoolean() || nanos <= 0) {
      if (!hasInput()) checkHost();
      return;
    }
    long deadline = System.nanoTime() + Math.min(nanos, Outbox.FOREVER);
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

  void storeCursors() {
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

  /** Lines for the host's log. From any thread; waits for a host that reads slowly. */
  public void log(int level, String text) {
    if ((welcome.features() & Hello.LOG) == 0) {
      throw new UnsupportedOperationException("the host takes no lines for its log");
    }
    try {
      control.send(ControlKind.LOG, Messages.log(level, text));
    } catch (IOException e) {
      throw new HostGoneException("the control stream failed: " + e.getMessage());
    }
  }

  /** Tells the host why this process is about to exit. What is in hand stays unfinished; what was sent before is out. */
  public void reportFailure(String text) {
    if (closed) return;
    failed = true;
    outbox.flush();
    storeCursors();
    say(ControlKind.FAILURE, Messages.failure(text));
  }

  /** Publishes what is open, and says goodbye if the host said stop and all is done. */
  public void close() {
    if (closed) return;
    outbox.flush();
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

  void checkOpen() {
    if (closed) throw new IllegalStateException("the peer is closed");
  }

  void checkHost() {
    if (listener.hasEnded()) throw listener.gone();
  }

  void checkFault(Lane lane) {
    RingFault fault = lane.fault();
    if (fault != null) throw broken(fault.toString());
  }

  private static ProtocolException broken(String what) {
    return new ProtocolException("the host broke the protocol: " + what);
  }

  public long received() {
    return received;
  }

  public long sleeps() {
    return bell.sleeps();
  }

  public long lostWakeups() {
    return bell.lostWakeups();
  }
}

package dev.ringmail.link;

import dev.ringmail.HostGoneException;
import dev.ringmail.NotFoundException;
import dev.ringmail.ProtocolException;
import dev.ringmail.arena.BodyPlace;
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
import java.nio.file.Path;
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
  private final Lane[] ofHost;
  private final Lanes lanes; // and those to other peers
  private final Introductions introductions;
  private final Spin spin;
  private final Outbox outbox;
  private final BooleanSupplier hasWork;

  private boolean closed;
  private boolean failed;
  private int nextLane;
  private Lane heldLane;
  private RingConsumer held; // the ring of the message that is not released yet
  private BodyPlace heldBody; // null: it has none, or it is kept
  private boolean hadBody;
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

  /** Joins whoever listens at the path, as above. */
  public static Link attach(Path path, Hello hello, Duration timeout, Duration spin, BooleanSupplier wakeFor) {
    return new Link(Joined.shakeHands(Connected.open(path), hello, timeout), spin, wakeFor);
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
    ofHost = joined.lanes();
    lanes = new Lanes(ofHost);
    introductions = joined.introductions();
    this.spin = new Spin(spin.toNanos());
    outbox = new Outbox(this, lanes, bell, this.spin);
    hasWork = () -> hasInput() || wakeFor.getAsBoolean() || introductions.hasNews() || listener.hasEnded();
    listener.onNews(bell::wake);
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

  boolean hasNews() {
    return introductions.hasNews();
  }

  /** What is said of other peers. */
  void takeNews() {
    if (introductions.hasNews()) introductions.takeNews(lanes);
  }

  // ---- receiving

  private boolean hasInput() {
    boolean allDrained = true;
    for (Lane lane : lanes.all()) {
      if (lane.hasInput()) return true;
      allDrained &= lane.isDrained();
    }
    return allDrained;
  }

  /** The next message, which {@link #held()} then describes, without waiting. Replies come before mail. */
  public Received receive() {
    checkOpen();
    if (held != null) throw new IllegalStateException("the message received before has not been released");
    takeNews();
    boolean allDrained = true;
    Lane[] all = lanes.all();
    for (int tried = 0; tried < all.length; ++tried) {
      Lane lane = all[nextLane];
      nextLane = nextLane + 1 == all.length ? 0 : nextLane + 1;
      if (takeControl(lane)) return hold(lane, lane.controlIn, Received.ANSWER);
      if (!lane.isDrained()) {
        allDrained = false;
        if (lane.mailIn.peek()) {
          Received what = takeMail(lane);
          if (what != Received.NOTHING) return hold(lane, lane.mailIn, what);
        }
      }
      checkFault(lane);
    }
    return allDrained ? Received.STOPPED : Received.NOTHING;
  }

  private Received hold(Lane lane, RingConsumer ring, Received what) {
    ring.begin();
    heldLane = lane;
    held = ring;
    return what;
  }

  /** What the frame at the front of its mail is; NOTHING: it is none, and the lane is given up. */
  private Received takeMail(Lane lane) {
    RingConsumer ring = lane.mailIn;
    int kind = ring.kind();
    if (kind == Frames.MESSAGE) return Received.MAIL;
    if (lane.isToPeer()) {
      introductions.cut(lane, "it sent a frame of kind " + kind + " as mail");
      return Received.NOTHING;
    }
    if (kind == Frames.SIGNAL && ring.type() == Frames.SIGNAL_DOWN) return Received.DOWN;
    if (kind != Frames.LARGE) throw broken("it sent a frame of kind " + kind + " as mail");
    if (lane.bodiesIn == null) throw broken(RingFault.BODY_NOT_DESCRIBED.toString());
    heldBody = lane.bodiesIn.take(ring.payload());
    if (heldBody == null) throw broken(lane.bodiesIn.fault().toString());
    hadBody = true;
    ring.strip(BodyPlace.BYTES);
    return Received.MAIL;
  }

  /** Deals with what the host says to this process. Whether there is something for its user. */
  private boolean takeControl(Lane lane) {
    RingConsumer ring = lane.controlIn;
    while (!lane.isBroken() && ring.peek()) {
      switch (ring.kind()) {
        case Frames.REPLY, Frames.NO_REPLY -> {
          // Between two peers rings outlive them, and so do answers to whoever is dead.
          if (!lane.isToPeer() || outbox.isOfThisLife(ring.correlation())) return true;
        }
        case Frames.STOP -> {
          if (lane.isToPeer()) {
            introductions.cut(lane, "it sent a frame of a kind that only a host sends");
            return false;
          }
          if (ring.length() != Long.BYTES) throw broken("it sent a stop without a position");
          ByteBuffer payload = ring.payload();
          lane.stopAt(payload.getLong(payload.position()));
          lanes.stopReadingPeers();
        }
        case Frames.PING -> {
          // One that finds no room is not answered: the host then has not read the answers before it.
          if (lane.controlOut.tryLoan(0) >= 0) {
            lane.controlOut.commit(Frames.PONG, 0, ring.correlation(), 0, 0);
            lane.publish();
          }
        }
        case Frames.PONG -> {}
        default -> {
          String what = "it sent a frame of kind " + ring.kind() + " on a control ring";
          if (!lane.isToPeer()) throw broken(what);
          introductions.cut(lane, what);
          return false;
        }
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
    return heldLane.number;
  }

  /** Of the message in hand, in this peer's terms; 0 if nobody sent it. */
  public long heldSender() {
    return heldLane.isToPeer() ? (long) heldLane.number << 52 | held.sender() : held.sender();
  }

  /** Where the body of the message in hand is, or null. */
  public BodyPlace heldBody() {
    return heldBody;
  }

  /** The body of the message in hand is its user's from now on, to be given back by {@link #giveBack}. */
  public void keepBody() {
    heldBody = null;
  }

  /** So many bytes of the body of a message that came by that lane. Any thread. */
  public ByteBuffer view(int lane, BodyPlace body, long at, int length) {
    return ofHost[lane].bodiesIn.memory().view(body.offset() + at, length);
  }

  /** Any thread, also when the link is closed. */
  public void giveBack(int lane, BodyPlace body) {
    Lane from = ofHost[lane];
    if (from.bodiesIn.giveBack(body)) from.ring();
  }

  /** The message in hand is finished: publishes what was sent meanwhile, and only then may the host forget it. */
  public void release() {
    Lane lane = heldLane;
    if (held == lane.mailIn) ++received;
    held.advance();
    outbox.flush();
    if (heldBody != null) giveBack(lane.number, heldBody);
    // A host that waits for a block needs the cursor as well.
    if (hadBody || held.cursorDue() || held.isEmpty()) lane.storeCursors();
    heldBody = null;
    hadBody = false;
    held = null;
  }

  /** Waits until there is something to do, or the time is up. Publishes first. Spins a while, then sleeps. */
  public void await(long nanos) throws InterruptedException {
    checkOpen();
    outbox.flush();
    lanes.storeCursors();
    if (hasWork.getAsBoolean() || nanos <= 0) {
      if (!hasInput()) checkHost();
      return;
    }
    if (spin.look(hasWork)) return;
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
      // The lane to another peer was told of before.
      takeNews();
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
    lanes.storeCursors();
    say(ControlKind.FAILURE, Messages.failure(text));
  }

  /** Publishes what is open, and says goodbye if the host said stop and all is done. */
  public void close() {
    if (closed) return;
    outbox.flush();
    boolean allDrained = held == null && !failed;
    for (Lane lane : lanes.all()) {
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
    if (fault == null) return;
    if (!lane.isToPeer()) throw broken(fault.toString());
    introductions.cut(lane, fault.toString());
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

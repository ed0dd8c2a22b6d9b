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
import dev.ringmail.ring.RingFault;
import dev.ringmail.ring.Spin;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** The peer's side of a link. One thread, but for wake(). */
public final class Link {
  private final ControlStream control;
  private final Listener listener;
  private final Welcome welcome;
  private final PeerBell bell;
  private final Lanes lanes;
  private final Introductions introductions;
  private final Spin spin;
  private final Inbox inbox;
  private final Outbox outbox;
  private final BooleanSupplier hasWork;

  private boolean closed;
  private boolean failed;
  private int request;

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
    lanes = new Lanes(joined.lanes());
    introductions = joined.introductions();
    this.spin = new Spin(spin.toNanos());
    outbox = new Outbox(this, lanes, bell, this.spin);
    inbox = new Inbox(this, lanes, joined.lanes(), introductions, outbox);
    hasWork = () -> inbox.hasInput() || wakeFor.getAsBoolean() || introductions.hasNews() || listener.hasEnded();
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

  public Inbox inbox() {
    return inbox;
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

  // ---- waiting

  /** Waits until there is something to do, or the time is up. Publishes first. Spins a while, then sleeps. */
  public void await(long nanos) throws InterruptedException {
    checkOpen();
    outbox.flush();
    lanes.storeCursors();
    if (hasWork.getAsBoolean() || nanos <= 0) {
      if (!inbox.hasInput()) checkHost();
      return;
    }
    if (spin.look(hasWork)) return;
    long deadline = System.nanoTime() + Math.min(nanos, Outbox.FOREVER);
    if (spin.spin(hasWork, deadline)) return;
    while (true) {
      if (!inbox.hasInput()) checkHost();
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
    boolean allDrained = inbox.held() == null && !failed;
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

  static ProtocolException broken(String what) {
    return new ProtocolException("the host broke the protocol: " + what);
  }

  public long sleeps() {
    return bell.sleeps();
  }

  public long lostWakeups() {
    return bell.lostWakeups();
  }
}

package dev.ringmail.link;

import dev.ringmail.FullException;
import dev.ringmail.HostGoneException;
import dev.ringmail.NotFoundException;
import dev.ringmail.ProtocolException;
import dev.ringmail.RingmailException;
import dev.ringmail.control.ControlKind;
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
import java.util.function.LongConsumer;

/**
 * The peer's side of a link: to a host, and when that has died perhaps to the next one. One thread, but for wake(), log() and welcome().
 */
public final class Link {
  private static final BooleanSupplier NEVER = () -> false;

  private final NextHost next;
  private final Lanes lanes;
  private final Spin spin;
  private final Inbox inbox;
  private final Outbox outbox;
  private final BooleanSupplier wakeFor;
  private final BooleanSupplier hasWork;
  private HostGone whenGone = (patience, hasCome) -> {};
  private LongConsumer whenRestarted = unread -> {};

  private volatile Joined host; // the last there was
  private boolean lost; // it is dead, and the next one is looked for
  private boolean left; // and its memory is not touched any more
  private String end; // none has come. Null: that is not so
  private boolean closed;
  private boolean failed;
  private long unread; // by the host that was left
  private long pastSleeps;
  private long pastLostWakeups;
  private int request;

  /** Is told, on another thread, that a host has died or has closed the link. */
  @FunctionalInterface
  public interface HostGone {
    /**
     * @param patience for how many nanoseconds the next one is looked for; 0: not at all
     * @param hasCome whether it has come meanwhile
     */
    void tell(long patience, BooleanSupplier hasCome);
  }

  /**
   * Joins the host that spawned this process.
   *
   * @param numbers what RINGMAIL_FDS says, or null
   * @param wakeFor whether another thread has something for the one that waits; wake() follows it
   */
  public static Link join(String numbers, Hello hello, Duration timeout, Duration spin, BooleanSupplier wakeFor) {
    Joined host = Joined.shakeHands(Inherited.open(numbers), hello, timeout);
    return new Link(host, new NextHost(hello, null, Duration.ZERO), spin, wakeFor);
  }

  /** Joins whoever listens at the path, as above, and looks there for so long for the next one. */
  public static Link attach(
      Path path, Hello hello, Duration timeout, Duration reconnect, Duration spin, BooleanSupplier wakeFor) {
    Joined host = Joined.shakeHands(Connected.open(path), hello, timeout);
    return new Link(host, new NextHost(hello, path, reconnect), spin, wakeFor);
  }

  /** What a peer in Java offers. */
  public static long features() {
    return Joined.FEATURES;
  }

  private Link(Joined joined, NextHost next, Duration spin, BooleanSupplier wakeFor) {
    this.next = next;
    this.wakeFor = wakeFor;
    host = joined;
    lanes = new Lanes(joined.lanes());
    this.spin = new Spin(spin.toNanos());
    outbox = new Outbox(this, lanes, this.spin);
    inbox = new Inbox(this, lanes, outbox);
    hasWork = () -> inbox.hasInput() || wakeFor.getAsBoolean() || hasNews() || hasEnded();
    next.learn(joined);
    watch(joined);
  }

  private void watch(Joined joined) {
    long patience = next.patience();
    joined.listener().onNews(joined.bell()::wake);
    joined.listener().onEnd(
        () -> {
          joined.bell().wake();
          whenGone.tell(patience, () -> host != joined);
        });
  }

  /** Of whoever is the host, or was it last. From any thread. */
  public Welcome welcome() {
    return host.welcome();
  }

  public void onHostGone(HostGone action) {
    whenGone = action;
    watch(host);
  }

  /** Is told how many messages of this peer the host that died had not read, if they are lost. On this thread, and in the midst of things. */
  public void onRestart(LongConsumer action) {
    whenRestarted = action;
  }

  /** Ends a wait, or the next one. From any thread. */
  public void wake() {
    host.bell().wake();
  }

  public Inbox inbox() {
    return inbox;
  }

  public Outbox outbox() {
    return outbox;
  }

  PeerBell bell() {
    return host.bell();
  }

  /** Whether the stream of the host has. */
  boolean hasEnded() {
    return host.listener().hasEnded();
  }

  boolean hasNews() {
    return host.introductions().hasNews();
  }

  /** What is said of other peers. */
  void takeNews() {
    if (hasNews() && !left) host.introductions().takeNews(lanes);
  }

  /** Another peer has written the impossible. */
  void cut(Lane lane, String why) {
    host.introductions().cut(lane, why);
  }

  // ---- waiting

  /** Waits until there is something to do, or the time is up. Publishes first. Spins a while, then sleeps. */
  public void await(long nanos) throws InterruptedException {
    checkOpen();
    outbox.flush();
    lanes.storeCursors();
    if (hasWork.getAsBoolean() || nanos <= 0) {
      if (isWithoutHost()) comeBack(Outbox.deadlineIn(nanos), wakeFor);
      return;
    }
    if (spin.look(hasWork)) return;
    long deadline = Outbox.deadlineIn(nanos);
    if (spin.spin(hasWork, deadline)) return;
    while (true) {
      if (isWithoutHost()) {
        comeBack(deadline, wakeFor);
        return;
      }
      if (Thread.interrupted()) throw new InterruptedException();
      long left = deadline - System.nanoTime();
      if (left <= 0) return;
      bell().park(left, hasWork);
      if (hasWork.getAsBoolean()) break;
    }
    spin.observe();
  }

  /** What the dead has published is received first. */
  private boolean isWithoutHost() {
    return !inbox.hasInput() && hasLostHost();
  }

  // ---- from one host to the next

  /** Whether the host is dead, and another one may come. It throws if none may. */
  boolean hasLostHost() {
    if (lost) return true;
    if (!hasEnded()) return false;
    if (!next.mayCome() || lanes.isStopping()) throw host.listener().gone();
    lost = true;
    next.begin();
    return true;
  }

  /** Whether there is a host, now or within the time. */
  boolean findHost(long nanos) throws InterruptedException {
    checkOpen();
    return !lost || comeBack(Outbox.deadlineIn(nanos), NEVER);
  }

  /** Waits for the next host until then. False: there is none yet, or somebody wants this thread, or its handler is what keeps it here. */
  private boolean comeBack(long deadline, BooleanSupplier isWanted) throws InterruptedException {
    while (!tryToComeBack()) {
      if (!mayLeave()) return false;
      if (Thread.interrupted()) throw new InterruptedException();
      long time = deadline - System.nanoTime();
      if (time <= 0 || isWanted.getAsBoolean()) return false;
      bell().rest(Math.min(time, next.untilNextTry()), isWanted);
    }
    return true;
  }

  boolean comeBack(long deadline) throws InterruptedException {
    return comeBack(deadline, NEVER);
  }

  /** What is in hand would be lost, and what waits behind it; unless it is kept. */
  private boolean mayLeave() {
    return inbox.held() == null || next.isKept();
  }

  /** One try, if it is time for one. Whether there is another host. */
  private boolean tryToComeBack() {
    try {
      if (!next.isDue() || outbox.loanRing() != null || !mayLeave()) return false;
      // Before the next host hears of this peer: from then on it may take over what lies there.
      if (!left) leave();
      Joined joined = next.tryToJoin();
      if (joined == null) return false;
      join(joined);
      return true;
    } catch (HostGoneException e) {
      lost = false;
      end = e.getMessage();
      whenGone.tell(0, NEVER);
      throw e;
    }
  }

  private void leave() {
    left = true;
    outbox.flush();
    lanes.storeCursors();
    if (!next.isKept()) {
      for (Lane lane : lanes.all()) unread += lane.isToPeer() ? 0 : lane.unread();
    }
    outbox.leave();
    inbox.leave();
    lanes.leave();
    Joined.close(host.control());
  }

  private void join(Joined joined) {
    pastSleeps = sleeps();
    pastLostWakeups = lostWakeups();
    host = joined;
    lost = false;
    left = false;
    next.learn(joined);
    lanes.join(joined.lanes());
    outbox.join(joined.welcome());
    inbox.join();
    watch(joined);
    whenRestarted.accept(unread);
    unread = 0;
  }

  // ---- the control stream

  /** The mailbox that the host knows by that name. */
  public long lookup(String name, Duration timeout) throws InterruptedException, TimeoutException {
    checkOpen();
    long deadline = Outbox.deadlineIn(Outbox.nanosOf(timeout));
    while (true) {
      if (lost && !comeBack(deadline)) throw new TimeoutException("there was no host to ask where '" + name + "' is");
      Resolved resolved = resolve(name, deadline);
      if (resolved == null) continue;
      if (!resolved.found()) throw new NotFoundException("no mailbox has the name '" + name + "'");
      // The lane to another peer was told of before.
      takeNews();
      return resolved.mailbox();
    }
  }

  /** Null: the host has died over it. */
  private Resolved resolve(String name, long deadline) throws InterruptedException, TimeoutException {
    int number = ++request;
    byte[] question = Messages.resolve(number, name);
    if (question == null) throw new NotFoundException("'" + name + "' is not a name");
    var answer = host.listener().expect(number);
    try {
      ask(question);
      return answer.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new TimeoutException("the host did not answer where '" + name + "' is");
    } catch (ExecutionException e) {
      if (!hasLostHost()) throw host.listener().gone();
      return null;
    } finally {
      host.listener().forget(number);
    }
  }

  private void ask(byte[] question) {
    try {
      host.control().send(ControlKind.RESOLVE, question);
    } catch (IOException e) {
      // Where another host may come, the thread that reads the stream says when this one has ended.
      if (!next.mayCome()) throw streamFailed(e);
    }
  }

  private static HostGoneException streamFailed(IOException e) {
    return new HostGoneException("the control stream failed: " + e.getMessage());
  }

  /** Lines for the host's log. From any thread; waits for a host that reads slowly. */
  public void log(int level, String text) {
    Joined to = host;
    if ((to.welcome().features() & Hello.LOG) == 0) {
      throw new UnsupportedOperationException("the host takes no lines for its log");
    }
    try {
      to.control().send(ControlKind.LOG, Messages.log(level, text));
    } catch (IOException e) {
      if (next.mayCome()) throw new FullException("there is no host now");
      throw streamFailed(e);
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
    boolean allDrained = inbox.held() == null && !failed && !lanes.isEmpty();
    for (Lane lane : lanes.all()) {
      lane.storeCursors();
      allDrained &= lane.isDrained();
    }
    if (allDrained) say(ControlKind.GOODBYE, new byte[0]);
    closed = true;
    try {
      host.control().close();
    } catch (IOException e) {
      throw new RingmailException("the control stream cannot be closed", e);
    }
  }

  private void say(ControlKind kind, byte[] payload) {
    try {
      host.control().send(kind, payload);
    } catch (IOException e) {
      // The host is gone, and there is nobody to tell.
    }
  }

  // ---- faults and figures

  void checkOpen() {
    if (closed) throw new IllegalStateException("the peer is closed");
    if (end != null) throw new HostGoneException(end);
  }

  void checkFault(Lane lane) {
    RingFault fault = lane.fault();
    if (fault == null) return;
    if (!lane.isToPeer()) throw broken(fault.toString());
    cut(lane, fault.toString());
  }

  static ProtocolException broken(String what) {
    return new ProtocolException("the host broke the protocol: " + what);
  }

  public long sleeps() {
    return pastSleeps + bell().sleeps();
  }

  public long lostWakeups() {
    return pastLostWakeups + bell().lostWakeups();
  }
}

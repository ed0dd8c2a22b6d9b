package dev.ringmail;

import dev.ringmail.control.Hello;
import dev.ringmail.link.Inbox;
import dev.ringmail.link.Inbox.Received;
import dev.ringmail.link.Link;
import dev.ringmail.link.Outbox;
import dev.ringmail.ring.Frames;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.IntPredicate;

/**
 * A link to the host that spawned this process, or that it has attached to. One thread uses it: the one in run() or poll(), while
 * there is one. Only {@link #execute} and {@link #log} may be called from any thread.
 */
public final class Peer implements AutoCloseable, Executor {
  /** Reasons of a refusal. */
  public static final int NO_HANDLER = 1;

  public static final int FAILED = 2;
  public static final int STOPPING = 3;

  private static final String VARIABLE = "RINGMAIL_FDS";
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);
  private static final AtomicBoolean attached = new AtomicBoolean();

  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Handlers handlers;
  private final Asks asks = new Asks();
  private final Monitors monitors;
  private final Link link;
  private final Inbox inbox;
  private final Outbox outbox;
  private final Mail mail;
  private final Loan loan;
  private final String schema;
  private final boolean exits;
  private Promises promises; // of this host
  private RestartHandler restartHandler = unread -> {};
  private boolean isRestarted; // and nobody was told
  private long unread; // by hosts that are dead
  private volatile boolean closed;
  private volatile Thread ending; // of this process, unless the next host comes; null: it goes on
  private volatile Thread owner; // the one in run() or poll()
  private long dropped;

  /** As {@link #attach(PeerOptions)}, by the defaults. */
  public static Peer attach() {
    return attach(new PeerOptions());
  }

  /**
   * Joins the host that spawned this process, or that listens at {@link PeerOptions#path}. In a process that was started otherwise,
   * and is told no path, it says so in one line on stderr and exits with status 2.
   *
   * @throws RefusedException if host and peer do not agree
   */
  public static Peer attach(PeerOptions options) {
    try {
      return join(options);
    } catch (NotSpawnedException e) {
      System.err.println("ringmail: " + e.getMessage());
      System.exit(2);
      throw e;
    }
  }

  /**
   * As attach(), for programs that are something else as well.
   *
   * @throws NotSpawnedException if nobody spawned this process
   */
  public static Peer join(PeerOptions options) {
    if (options.path() != null) return new Peer(null, options);
    // Its descriptors are taken: a second peer would read the first one's frames.
    if (!attached.compareAndSet(false, true)) throw new IllegalStateException("this process has joined its host already");
    boolean joined = false;
    try {
      Peer peer = new Peer(System.getenv(VARIABLE), options);
      joined = true;
      return peer;
    } finally {
      if (!joined) attached.set(false);
    }
  }

  private Peer(String numbers, PeerOptions options) {
    Hello hello =
        new Hello(
            Link.features(),
            ProcessHandle.current().pid(),
            options.ringBytes(),
            "java",
            options.name(),
            options.token(),
            options.schema());
    BooleanSupplier hasTasks = () -> !tasks.isEmpty();
    link =
        options.path() == null
            ? Link.join(numbers, hello, options.timeout(), options.spin(), hasTasks)
            : Link.attach(options.path(), hello, options.timeout(), options.reconnect(), options.spin(), hasTasks);
    inbox = link.inbox();
    outbox = link.outbox();
    handlers = new Handlers(outbox.maxAnswer());
    mail = new Mail(this, inbox, outbox);
    loan = new Loan(outbox);
    monitors = new Monitors(this, outbox);
    schema = options.schema();
    promises = new Promises(schema, link.welcome().schema());
    exits = options.exits();
    link.onHostGone(
        (patience, hasCome) -> {
          if (!exits || closed || hasCome.getAsBoolean()) return;
          ending = Ending.after(patience, () -> patience != 0 && (closed || hasCome.getAsBoolean()));
        });
    link.onRestart(this::restarted);
  }

  // ---- handlers

  /** Has the messages of this type handled. Allowed at any time, on the peer's thread. */
  public Peer on(int type, Handler handler) {
    checkThread();
    handlers.add(type, handler);
    return this;
  }

  /** Has a protocol's messages handled: {@code peer.serve(pricer::accepts, pricer::dispatch)}. */
  public Peer serve(IntPredicate accepts, Dispatcher dispatcher) {
    checkThread();
    handlers.add(accepts, dispatcher);
    return this;
  }

  /**
   * Has run() or poll() call the handler when the host has died and another one has come in its place: before anything that this one
   * sends, and before open asks fail and monitors tell of their end.
   */
  public Peer onRestart(RestartHandler handler) {
    checkThread();
    restartHandler = handler;
    return this;
  }

  /**
   * Handles messages until the host says stop and all that it sent before has been handled.
   *
   * @throws HandlerException what left a handler or a task; the host was told, the message is not finished, the peer is closed
   * @throws HostGoneException if the host has died, and no other has come in the time that there is for it
   * @throws InterruptedException if the thread is interrupted while it waits; the peer stays as it is
   */
  public void run() throws InterruptedException {
    enter();
    try {
      while (drain() >= 0) await(Long.MAX_VALUE);
    } finally {
      owner = null;
    }
  }

  /**
   * Handles what is there, after waiting up to `timeout` for something. False once the host said stop. For programs with a loop
   * of their own; the exceptions are those of run().
   */
  public boolean poll(Duration timeout) throws InterruptedException {
    enter();
    try {
      int handled = drain();
      if (handled != 0) return handled > 0;
      await(timeout.toNanos());
      return drain() >= 0;
    } finally {
      owner = null;
    }
  }

  private void await(long nanos) throws InterruptedException {
    try {
      link.await(asks.expire(nanos));
    } catch (HostGoneException e) {
      asks.fail(e);
      throw e;
    }
  }

  private void enter() {
    checkThread();
    if (owner != null || mail.isHeld()) throw new IllegalStateException("run() is running already");
    owner = Thread.currentThread();
  }

  /** Handles all that is there. Returns how much that was, or -1 when the host said stop. */
  private int drain() {
    int handled = 0;
    while (true) {
      if (isRestarted) handled += tellOfRestart();
      if (!tasks.isEmpty()) handled += runTasks();
      asks.expire(0);
      Received received = inbox.receive();
      if (received == Received.STOPPED) return -1;
      if (received == Received.NOTHING) return handled;
      handle(received);
      ++handled;
    }
  }

  /** Perhaps in a handler, which waited for a host: what there is to tell waits for its end. */
  private void restarted(long unread) {
    promises = new Promises(schema, link.welcome().schema());
    asks.end();
    monitors.end();
    this.unread += unread;
    isRestarted = true;
    Thread waits = ending;
    ending = null;
    if (waits != null) waits.interrupt();
  }

  private int tellOfRestart() {
    isRestarted = false;
    long count = unread;
    unread = 0;
    try {
      restartHandler.handle(count);
      asks.tellEnded();
      monitors.tellEnded();
      if (outbox.loanRing() != null) throw new IllegalStateException("a handler of the restart left a loan open");
    } catch (Throwable e) {
      throw failed(e);
    }
    outbox.flush();
    return 1;
  }

  private void handle(Received received) {
    mail.hold();
    try {
      switch (received) {
        case ANSWER -> takeAnswer();
        case DOWN -> monitors.down(inbox.held().target(), inbox.held().sender(), inbox.held().payload());
        default -> takeMail();
      }
      if (outbox.loanRing() != null) throw new IllegalStateException("the handler left a loan open");
    } catch (HostGoneException e) {
      close();
      throw e;
    } catch (Throwable e) {
      throw failed(e);
    }
    mail.release();
    inbox.release();
  }

  private void takeMail() throws Exception {
    boolean handled = handlers.handle(mail);
    if (!handled && dropped++ == 0) {
      System.err.printf("ringmail: a message of type 0x%08x is dropped: it has no handler%n", mail.type());
    }
    if (!mail.asked()) return;
    if (!handled) {
      mail.refuse(NO_HANDLER);
    } else if (promises.hasReply(mail.type())) {
      // So that nobody waits in vain.
      mail.refuse(FAILED);
    } else {
      mail.reply(Promises.DONE, NOTHING);
    }
  }

  private void takeAnswer() {
    var ring = inbox.held();
    if (ring.kind() == Frames.REPLY) {
      asks.reply(ring.correlation(), ring.type(), ring.payload());
    } else {
      asks.refuse(ring.correlation(), ring.type());
    }
  }

  /** Tells the host, and closes the peer over what cannot be finished. */
  private HandlerException failed(Throwable cause) {
    String inHand = "";
    if (mail.isHeld()) {
      inHand = String.format(" over a message of type 0x%08x", mail.type());
      if (mail.attempt() != 0) inHand += ", which " + mail.attempt() + " earlier processes died with";
    }
    refuseAsker();
    String reason = cause.toString();
    String trace = traceOf(cause);
    // The first line is the reason, which the trace starts with unless it has several.
    link.reportFailure(reason.indexOf('\n') < 0 ? trace : reason.replace('\n', ' ') + "\n" + trace);
    close();
    if (exits) Ending.soon();
    return new HandlerException("a handler failed" + inHand, cause);
  }

  static String traceOf(Throwable cause) {
    StringWriter text = new StringWriter();
    cause.printStackTrace(new PrintWriter(text, true));
    return text.toString();
  }

  private void refuseAsker() {
    try {
      if (outbox.loanRing() != null) outbox.cancelLoan();
      if (mail.isHeld() && mail.asked()) mail.refuse(FAILED);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // The first cause is the one to tell.
    }
  }

  // ---- other threads

  /** Runs a task on the peer's thread, in run() or poll(), between two messages. From any thread. */
  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    link.wake();
  }

  private int runTasks() {
    int done = 0;
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll(), ++done) {
      try {
        task.run();
        if (outbox.loanRing() != null) throw new IllegalStateException("a task left a loan open");
      } catch (Throwable e) {
        throw failed(e);
      }
    }
    outbox.flush();
    return done;
  }

  /**
   * Writes lines into the host's log, where they stand under this peer's name. From any thread; waits for a host that
   * reads slowly.
   *
   * @throws UnsupportedOperationException if the host takes none
   */
  public void log(System.Logger.Level level, String text) {
    int number =
        switch (level) {
          case ALL, TRACE -> 0;
          case DEBUG -> 1;
          case INFO -> 2;
          case WARNING -> 3;
          case ERROR, OFF -> 4;
        };
    link.log(number, text);
  }

  /** As log(), at the host's worst level, for which System.Logger has no name. */
  public void logCritical(String text) {
    link.log(5, text);
  }

  // ---- sending

  /**
   * The mailbox that the host has published under a name, or another peer of that name, if the host introduces it.
   *
   * @throws NotFoundException if it has none
   */
  public Mailbox lookup(String name) throws InterruptedException, TimeoutException {
    return lookup(name, Mailbox.PATIENCE);
  }

  public Mailbox lookup(String name, Duration timeout) throws InterruptedException, TimeoutException {
    checkThread();
    return mailbox(link.lookup(name, timeout));
  }

  /** Publishes what was sent outside of a handler. */
  public void flush() {
    checkThread();
    outbox.flush();
  }

  // ---- the rest

  /** The message in hand, for handlers that are given something else. */
  public Mail mail() {
    return mail;
  }

  /** What the host calls this peer. */
  public String name() {
    return link.welcome().name();
  }

  /** The host's canonical schema text. */
  public String hostSchema() {
    return link.welcome().schema();
  }

  /** 1 in the first life of this peer, then 2, ... */
  public long incarnation() {
    return link.welcome().incarnation();
  }

  public Counters counters() {
    return new Counters(inbox.received(), outbox.sent(), dropped, link.sleeps(), link.lostWakeups());
  }

  /** Publishes what was sent, and says goodbye if the host said stop. A second call does nothing. */
  @Override
  public void close() {
    checkThread();
    if (closed) return;
    closed = true;
    if (outbox.loanRing() != null) outbox.cancelLoan();
    mail.release();
    link.close();
    asks.fail(new RingmailException("the peer is closed"));
  }

  Mailbox mailbox(long id) {
    return new Mailbox(this, outbox, id);
  }

  boolean hasMonitors() {
    return (link.welcome().features() & Hello.MONITORS) != 0;
  }

  Monitors monitors() {
    return monitors;
  }

  Asks asks() {
    return asks;
  }

  Loan loan() {
    return loan;
  }

  void checkThread() {
    Thread running = owner;
    if (running != null && running != Thread.currentThread()) {
      throw new IllegalStateException("a peer is used by one thread, the one in run(): execute() leads there");
    }
  }
}

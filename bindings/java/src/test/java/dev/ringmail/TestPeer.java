package dev.ringmail;

import com.sun.management.ThreadMXBean;
import conformance.Conformance.Get;
import conformance.Conformance.Ping;
import conformance.Conformance.Sum;
import conformance.Conformance.Tick;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Peers that do what the conformance peer does not. The first argument says which. */
final class TestPeer {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Peer peer;
  private final Sum sum = new Sum();

  private TestPeer(Peer peer) {
    this.peer = peer;
  }

  public static void main(String[] arguments) throws Exception {
    try (Peer peer = Peer.attach(new PeerOptions().spin(Duration.ofNanos(arguments.length > 1 ? 50_000 : 0)))) {
      new TestPeer(peer).run(arguments[0]);
    }
  }

  private void run(String what) throws Exception {
    switch (what) {
      case "later" -> later();
      case "asks" -> asks();
      case "loans" -> loans();
      case "batch" -> batch();
      case "room" -> room();
      case "lookup" -> lookup();
      case "kept" -> kept();
      case "lingers" -> lingers();
      case "refuses" -> peer.on(Get.TYPE, mail -> mail.refuse(Peer.STOPPING)).run();
      case "silent" -> peer.on(Get.TYPE, mail -> {}).run();
      case "threads" -> threads();
      case "interrupted" -> interrupted();
      case "polls" -> polls();
      case "allocates" -> allocates();
      case "tells" -> tells();
      case "monitors" -> monitors();
      case "logs" -> logs();
      default -> throw new IllegalArgumentException(what);
    }
  }

  private void say(Mailbox to, long count) throws InterruptedException {
    to.send(Sum.TYPE, sum.count(count).buffer(), 0, Sum.SIZE);
  }

  private void later() throws InterruptedException {
    List<Ask> asks = new ArrayList<>();
    peer.on(Get.TYPE, mail -> asks.add(mail.later()));
    peer.on(
        Ping.TYPE,
        mail -> {
          for (int i = asks.size(); i-- > 0; ) asks.get(i).reply(Sum.TYPE, sum.count(i).buffer(), 0, Sum.SIZE);
        });
    peer.run();
  }

  private void asks() throws Exception {
    Mailbox sink = peer.lookup("sink");
    peer.on(
        Get.TYPE,
        mail -> {
          Ask ask = mail.later();
          sink.ask(Get.TYPE, NOTHING, 0, 0, Sum.TYPE, Duration.ofMillis(200))
              .whenComplete(
                  (reply, failure) -> {
                    try {
                      long count = failure == null ? Sum.over(reply).count() : failure instanceof NoReplyException ? 1 : 2;
                      if (failure instanceof ProtocolException) count = 3;
                      ask.reply(Sum.TYPE, sum.count(count).buffer());
                    } catch (InterruptedException e) {
                      throw new IllegalStateException(e);
                    }
                  });
        });
    peer.run();
  }

  private void loans() throws Exception {
    Mailbox sink = peer.lookup("sink");
    Ping ping = new Ping();
    peer.on(
        Ping.TYPE,
        mail -> {
          try (Loan loan = sink.loan(Ping.SIZE)) {
            ping.wrap(loan.buffer()).words(0, 99); // and given up
          }
          try (Loan loan = sink.loan(Ping.SIZE)) {
            ping.wrap(loan.buffer()).words(1, 7);
            loan.publish(Ping.TYPE);
          }
        });
    peer.run();
  }

  private void batch() throws Exception {
    Mailbox sink = peer.lookup("sink");
    for (int i = 0; i < 3; ++i) say(sink, i);
    peer.flush();
    peer.run();
  }

  private void room() throws Exception {
    Mailbox sink = peer.lookup("sink");
    ByteBuffer payload = ByteBuffer.allocate(1024);
    peer.on(
        Get.TYPE,
        mail -> {
          int sent = 0;
          while (sink.trySend(Ping.TYPE, payload, 0, 1024)) ++sent;
          boolean failed = false;
          try {
            sink.send(Ping.TYPE, payload, 0, 1024, Duration.ofMillis(30));
          } catch (FullException e) {
            failed = true;
          }
          mail.reply(Sum.TYPE, sum.count(failed ? sent : -1).buffer());
        });
    peer.on(Ping.TYPE, mail -> sink.send(Ping.TYPE, payload, 0, 1024));
    peer.run();
  }

  private void lookup() throws Exception {
    try {
      peer.lookup("nobody");
    } catch (NotFoundException e) {
      System.out.println(e.getMessage());
    }
    try {
      peer.lookup("no\nname");
    } catch (NotFoundException e) {
      System.out.println(e.getMessage());
    }
    System.out.println(peer.name() + " " + peer.incarnation() + " " + peer.lookup("sink"));
    peer.run();
  }

  private void kept() throws Exception {
    List<Mail> kept = new ArrayList<>();
    peer.on(Get.TYPE, kept::add);
    peer.on(Tick.TYPE, mail -> kept.get(0).reply(Sum.TYPE, sum.buffer()));
    while (kept.isEmpty()) peer.poll(Duration.ofSeconds(1));
    try {
      kept.get(0).payload();
    } catch (IllegalStateException e) {
      System.out.println(e.getMessage());
    }
    peer.run();
  }

  /** A thread that would keep the process. */
  private void lingers() throws InterruptedException {
    new Thread(
            () -> {
              while (true) java.util.concurrent.locks.LockSupport.park();
            })
        .start();
    peer.on(Get.TYPE, mail -> { throw new java.io.IOException("checked"); });
    peer.run();
  }

  private void threads() throws Exception {
    Mailbox sink = peer.lookup("sink");
    peer.on(
        Get.TYPE,
        mail -> {
          Ask ask = mail.later();
          CompletableFuture.supplyAsync(() -> 42, CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS))
              .thenAcceptAsync(
                  count -> {
                    try {
                      ask.reply(Sum.TYPE, sum.count(count).buffer());
                    } catch (InterruptedException e) {
                      throw new IllegalStateException(e);
                    }
                  },
                  peer);
        });
    Thread other =
        new Thread(
            () -> {
              try {
                say(sink, 1);
              } catch (IllegalStateException e) {
                System.out.println(e.getMessage());
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    peer.execute(other::start);
    peer.run();
  }

  private void interrupted() throws Exception {
    peer.on(Get.TYPE, mail -> mail.reply(Sum.TYPE, sum.buffer()));
    Thread main = Thread.currentThread();
    Thread other =
        new Thread(
            () -> {
              while (main.getState() != Thread.State.TIMED_WAITING) Thread.onSpinWait();
              main.interrupt();
            });
    other.start();
    try {
      peer.run();
    } catch (InterruptedException e) {
      say(peer.lookup("sink"), 0);
    }
    peer.run();
  }

  private void polls() throws Exception {
    peer.on(Get.TYPE, mail -> mail.reply(Sum.TYPE, sum.buffer()));
    long start = System.nanoTime();
    peer.poll(Duration.ofMillis(50));
    if (System.nanoTime() - start < 50_000_000) throw new IllegalStateException("it did not wait");
    say(peer.lookup("sink"), 0);
    while (peer.poll(Duration.ofMillis(5))) sum.count(sum.count() + 1);
  }

  /** Says how many bytes this thread has allocated over the last of many messages. */
  /** Says how much 10,000 messages in a row have allocated at the least: the compiler takes a while, and allocates where it gives up. */
  private void allocates() throws Exception {
    Mailbox sink = peer.lookup("sink");
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long id = Thread.currentThread().getId();
    long[] last = {0, 0};
    long[] least = {Long.MAX_VALUE};
    Ping ping = new Ping();
    peer.on(
        Ping.TYPE,
        mail -> {
          if (++last[0] % 10_000 == 0) {
            long allocated = threads.getThreadAllocatedBytes(id);
            if (last[0] > 10_000) least[0] = Math.min(least[0], allocated - last[1]);
            last[1] = allocated;
            if (last[0] == 60_000) say(mail.sender(), least[0]);
          }
          ping.wrap(mail.payload());
          if (mail.asked()) {
            mail.reply(Ping.TYPE, ping.buffer(), ping.offset(), Ping.SIZE);
          } else {
            sink.send(Ping.TYPE, ping.buffer(), ping.offset(), Ping.SIZE);
          }
          ping.release();
        });
    say(sink, 0);
    peer.run();
  }

  private void monitors() throws Exception {
    Mailbox sink = peer.lookup("sink");
    peer.on(Get.TYPE, mail -> System.out.println("get"));
    sink.monitor(down -> System.out.println(down));
    Monitor stopped = sink.monitor(down -> System.out.println("stopped, and told of " + down));
    System.out.println(stopped.stop() + " " + stopped.stop());
    sink.monitor(
        down -> {
          throw new IllegalStateException("two\nlines");
        });
    peer.flush();
    peer.run();
  }

  private void logs() throws Exception {
    java.util.logging.Logger logger = java.util.logging.Logger.getLogger("gate");
    logger.setUseParentHandlers(false);
    logger.addHandler(new LogHandler(peer));
    logger.setLevel(java.util.logging.Level.ALL);
    logger.log(java.util.logging.Level.WARNING, "late by {0}", 5);
    logger.log(java.util.logging.Level.FINER, "thrown", new java.io.IOException("disk full"));
    Thread other = new Thread(() -> logger.severe("from elsewhere"));
    other.start();
    other.join();
    peer.run();
  }

  private void tells() throws Exception {
    peer.on(
        Get.TYPE,
        mail -> {
          System.out.println("redelivered " + mail.redelivered() + " attempt " + mail.attempt() + " of " + peer.incarnation());
          if (peer.incarnation() == 1) Runtime.getRuntime().halt(9);
        });
    peer.run();
  }
}

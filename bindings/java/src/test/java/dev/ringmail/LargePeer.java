package dev.ringmail;

import com.sun.management.ThreadMXBean;
import conformance.Conformance.Get;
import conformance.Conformance.Ping;
import conformance.Conformance.Sum;
import java.lang.management.ManagementFactory;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Peers that send and are sent bodies. The first argument says what they do. */
final class LargePeer {
  private static final int PAGE = 4096;

  private final Peer peer;
  private Mailbox sink; // of those who send
  private final List<Body> kept = new ArrayList<>();
  private final Sum sum = new Sum();

  private LargePeer(Peer peer) {
    this.peer = peer;
  }

  /** The host may be writing gigabytes before it answers. */
  private LargePeer withSink() throws Exception {
    sink = peer.lookup("sink", Duration.ofMinutes(2));
    return this;
  }

  public static void main(String[] arguments) throws Exception {
    try (Peer peer = Peer.attach(new PeerOptions().spin(Duration.ZERO))) {
      LargePeer large = new LargePeer(peer);
      switch (arguments[0]) {
        case "keeps" -> large.keeps();
        case "drops" -> large.drops();
        case "writes" -> large.withSink().writes();
        case "fills" -> large.withSink().fills();
        case "forwards" -> large.withSink().forwards();
        case "dies" -> large.dies();
        case "gigabytes" -> large.withSink().gigabytes();
        case "no_arena" -> large.withSink().noArena();
        default -> throw new IllegalArgumentException(arguments[0]);
      }
      peer.run();
    }
  }

  private static String describe(Body body) {
    ByteBuffer bytes = body.buffer();
    int last = bytes.remaining() - 1;
    return bytes.remaining() + " " + bytes.isReadOnly() + " " + bytes.get(0) + " " + bytes.get(last);
  }

  /** Ping: keeps its body. Get: says what it has, gives it back on another thread, and tells what is left of it. */
  private void keeps() {
    peer.on(
        Ping.TYPE,
        mail -> {
          Body body = mail.body();
          if (body != mail.body() || body.length() != body.buffer().remaining()) throw new AssertionError();
          System.out.println(describe(body) + " " + body.slice(10, 3).remaining());
          kept.add(body.keep());
        });
    peer.on(
        Get.TYPE,
        mail -> {
          if (mail.body() != null) throw new AssertionError("no body came with it");
          for (Body body : kept) System.out.println(describe(body));
          CompletableFuture.runAsync(() -> kept.forEach(Body::close)).join();
          kept.forEach(Body::close); // does nothing
          try {
            kept.get(0).buffer();
          } catch (IllegalStateException e) {
            System.out.println(e.getMessage());
          }
          kept.clear();
          if (mail.asked()) mail.reply(Sum.TYPE, sum.buffer());
        });
  }

  /** Ping: looks at its body, and not again. */
  private void drops() {
    peer.on(
        Ping.TYPE,
        mail -> {
          for (Body body : kept) {
            for (Runnable use : List.<Runnable>of(body::buffer, body::keep)) {
              try {
                use.run();
              } catch (IllegalStateException e) {
                System.out.println(e.getMessage());
              }
            }
            body.close(); // does nothing
          }
          kept.clear();
          if (mail.body() == null) return;
          try {
            mail.body().slice(1, (int) mail.body().length());
          } catch (IndexOutOfBoundsException e) {
            System.out.println(e.getMessage());
          }
          try {
            mail.body().buffer().put(0, (byte) 1);
          } catch (ReadOnlyBufferException e) {
            System.out.println("read-only");
          }
          kept.add(mail.body());
        });
  }

  private void write(BodyLoan body, int fill) {
    for (long at = 0; at < body.length(); ) {
      ByteBuffer part = body.slice(at, (int) Math.min(body.length() - at, 1 << 16));
      at += part.remaining();
      while (part.hasRemaining()) part.put((byte) fill);
    }
  }

  /** Get: sends a body of 1000 bytes with a Ping, asks with one of 3000, and tries what is wrong. */
  private void writes() {
    peer.on(
        Get.TYPE,
        mail -> {
          Ping ping = new Ping().words(0, 5);
          try (BodyLoan first = sink.loanLarge(1000);
              BodyLoan second = sink.loanLarge(3000);
              BodyLoan given = sink.loanLarge(0)) {
            write(second, 2);
            write(first, 1);
            first.send(Ping.TYPE, ping.buffer(), 0, Ping.SIZE);
            second
                .ask(Ping.TYPE, ping.words(0, 6).buffer(), 0, Ping.SIZE, Sum.TYPE)
                .thenAccept(reply -> System.out.println("answered " + Sum.over(reply).count()));
            for (Runnable use : List.<Runnable>of(first::length, () -> sendAgain(first))) {
              try {
                use.run();
              } catch (IllegalStateException e) {
                System.out.println(e.getMessage());
              }
            }
            try {
              given.buffer().put((byte) 1);
            } catch (BufferOverflowException e) {
              System.out.println("it has no bytes");
            }
          }
          for (long length : new long[] {-1, 1 << 30}) {
            try {
              sink.loanLarge(length);
            } catch (IllegalArgumentException e) {
              System.out.println(e.getMessage());
            }
          }
        });
  }

  private static void sendAgain(BodyLoan body) {
    try {
      body.send(Ping.TYPE, ByteBuffer.allocate(0), 0, 0);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Get: fills the arena, tries without waiting and with a deadline, and then waits for one that is given back. */
  private void fills() {
    peer.on(
        Get.TYPE,
        mail -> {
          Ping ping = new Ping();
          int sent = 0;
          try {
            for (; ; ++sent) sink.loanLarge(100_000, Duration.ZERO).send(Ping.TYPE, ping.words(0, sent).buffer(), 0, Ping.SIZE);
          } catch (FullException e) {
            System.out.println("full after " + sent);
          }
          long start = System.nanoTime();
          try {
            sink.loanLarge(100_000, Duration.ofMillis(20));
          } catch (FullException e) {
            System.out.println("waited " + (System.nanoTime() - start >= 20_000_000));
          }
          System.out.println("waits");
          mail.reply(Sum.TYPE, sum.count(sent).buffer());
          peer.flush();
          sink.loanLarge(100_000, Duration.ofMinutes(1)).send(Ping.TYPE, ping.words(0, 99).buffer(), 0, Ping.SIZE);
        });
  }

  /** Ping: sends on its body, changed. */
  private void forwards() {
    Ping ping = new Ping();
    peer.on(
        Ping.TYPE,
        mail -> {
          Body in = mail.body();
          try (BodyLoan out = sink.loanLarge(in.length())) {
            out.buffer().put(in.buffer());
            out.buffer().put(0, (byte) 77);
            out.send(Ping.TYPE, ping.buffer(), 0, Ping.SIZE);
          }
        });
  }

  /** Ping: keeps the body of the first, and dies over the second. */
  private void dies() {
    peer.on(
        Ping.TYPE,
        mail -> {
          System.out.println(peer.incarnation() + " " + mail.redelivered() + " " + describe(mail.body()));
          if (peer.incarnation() == 1 && !kept.isEmpty()) Runtime.getRuntime().halt(9);
          kept.add(mail.body().keep());
        });
  }

  private void noArena() {
    try {
      sink.loanLarge(1);
    } catch (UnsupportedOperationException | InterruptedException e) {
      System.out.println(e.getMessage());
    }
  }

  /** What this process has for itself: shared memory is not counted. */
  private static long anonymousBytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("RssAnon:")) return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
    }
    throw new AssertionError("no RssAnon");
  }

  /** Ping: looks at a byte of each page of its body, which is longer than a ByteBuffer, and writes as much. */
  private void gigabytes() {
    Ping ping = new Ping();
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    peer.on(
        Ping.TYPE,
        mail -> {
          long before = anonymousBytes();
          long allocated = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
          Body in = mail.body();
          try {
            in.buffer();
            throw new AssertionError("longer than a ByteBuffer");
          } catch (UnsupportedOperationException e) {
            System.out.println(e.getMessage());
          }
          long length = in.length();
          byte fill = in.slice(0, 1).get(0);
          try (BodyLoan out = sink.loanLarge(length, Duration.ofMinutes(1))) {
            for (long at = 0; at < length; at += Body.LONGEST_VIEW) {
              int part = (int) Math.min(length - at, Body.LONGEST_VIEW);
              ByteBuffer read = in.slice(at, part);
              ByteBuffer written = out.slice(at, part);
              for (int page = 0; page < part; page += PAGE) {
                if (read.get(page) != fill) throw new AssertionError("at " + (at + page));
                written.put(page, (byte) (fill + 1));
              }
            }
            out.send(Ping.TYPE, ping.words(0, fill).buffer(), 0, Ping.SIZE, Duration.ofMinutes(1));
          }
          allocated = threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - allocated;
          if (allocated > 1 << 20) throw new AssertionError(allocated + " bytes were allocated");
          long more = anonymousBytes() - before;
          if (more > 64 << 20) throw new AssertionError(more + " bytes of its own for a body");
        });
  }
}

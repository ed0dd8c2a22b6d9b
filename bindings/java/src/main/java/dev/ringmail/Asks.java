package dev.ringmail;

import dev.ringmail.link.Outbox;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;

/** The asks of this peer that are not answered yet. Its thread alone uses it. */
final class Asks {
  private record Pending(int correlation, int replyType, long deadline, CompletableFuture<ByteBuffer> reply) {}

  private final Map<Integer, Pending> pending = new HashMap<>();
  private final List<Pending> ended = new ArrayList<>(); // whose host is dead
  private final PriorityQueue<Pending> byDeadline =
      new PriorityQueue<>(Comparator.comparingLong((Pending ask) -> ask.deadline - ORIGIN));

  /** Times of System.nanoTime() can only be compared by their differences. */
  private static final long ORIGIN = System.nanoTime();

  /** Sends a message that carries this correlation. False: there is no room in that time. */
  @FunctionalInterface
  interface Question {
    boolean put(int correlation, long nanos) throws InterruptedException;
  }

  /** Sends the question, and promises its reply, both within the deadline. */
  CompletableFuture<ByteBuffer> ask(int correlation, int replyType, Duration deadline, Question question)
      throws InterruptedException {
    long nanos = deadline.toNanos();
    if (!question.put(correlation, nanos)) throw Outbox.full();
    return expect(correlation, replyType, nanos);
  }

  private CompletableFuture<ByteBuffer> expect(int correlation, int replyType, long nanos) {
    long deadline = System.nanoTime() + Math.min(nanos, Long.MAX_VALUE / 4);
    Pending ask = new Pending(correlation, replyType, deadline, new CompletableFuture<>());
    pending.put(correlation, ask);
    byDeadline.add(ask);
    return ask.reply;
  }

  void reply(int correlation, int type, ByteBuffer payload) {
    Pending ask = take(correlation);
    if (ask == null) return; // its deadline has passed
    if (type != ask.replyType) {
      ask.reply.completeExceptionally(
          new ProtocolException(String.format("a reply of type 0x%08x came, and 0x%08x was due", type, ask.replyType)));
      return;
    }
    ByteBuffer copy = ByteBuffer.allocate(payload.remaining()).order(ByteOrder.LITTLE_ENDIAN);
    copy.put(0, payload, payload.position(), payload.remaining());
    ask.reply.complete(copy);
  }

  void refuse(int correlation, int reason) {
    Pending ask = take(correlation);
    if (ask != null) ask.reply.completeExceptionally(new NoReplyException(reason));
  }

  /** Fails those that are due. Returns how long there is until the next, at most `nanos`. */
  long expire(long nanos) {
    while (!byDeadline.isEmpty()) {
      Pending ask = byDeadline.peek();
      long left = ask.deadline - System.nanoTime();
      if (left > 0) return Math.min(left, nanos);
      byDeadline.poll();
      pending.remove(ask.correlation);
      ask.reply.completeExceptionally(new TimeoutException("no reply came in time"));
    }
    return nanos;
  }

  /** Nobody answers what is open. Whoever waits is told by tellEnded(): a handler may be running now. */
  void end() {
    ended.addAll(pending.values());
    pending.clear();
    byDeadline.clear();
  }

  void tellEnded() {
    failEnded(new NoReplyException(NoReplyException.HOST_RESTARTED));
  }

  void fail(RingmailException cause) {
    end();
    failEnded(cause);
  }

  private void failEnded(RingmailException cause) {
    Pending[] asks = ended.toArray(Pending[]::new);
    ended.clear();
    for (Pending ask : asks) ask.reply.completeExceptionally(cause);
  }

  private Pending take(int correlation) {
    Pending ask = pending.remove(correlation);
    if (ask != null) byDeadline.remove(ask);
    return ask;
  }
}

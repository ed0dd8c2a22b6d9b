package dev.ringmail;

import dev.ringmail.arena.Block;
import dev.ringmail.link.Outbox;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * Room for the body of a message, to be written in place and sent with it. Closed without having been sent, it is given back. Any
 * number may be open, for as long as one likes. On the peer's thread, but for its buffers: any thread may write there.
 */
public final class BodyLoan implements AutoCloseable {
  private final Peer peer;
  private final Outbox outbox;
  private final long target;
  private Block block; // null: sent, or given back

  BodyLoan(Peer peer, Outbox outbox, long target, Block block) {
    this.peer = peer;
    this.outbox = outbox;
    this.target = target;
    this.block = block;
  }

  /** In bytes. */
  public long length() {
    return open().length();
  }

  /**
   * All of it, little-endian. It holds old bytes.
   *
   * @throws UnsupportedOperationException if it is longer than {@link Body#LONGEST_VIEW}: there is {@link #slice} for those
   */
  public ByteBuffer buffer() {
    return slice(0, Body.wholeOf(length()));
  }

  /** So many bytes from there, at most {@link Body#LONGEST_VIEW}, little-endian. */
  public ByteBuffer slice(long at, int length) {
    Body.check(at, length, length());
    return block.view(at, length);
  }

  /** As {@link Mailbox#send(int, ByteBuffer, int, int)}, with this body, which nobody may write to any more. */
  public void send(int type, ByteBuffer payload, int offset, int length) throws InterruptedException {
    send(type, payload, offset, length, Mailbox.PATIENCE);
  }

  /** As above, and waits so long for room in the ring. After an exception the loan is open still. */
  public void send(int type, ByteBuffer payload, int offset, int length, Duration patience) throws InterruptedException {
    if (!put(type, payload, offset, length, 0, patience.toNanos())) throw Outbox.full();
  }

  /** As {@link #ask(int, ByteBuffer, int, int, int, Duration)}, within {@link Mailbox#PATIENCE}. */
  public CompletableFuture<ByteBuffer> ask(int type, ByteBuffer payload, int offset, int length, int replyType)
      throws InterruptedException {
    return ask(type, payload, offset, length, replyType, Mailbox.PATIENCE);
  }

  /** As {@link Mailbox#ask(int, ByteBuffer, int, int, int, Duration)}, with this body. The reply has none. */
  public CompletableFuture<ByteBuffer> ask(
      int type, ByteBuffer payload, int offset, int length, int replyType, Duration deadline) throws InterruptedException {
    return peer.asks()
        .ask(
            outbox.nextCorrelation(),
            replyType,
            deadline,
            (correlation, nanos) -> put(type, payload, offset, length, correlation, nanos));
  }

  private boolean put(int type, ByteBuffer payload, int offset, int length, int correlation, long nanos)
      throws InterruptedException {
    peer.checkThread();
    if (!outbox.sendLarge(target, open(), type, payload, offset, length, correlation, nanos)) return false;
    block = null;
    return true;
  }

  @Override
  public void close() {
    if (block == null) return;
    peer.checkThread();
    block.cancel();
    block = null;
  }

  private Block open() {
    if (block == null) throw new IllegalStateException("this loan is closed");
    return block;
  }
}

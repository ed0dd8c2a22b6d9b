package dev.ringmail;

import dev.ringmail.arena.Block;
import dev.ringmail.link.Outbox;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** An actor of the host, or another peer. Good for the life of this process, and not to be stored. */
public final class Mailbox {
  /** How long send() waits for room, and how long ask() waits for its reply, if they are not told. */
  public static final Duration PATIENCE = Duration.ofSeconds(5);

  private static final long PATIENCE_NANOS = PATIENCE.toNanos();

  private final Peer peer;
  private final Outbox outbox;
  private final long id;

  Mailbox(Peer peer, Outbox outbox, long id) {
    this.peer = peer;
    this.outbox = outbox;
    this.id = id;
  }

  public long id() {
    return id;
  }

  /**
   * Sends a copy of the bytes. It is published when the handler returns; outside of handlers by run(), poll() or flush().
   *
   * @throws FullException if there is no room for {@link #PATIENCE}
   * @throws NotFoundException if it is another peer's, and that has ended
   */
  public void send(int type, ByteBuffer payload, int offset, int length) throws InterruptedException {
    if (!put(type, payload, offset, length, 0, PATIENCE_NANOS)) throw Outbox.full();
  }

  /** As above, and waits so long for room. */
  public void send(int type, ByteBuffer payload, int offset, int length, Duration patience) throws InterruptedException {
    if (!put(type, payload, offset, length, 0, patience.toNanos())) throw Outbox.full();
  }

  /** Sends if there is room now. Returns whether there was. */
  public boolean trySend(int type, ByteBuffer payload, int offset, int length) throws InterruptedException {
    return put(type, payload, offset, length, 0, 0);
  }

  /** As {@link #ask(int, ByteBuffer, int, int, int, Duration)}, within {@link #PATIENCE}. */
  public CompletableFuture<ByteBuffer> ask(int type, ByteBuffer payload, int offset, int length, int replyType)
      throws InterruptedException {
    return ask(type, payload, offset, length, replyType, PATIENCE);
  }

  /**
   * Sends, and promises the reply: a little-endian copy of its bytes. The future is completed on the peer's thread, by run() or
   * poll(); whoever waits for it there waits in vain.
   *
   * <p>It fails with NoReplyException if the host says that there will be none, with TimeoutException at the deadline, with
   * ProtocolException if the reply is of another type, and when the host dies: with HostGoneException, or, if another host
   * comes in its place, with NoReplyException as well.
   */
  public CompletableFuture<ByteBuffer> ask(
      int type, ByteBuffer payload, int offset, int length, int replyType, Duration deadline) throws InterruptedException {
    outbox.checkAsk();
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
    int at = outbox.loan(id, length, nanos);
    if (at < 0) return false;
    boolean copied = false;
    try {
      outbox.loanRing().data().put(at, payload, offset, length);
      copied = true;
    } finally {
      if (copied) {
        outbox.commitLoan(type, correlation);
      } else {
        outbox.cancelLoan();
      }
    }
    return true;
  }

  /**
   * Has run() or poll() call the handler once, when this actor ends: behind all that it sent to this peer before, and
   * at once if it has ended already. Published as what is sent.
   *
   * @throws FullException if there is no room for {@link #PATIENCE}
   * @throws UnsupportedOperationException if the host has no monitors, or it is another peer's
   */
  public Monitor monitor(DownHandler handler) throws InterruptedException {
    return peer.monitors().start(id, handler);
  }

  /**
   * Room in the ring itself, to be written in place: {@code try (Loan loan = mailbox.loan(Book.SIZE)) { ...;
   * loan.publish(Book.TYPE); }}. It starts as zeros. One loan is open at a time, and nothing else may be sent meanwhile.
   *
   * @throws FullException if there is no room for {@link #PATIENCE}
   */
  public Loan loan(int length) throws InterruptedException {
    return loan(length, PATIENCE);
  }

  /** As above, and waits so long for room; not at all for Duration.ZERO. */
  public Loan loan(int length, Duration patience) throws InterruptedException {
    peer.checkThread();
    int at = outbox.loan(id, length, patience.toNanos());
    if (at < 0) throw Outbox.full();
    return peer.loan().open(at, length);
  }

  /**
   * Room for the body of a message to this mailbox, of any length that the host has room for: {@code try (BodyLoan body =
   * mailbox.loanLarge(bytes)) { body.buffer().put(...); body.send(Frame.TYPE, ...); }}.
   *
   * @throws FullException if there is no room for {@link #PATIENCE}
   * @throws UnsupportedOperationException if the host takes no bodies, or it is another peer's
   */
  public BodyLoan loanLarge(long length) throws InterruptedException {
    return loanLarge(length, PATIENCE);
  }

  /** As above, and waits so long for room; not at all for Duration.ZERO. */
  public BodyLoan loanLarge(long length, Duration patience) throws InterruptedException {
    peer.checkThread();
    Block block = outbox.loanLarge(id, length, patience.toNanos());
    if (block == null) throw Outbox.full();
    return new BodyLoan(peer, outbox, id, block);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Mailbox mailbox && mailbox.id == id && mailbox.peer == peer;
  }

  @Override
  public int hashCode() {
    return Long.hashCode(id);
  }

  @Override
  public String toString() {
    return "mailbox 0x" + Long.toHexString(id);
  }
}

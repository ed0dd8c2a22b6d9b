package dev.ringmail;

import dev.ringmail.link.Inbox;
import dev.ringmail.link.Outbox;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingConsumer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The message in hand. One object stands for all that a peer receives, one after the other: it is good until its handler
 * returns, and throws IllegalStateException after that.
 */
public final class Mail {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Peer peer;
  private final Inbox inbox;
  private final Outbox outbox;
  private RingConsumer ring; // null: released
  private boolean answered;
  private Body body; // once it was asked for
  private Mailbox lastSender;

  Mail(Peer peer, Inbox inbox, Outbox outbox) {
    this.peer = peer;
    this.inbox = inbox;
    this.outbox = outbox;
  }

  void hold() {
    ring = inbox.held();
    answered = false;
  }

  void release() {
    ring = null;
    if (body == null) return;
    body.release();
    body = null;
  }

  boolean isHeld() {
    return ring != null;
  }

  private RingConsumer held() {
    if (ring == null) throw new IllegalStateException("this message was released when its handler returned");
    return ring;
  }

  /** The type id of a qualified name, {@code market.Tick}: its FNV-1a of 32 bits. */
  public static int typeId(String name) {
    int hash = 0x811c9dc5;
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) hash = (hash ^ b & 0xff) * 16777619;
    return hash;
  }

  /** The type id. */
  public int type() {
    return held().type();
  }

  public int length() {
    return held().length();
  }

  /**
   * The payload, from position to limit: little-endian, read-only, in shared memory. It is one buffer for all messages of a
   * lane. After the handler has returned it is empty; slices and duplicates cannot be taken back, and show what the host writes
   * there next.
   */
  public ByteBuffer payload() {
    return held().payload();
  }

  /** What lies beside it, or null. Good until the handler returns, unless it is {@link Body#keep kept}. */
  public Body body() {
    held();
    if (body == null && inbox.heldBody() != null) body = new Body(inbox);
    return body;
  }

  /** Who sent it, an actor of the host or another peer; null if nobody did. */
  public Mailbox sender() {
    held();
    long id = inbox.heldSender();
    if (id == 0) return null;
    if (lastSender == null || lastSender.id() != id) lastSender = peer.mailbox(id);
    return lastSender;
  }

  /** The actor of this peer that it is for; 0: the peer itself. */
  public long target() {
    return held().target();
  }

  /** Whether somebody waits for an answer, and none was given yet. */
  public boolean asked() {
    return held().correlation() != 0 && !answered;
  }

  /** Whether an earlier incarnation of this peer may have handled it. */
  public boolean redelivered() {
    return held().redelivers();
  }

  /** How many incarnations died with this very message in hand. */
  public int attempt() {
    return held().attempt();
  }

  /** Answers the ask with the bytes from position to limit, which stay as they are. */
  public void reply(int type, ByteBuffer payload) throws InterruptedException {
    reply(type, payload, payload.position(), payload.remaining());
  }

  /** Answers the ask. */
  public void reply(int type, ByteBuffer payload, int offset, int length) throws InterruptedException {
    answer(Frames.REPLY, type, payload, offset, length);
  }

  /** Tells who asks that there will be no answer. */
  public void refuse(int reason) throws InterruptedException {
    answer(Frames.NO_REPLY, reason, NOTHING, 0, 0);
  }

  private void answer(int kind, int type, ByteBuffer payload, int offset, int length) throws InterruptedException {
    checkAsked();
    peer.checkThread();
    outbox.answer(
        inbox.heldLane(), kind, type, ring.correlation(), ring.sender(), ring.target(), payload, offset, length);
    answered = true;
  }

  /** Takes the ask out of the handler's hands, to be answered after it has returned. */
  public Ask later() {
    checkAsked();
    answered = true;
    return new Ask(peer, outbox, inbox.heldLane(), ring.correlation(), ring.sender(), ring.target());
  }

  private void checkAsked() {
    if (!asked()) throw new IllegalStateException("nobody waits for an answer to this message");
  }
}

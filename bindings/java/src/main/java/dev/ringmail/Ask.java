package dev.ringmail;

import dev.ringmail.link.Lane;
import dev.ringmail.link.Outbox;
import dev.ringmail.ring.Frames;
import java.nio.ByteBuffer;

/** An ask that is answered later. On the peer's thread: {@link Peer#execute} leads there from any other. */
public final class Ask {
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final Peer peer;
  private final Outbox outbox;
  private final Lane lane;
  private final int correlation;
  private final long asker;
  private final long asked;
  private boolean answered;

  Ask(Peer peer, Outbox outbox, Lane lane, int correlation, long asker, long asked) {
    this.peer = peer;
    this.outbox = outbox;
    this.lane = lane;
    this.correlation = correlation;
    this.asker = asker;
    this.asked = asked;
  }

  /** Answers with the bytes from position to limit, which stay as they are. */
  public void reply(int type, ByteBuffer payload) throws InterruptedException {
    reply(type, payload, payload.position(), payload.remaining());
  }

  public void reply(int type, ByteBuffer payload, int offset, int length) throws InterruptedException {
    answer(Frames.REPLY, type, payload, offset, length);
  }

  /** Tells who asks that there will be no answer. 1 no handler, 2 the handler failed, 3 this peer stops. */
  public void refuse(int reason) throws InterruptedException {
    answer(Frames.NO_REPLY, reason, NOTHING, 0, 0);
  }

  private void answer(int kind, int type, ByteBuffer payload, int offset, int length) throws InterruptedException {
    peer.checkThread();
    if (answered) throw new IllegalStateException("this ask has been answered");
    outbox.answer(lane, kind, type, correlation, asker, asked, payload, offset, length);
    answered = true;
  }
}

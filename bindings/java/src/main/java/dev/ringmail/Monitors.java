package dev.ringmail;

import dev.ringmail.link.Outbox;
import dev.ringmail.ring.Frames;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Who waits for the end of which actor. The peer's thread alone uses it. */
final class Monitors {
  /** The host would end the link over more. */
  private static final int MOST = 1024;

  private static final int REASON_HEAD_BYTES = 16;

  private final Peer peer;
  private final Outbox outbox;
  private final Map<Long, DownHandler> handlers = new HashMap<>();
  private long last; // of the numbers, in this incarnation

  Monitors(Peer peer, Outbox outbox) {
    this.peer = peer;
    this.outbox = outbox;
  }

  Monitor start(long mailbox, DownHandler handler) throws InterruptedException {
    peer.checkThread();
    if (outbox.isOfPeer(mailbox)) throw new UnsupportedOperationException("there are no monitors between two peers");
    if (!peer.hasMonitors()) throw new UnsupportedOperationException("the host has no monitors");
    if (handlers.size() == MOST) throw new IllegalStateException("a peer has " + MOST + " monitors at most");
    // No number of an earlier incarnation, whose downs may come yet.
    long number = peer.incarnation() << 32 | ++last;
    signal(mailbox, Frames.SIGNAL_MONITOR, number);
    handlers.put(number, handler);
    return new Monitor(this, mailbox, number);
  }

  boolean stop(long mailbox, long number) throws InterruptedException {
    peer.checkThread();
    if (!handlers.containsKey(number)) return false;
    signal(mailbox, Frames.SIGNAL_DEMONITOR, number);
    handlers.remove(number);
    return true;
  }

  private void signal(long mailbox, int signal, long number) throws InterruptedException {
    if (outbox.loanSignal(mailbox, Mailbox.PATIENCE.toNanos()) < 0) throw Outbox.full();
    outbox.commitLoan(Frames.SIGNAL, signal, 0, number);
  }

  /** One that was stopped, or belongs to an earlier incarnation, is told to nobody. */
  void down(long number, long mailbox, ByteBuffer reason) throws Exception {
    int at = reason.position();
    int textBytes = reason.remaining() < REASON_HEAD_BYTES ? -1 : reason.getInt(at + 12);
    if (textBytes < 0 || textBytes > reason.remaining() - REASON_HEAD_BYTES) {
      throw new ProtocolException("the host broke the protocol: it sent an exit reason that is none");
    }
    DownHandler handler = handlers.remove(number);
    if (handler == null) return;
    byte[] text = new byte[textBytes];
    reason.get(at + REASON_HEAD_BYTES, text);
    handler.handle(new Down(peer.mailbox(mailbox), reason.getInt(at), new String(text, StandardCharsets.UTF_8)));
  }
}

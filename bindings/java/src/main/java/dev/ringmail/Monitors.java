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

  private record Watch(long mailbox, DownHandler handler) {}

  private final Peer peer;
  private final Outbox outbox;
  private final Map<Long, Watch> watches = new HashMap<>();
  private final Map<Long, Watch> ended = new HashMap<>(); // whose host is dead
  private long last; // of the numbers, in this incarnation

  Monitors(Peer peer, Outbox outbox) {
    this.peer = peer;
    this.outbox = outbox;
  }

  Monitor start(long mailbox, DownHandler handler) throws InterruptedException {
    peer.checkThread();
    if (outbox.isOfPeer(mailbox)) throw new UnsupportedOperationException("there are no monitors between two peers");
    if (!peer.hasMonitors()) throw new UnsupportedOperationException("the host has no monitors");
    if (watches.size() == MOST) throw new IllegalStateException("a peer has " + MOST + " monitors at most");
    // No number of an earlier incarnation, whose downs may come yet.
    long number = peer.incarnation() << 32 | ++last;
    signal(mailbox, Frames.SIGNAL_MONITOR, number);
    watches.put(number, new Watch(mailbox, handler));
    return new Monitor(this, mailbox, number);
  }

  boolean stop(long mailbox, long number) throws InterruptedException {
    peer.checkThread();
    if (ended.remove(number) != null) return true;
    if (!watches.containsKey(number)) return false;
    signal(mailbox, Frames.SIGNAL_DEMONITOR, number);
    return watches.remove(number) != null || ended.remove(number) != null;
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
    Watch watch = watches.remove(number);
    if (watch == null) return;
    byte[] text = new byte[textBytes];
    reason.get(at + REASON_HEAD_BYTES, text);
    watch.handler.handle(new Down(peer.mailbox(mailbox), reason.getInt(at), new String(text, StandardCharsets.UTF_8)));
  }

  /** The host has died, and with it what it had to tell. Who waits is told by tellEnded(): a handler may be running now. */
  void end() {
    ended.putAll(watches);
    watches.clear();
  }

  void tellEnded() throws Exception {
    while (!ended.isEmpty()) {
      Watch watch = ended.remove(ended.keySet().iterator().next());
      watch.handler.handle(new Down(peer.mailbox(watch.mailbox), Down.UNREACHABLE, "unreachable: its host was restarted"));
    }
  }
}

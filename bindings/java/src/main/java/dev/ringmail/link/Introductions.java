package dev.ringmail.link;

import dev.ringmail.RefusedException;
import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.Messages;
import dev.ringmail.control.Messages.Introduce;
import dev.ringmail.control.Messages.Presence;
import dev.ringmail.control.Welcome;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingConsumer;
import dev.ringmail.ring.RingMemory;
import dev.ringmail.ring.RingProducer;
import dev.ringmail.ring.RingSurvey;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Other peers of the same system: the host makes a lane between two of them, and they talk on it without the host. The thread that
 * reads the control stream maps it, and the peer's thread takes it over, before it next looks for messages.
 */
final class Introductions {
  private static final long BELL_BYTES = 2L * Frames.PAGE_BYTES;

  private final ControlStream control;
  private final long hostPid;
  private final Queue<Object> news = new ConcurrentLinkedQueue<>(); // Lane, or Presence
  private volatile boolean hasNews; // looked at for each message: one load
  private int next; // lane. The thread of the control stream

  Introductions(ControlStream control, Welcome welcome) {
    this.control = control;
    hostPid = welcome.hostPid();
    next = welcome.lanes();
  }

  // ---- the thread of the control stream

  void introduce(Introduce introduce) {
    String fault = "";
    try {
      if (introduce.lane() != next) throw new RefusedException("lane " + introduce.lane() + " is not the next of " + next);
      ++next;
      tell(join(introduce));
    } catch (RefusedException e) {
      fault = e.getMessage();
    } catch (IOException e) {
      fault = "a segment cannot be mapped: " + e;
    }
    answer(introduce.lane(), fault);
  }

  void note(Presence presence) {
    tell(presence);
  }

  private void tell(Object each) {
    news.add(each);
    hasNews = true;
  }

  private Lane join(Introduce introduce) throws IOException {
    int mail = (int) introduce.mailBytes();
    int controlBytes = (int) introduce.controlBytes();
    long bytes = Side.bytes(mail, controlBytes);
    try (HostFile ownFile = open(introduce.ownFd(), "its own side", bytes, true);
        HostFile otherFile = open(introduce.otherFd(), "the other side", bytes, false);
        HostFile bellFile = open(introduce.bellFd(), "the other's bell", BELL_BYTES, false)) {
      Side own = Side.map(ownFile, 0, mail, controlBytes);
      Side other = Side.map(otherFile, 0, mail, controlBytes);
      Doorbell bell = new Doorbell(bellFile.map(0, Integer.BYTES), 0, control, introduce.lane());
      return takeUp(introduce, own, other, bell);
    }
  }

  private HostFile open(long descriptor, String what, long bytes, boolean writable) throws IOException {
    return new HostFile(HostFile.path(hostPid, descriptor), what, bytes, writable);
  }

  /** As consumer and as producer, where a predecessor has left off. */
  private static Lane takeUp(Introduce introduce, Side own, Side other, Doorbell bell) {
    RingSurvey mailIn = survey(other.mail(), own.mailConsumer());
    RingSurvey controlIn = survey(other.control(), own.controlConsumer());
    RingSurvey mailOut = survey(own.mail(), other.mailConsumer());
    RingSurvey controlOut = survey(own.control(), other.controlConsumer());
    mailIn.resume(own.mailConsumer());
    controlIn.resume(own.controlConsumer());
    Lane.Ends ends =
        new Lane.Ends(
            new RingConsumer(new RingMemory(other.mail(), own.mailConsumer(), other.mailProducer())),
            new RingConsumer(new RingMemory(other.control(), own.controlConsumer(), other.controlProducer())),
            new RingProducer(new RingMemory(own.mail(), own.mailProducer(), other.mailConsumer()), mailOut),
            new RingProducer(new RingMemory(own.control(), own.controlProducer(), other.controlConsumer()), controlOut),
            bell);
    return new Lane(introduce.lane(), ends, new Met(introduce.name(), other.mail(), own.mailConsumer()));
  }

  private static RingSurvey survey(ByteBuffer data, ByteBuffer consumer) {
    RingSurvey left = RingSurvey.of(data, consumer);
    if (left == null) throw new RefusedException("what a predecessor has left in its rings is impossible");
    return left;
  }

  // ---- the peer's thread

  boolean hasNews() {
    return hasNews;
  }

  /** What has been said since it looked last. */
  void takeNews(Lanes lanes) {
    // First: what is told from now on is seen, here or the next time.
    hasNews = false;
    for (Object each = news.poll(); each != null; each = news.poll()) {
      if (each instanceof Lane lane) {
        lanes.add(lane);
      } else if (each instanceof Presence presence) {
        Lane lane = lanes.of(presence.lane());
        if (lane != null && lane.isToPeer()) lane.note(presence.state());
      }
    }
  }

  /** The other peer has written the impossible: the link goes on without that lane, and the host is told. */
  void cut(Lane lane, String why) {
    if (lane.isBroken()) return;
    lane.breakOff();
    answer(lane.number, "'" + lane.otherName() + "' broke the protocol: " + why);
  }

  private void answer(int lane, String text) {
    try {
      control.send(ControlKind.INTRODUCED, Messages.introduced(lane, text));
    } catch (IOException e) {
      // The host is gone. The thread that reads the control stream notices.
    }
  }
}

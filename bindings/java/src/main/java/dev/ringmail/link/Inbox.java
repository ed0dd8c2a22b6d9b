package dev.ringmail.link;

import dev.ringmail.arena.BodyPlace;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingConsumer;
import dev.ringmail.ring.RingFault;
import java.nio.ByteBuffer;

/** What a peer receives, one message after the other, from all lanes in turn. One thread, but for bodies. */
public final class Inbox {
  /** What receive() found. */
  public enum Received {
    NOTHING,
    MAIL,
    /** A reply or a no_reply. */
    ANSWER,
    /** The end of an actor. */
    DOWN,
    /** The host said stop, and all mail before that is finished. */
    STOPPED
  }

  private final Link link;
  private final Lanes lanes;
  private final Lane[] ofHost;
  private final Introductions introductions;
  private final Outbox outbox;

  private int nextLane;
  private Lane heldLane;
  private RingConsumer held; // the ring of the message that is not released yet
  private BodyPlace heldBody; // null: it has none, or it is kept
  private boolean hadBody;
  private long received;

  /** @param ofHost of the lanes those that were there first */
  Inbox(Link link, Lanes lanes, Lane[] ofHost, Introductions introductions, Outbox outbox) {
    this.link = link;
    this.lanes = lanes;
    this.ofHost = ofHost;
    this.introductions = introductions;
    this.outbox = outbox;
  }

  /** Messages that were finished; replies are not counted. */
  public long received() {
    return received;
  }

  boolean hasInput() {
    boolean allDrained = true;
    for (Lane lane : lanes.all()) {
      if (lane.hasInput()) return true;
      allDrained &= lane.isDrained();
    }
    return allDrained;
  }

  /** The next message, which {@link #held()} then describes, without waiting. Replies come before mail. */
  public Received receive() {
    link.checkOpen();
    if (held != null) throw new IllegalStateException("the message received before has not been released");
    link.takeNews();
    boolean allDrained = true;
    Lane[] all = lanes.all();
    for (int tried = 0; tried < all.length; ++tried) {
      Lane lane = all[nextLane];
      nextLane = nextLane + 1 == all.length ? 0 : nextLane + 1;
      if (takeControl(lane)) return hold(lane, lane.controlIn, Received.ANSWER);
      if (!lane.isDrained()) {
        allDrained = false;
        if (lane.mailIn.peek()) {
          Received what = takeMail(lane);
          if (what != Received.NOTHING) return hold(lane, lane.mailIn, what);
        }
      }
      link.checkFault(lane);
    }
    return allDrained ? Received.STOPPED : Received.NOTHING;
  }

  private Received hold(Lane lane, RingConsumer ring, Received what) {
    ring.begin();
    if (what != Received.ANSWER) outbox.beginBatch(lane);
    heldLane = lane;
    held = ring;
    return what;
  }

  /** What the frame at the front of its mail is; NOTHING: it is none, and the lane is given up. */
  private Received takeMail(Lane lane) {
    RingConsumer ring = lane.mailIn;
    int kind = ring.kind();
    if (kind == Frames.MESSAGE) return Received.MAIL;
    if (lane.isToPeer()) {
      introductions.cut(lane, "it sent a frame of kind " + kind + " as mail");
      return Received.NOTHING;
    }
    if (kind == Frames.SIGNAL && ring.type() == Frames.SIGNAL_DOWN) return Received.DOWN;
    if (kind != Frames.LARGE) throw Link.broken("it sent a frame of kind " + kind + " as mail");
    if (lane.bodiesIn == null) throw Link.broken(RingFault.BODY_NOT_DESCRIBED.toString());
    heldBody = lane.bodiesIn.take(ring.payload());
    if (heldBody == null) throw Link.broken(lane.bodiesIn.fault().toString());
    hadBody = true;
    ring.strip(BodyPlace.BYTES);
    return Received.MAIL;
  }

  /** Deals with what the host says to this process. Whether there is something for its user. */
  private boolean takeControl(Lane lane) {
    RingConsumer ring = lane.controlIn;
    while (!lane.isBroken() && ring.peek()) {
      switch (ring.kind()) {
        case Frames.REPLY, Frames.NO_REPLY -> {
          // Between two peers rings outlive them, and so do answers to whoever is dead.
          if (!lane.isToPeer() || outbox.isOfThisLife(ring.correlation())) return true;
        }
        case Frames.STOP -> {
          if (lane.isToPeer()) {
            introductions.cut(lane, "it sent a frame of a kind that only a host sends");
            return false;
          }
          if (ring.length() != Long.BYTES) throw Link.broken("it sent a stop without a position");
          ByteBuffer payload = ring.payload();
          lane.stopAt(payload.getLong(payload.position()));
          lanes.stopReadingPeers();
        }
        case Frames.PING -> {
          // One that finds no room is not answered: the host then has not read the answers before it.
          if (lane.controlOut.tryLoan(0) >= 0) {
            lane.controlOut.commit(Frames.PONG, 0, ring.correlation(), 0, 0);
            lane.publishControl();
          }
        }
        case Frames.PONG -> {}
        default -> {
          String what = "it sent a frame of kind " + ring.kind() + " on a control ring";
          if (!lane.isToPeer()) throw Link.broken(what);
          introductions.cut(lane, what);
          return false;
        }
      }
      ring.advance();
      lane.storeCursors();
    }
    return false;
  }

  /** The ring at whose front the message in hand stands, or null. */
  public RingConsumer held() {
    return held;
  }

  public int heldLane() {
    return heldLane.number;
  }

  /** Of the message in hand, in this peer's terms; 0 if nobody sent it. */
  public long heldSender() {
    return heldLane.isToPeer() ? (long) heldLane.number << 52 | held.sender() : held.sender();
  }

  /** Where the body of the message in hand is, or null. */
  public BodyPlace heldBody() {
    return heldBody;
  }

  /** The body of the message in hand is its user's from now on, to be given back by {@link #giveBack}. */
  public void keepBody() {
    heldBody = null;
  }

  /** So many bytes of the body of a message that came by that lane. Any thread. */
  public ByteBuffer view(int lane, BodyPlace body, long at, int length) {
    return ofHost[lane].bodiesIn.memory().view(body.offset() + at, length);
  }

  /** Any thread, also when the link is closed. */
  public void giveBack(int lane, BodyPlace body) {
    Lane from = ofHost[lane];
    if (from.bodiesIn.giveBack(body)) from.ring();
  }

  /** The message in hand is finished: publishes what was sent meanwhile, and only then may the host forget it. */
  public void release() {
    Lane lane = heldLane;
    if (held == lane.mailIn) ++received;
    held.advance();
    outbox.endBatch();
    outbox.flush();
    if (heldBody != null) giveBack(lane.number, heldBody);
    // A host that waits for a block needs the cursor as well.
    if (hadBody || held.cursorDue() || held.isEmpty()) lane.storeCursors();
    heldBody = null;
    hadBody = false;
    held = null;
  }
}

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

  private static final int NONE = -1;

  private final Link link;
  private final Lanes lanes;
  private final Outbox outbox;

  private int nextLane;
  private Lane heldLane;
  private RingConsumer held; // the ring of the message that is not released yet
  private BodyPlace heldBody; // null: it has none, or it is kept
  private boolean hadBody;
  private long received;

  // Of what was in hand when a host was left.
  private int leftLane = NONE; // that it came by, if it is mail
  private Lane again; // null: the next host has not given it, or not yet

  Inbox(Link link, Lanes lanes, Outbox outbox) {
    this.link = link;
    this.lanes = lanes;
    this.outbox = outbox;
  }

  /** Messages that were finished; replies are not counted. */
  public long received() {
    return received;
  }

  boolean hasInput() {
    boolean allDrained = !lanes.isEmpty();
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
    Lane[] all = lanes.all();
    boolean allDrained = all.length != 0;
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
      link.cut(lane, "it sent a frame of kind " + kind + " as mail");
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
            link.cut(lane, "it sent a frame of a kind that only a host sends");
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
          link.cut(lane, what);
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

  /** By which it came. */
  public Lane heldLane() {
    return heldLane;
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
  public static ByteBuffer view(Lane lane, BodyPlace body, long at, int length) {
    return lane.bodiesIn.memory().view(body.offset() + at, length);
  }

  /** Any thread, also when the link is closed. */
  public static void giveBack(Lane lane, BodyPlace body) {
    if (lane.bodiesIn.giveBack(body)) lane.ring();
  }

  /** The message in hand is finished: publishes what was sent meanwhile, and only then may the host forget it. */
  public void release() {
    Lane lane = heldLane;
    if (held == lane.mailIn) ++received;
    if (lane.isLeft()) {
      releaseLeft();
      return;
    }
    held.advance();
    outbox.endBatch();
    outbox.flush();
    if (heldBody != null) giveBack(lane, heldBody);
    // A host that waits for a block needs the cursor as well.
    if (hadBody || held.cursorDue() || held.isEmpty()) lane.storeCursors();
    heldBody = null;
    hadBody = false;
    held = null;
  }

  // ---- from one host to the next

  /** What is in hand can still be read. */
  void leave() {
    // What the host that is left now has not given again, the next one does not either.
    boolean isKnown = held != null && held == heldLane.mailIn && (!heldLane.isLeft() || again != null);
    leftLane = isKnown ? heldLane.number : NONE;
    again = null;
  }

  /** What was in hand lies in the new ring as well, if the host knew of it: there it is finished. */
  void join() {
    nextLane = 0;
    Lane lane = leftLane == NONE ? null : lanes.of(leftLane);
    leftLane = NONE;
    if (lane == null || !lane.mailIn.isInHand() || !lane.mailIn.peek()) return;
    if (held != null) {
      lane.mailIn.begin();
      again = lane;
    } else {
      lane.mailIn.advance();
      lane.storeCursors();
    }
  }

  /** As release(). It is finished with the next host, if that gave it again. */
  private void releaseLeft() {
    held.advance(); // nobody reads on there: it ends its view
    held = null;
    hadBody = false;
    heldBody = null;
    outbox.flush();
    if (again == null) return;
    again.mailIn.advance();
    if (again.mailIn.cursorDue() || again.mailIn.isEmpty()) again.storeCursors();
    again = null;
  }
}

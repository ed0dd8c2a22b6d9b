package dev.ringmail;

import dev.ringmail.arena.ArenaMemory;
import dev.ringmail.arena.BodyPlace;
import dev.ringmail.link.Inbox;
import dev.ringmail.link.Lane;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What lies beside a message, in memory that the host has written: nothing of it is copied. It is good until the handler returns, or
 * until it is closed if it is kept. Any thread may read and close it.
 */
public final class Body implements AutoCloseable {
  /** A longer one, or what is longer of one, does not fit into a ByteBuffer for sure. */
  public static final int LONGEST_VIEW = ArenaMemory.LONGEST_VIEW;

  private final Inbox inbox;
  private final Lane lane;
  private final BodyPlace place;
  private final AtomicBoolean isOpen = new AtomicBoolean(true);
  private volatile boolean isKept;

  Body(Inbox inbox) {
    this.inbox = inbox;
    lane = inbox.heldLane();
    place = inbox.heldBody();
  }

  /** In bytes. */
  public long length() {
    return place.length();
  }

  /**
   * All of it, little-endian and read-only.
   *
   * @throws UnsupportedOperationException if it is longer than {@link #LONGEST_VIEW}: there is {@link #slice} for those
   */
  public ByteBuffer buffer() {
    return slice(0, wholeOf(place.length()));
  }

  /** So many bytes from there, at most {@link #LONGEST_VIEW}, little-endian and read-only. */
  public ByteBuffer slice(long at, int length) {
    if (!isOpen.get()) {
      String when = isKept ? "it was closed" : "its handler returned: keep() it";
      throw new IllegalStateException("this body was given back when " + when);
    }
    check(at, length, place.length());
    return Inbox.view(lane, place, at, length);
  }

  /**
   * Has it outlive the handler, the message and the peer, until {@link #close}. In a handler. What is kept takes room from the host.
   */
  public Body keep() {
    if (!isOpen.get()) throw new IllegalStateException("this body was given back already");
    if (!isKept) {
      isKept = true;
      inbox.keepBody();
    }
    return this;
  }

  /**
   * Gives back one that is kept. Slices and duplicates of its buffers cannot be taken back: they show what the host writes there
   * next. A second call does nothing, nor does one for what the end of the handler gives back.
   */
  @Override
  public void close() {
    if (isKept && isOpen.getAndSet(false)) Inbox.giveBack(lane, place);
  }

  /** The handler has returned. */
  void release() {
    if (!isKept) isOpen.set(false);
  }

  static int wholeOf(long length) {
    if (length <= LONGEST_VIEW) return (int) length;
    throw new UnsupportedOperationException(
        "a body of " + length + " bytes does not fit into one ByteBuffer: slice() gives parts of up to " + LONGEST_VIEW);
  }

  static void check(long at, int length, long of) {
    if (length < 0 || length > LONGEST_VIEW || at < 0 || at > of - length) {
      throw new IndexOutOfBoundsException(
          length + " bytes from " + at + " of a body of " + of + ": at most " + LONGEST_VIEW + ", and within it");
    }
  }
}

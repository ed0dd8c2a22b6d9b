package dev.ringmail.ring;

import static dev.ringmail.ring.Words.INT;
import static dev.ringmail.ring.Words.LONG;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The writing side of a ring: loan, commit, publish. One thread. It allocates nothing and makes no system call.
 *
 * <p>The word behind the last published frame is 0 before that frame's commit word is stored, and of a batch only the first
 * commit word is stored at publication: the others stand already, where nobody looks yet.
 */
public final class RingProducer {
  private static final int LINES_AHEAD = 4;

  private final ByteBuffer data;
  private final ByteBuffer own;
  private final ByteBuffer other;
  private final int capacity;
  private final int mask;

  private long tail; // end of what is published
  private long next; // end of the open batch
  private long zeroed; // if beyond next: the first word of every line from next to here is 0
  private long cursor; // as last read: the consumer has finished at least this much
  private long messages; // committed, padding not counted
  private long published; // of those
  private long firstCommit; // of the open batch
  private int sequence;
  private RingFault fault;

  private boolean loaned;
  private int padding; // of the open loan
  private int length; // of the open loan

  /** Starts where the block says: at position 0 of a new ring, or behind what the host has put there. */
  public RingProducer(RingMemory memory) {
    data = memory.data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    own = memory.own();
    other = memory.other();
    capacity = data.capacity();
    mask = capacity - 1;
    tail = (long) LONG.getOpaque(own, Frames.START);
    next = tail;
    zeroed = tail;
    sequence = (int) INT.getOpaque(own, Frames.START_SEQUENCE) & 0xffff;
  }

  /** Takes up where a dead one has left off. */
  public RingProducer(RingMemory memory, RingSurvey left) {
    this(memory);
    tail = left.tail();
    next = tail;
    zeroed = tail;
    cursor = left.cursor();
    sequence = left.tailSequence();
    // It may have waited for room.
    wantRoom(false);
  }

  /** Where rooms lie. */
  public ByteBuffer data() {
    return data;
  }

  /** Of the ring, in bytes. */
  public int capacity() {
    return capacity;
  }

  public boolean hasOpenBatch() {
    return next != tail;
  }

  public int maxPayload() {
    return Frames.maxPayload(capacity);
  }

  public RingFault fault() {
    return fault;
  }

  public boolean isLoaned() {
    return loaned;
  }

  /** Behind the last frame that was committed. */
  public long end() {
    return next;
  }

  /** The consumer's, as last read. */
  public long cursor() {
    return cursor;
  }

  /** Messages that were published. */
  public long published() {
    return published;
  }

  /**
   * The offset in {@link #data()} of room for a payload of so many bytes, or -1 while the ring is too full for it or the
   * consumer is at fault. The room holds old bytes. No loan is open, and the length is at most {@link #maxPayload()}.
   */
  public int tryLoan(int length) {
    assert !loaned && length <= maxPayload();
    int frame = (int) Frames.bytesOf(length);
    int toEnd = capacity - offset(next);
    int padding = frame <= toEnd ? 0 : toEnd;
    long end = next + padding + frame + Frames.LINE_BYTES;
    if (end - cursor > capacity && (!refreshCursor() || end - cursor > capacity)) return -1;
    loaned = true;
    this.padding = padding;
    this.length = length;
    return offset(next + padding) + Frames.HEADER_BYTES;
  }

  /** Gives the open loan back; nothing of it was seen. */
  public void cancel() {
    assert loaned;
    loaned = false;
    // What was written to the loan may lie over terminators; the first line's word is not part of a loan.
    zeroed = next;
  }

  /** The loaned frame joins the open batch. Nobody sees it until publish(). */
  public void commit(int kind, int type, int correlation, long target, long sender) {
    assert loaned;
    loaned = false;
    if (padding != 0) append(Frames.PADDING, 0, 0, 0, 0, padding - Frames.HEADER_BYTES, padding);
    append(kind, type, correlation, target, sender, length, (int) Frames.bytesOf(length));
    ++messages;
  }

  /** Publishes the open batch by one store. Returns whether there was one: then the consumer must be rung. */
  public boolean publish() {
    if (next == tail) return false;
    if (zeroed <= next) writeTerminator(next);
    // SYNC(frame): with the load in RingConsumer.peek; all that was written to the batch is visible to who sees it.
    // SYNC(park): ordered before the load of the consumer's park word.
    LONG.setVolatile(data, offset(tail), firstCommit);
    tail = next;
    published = messages;
    if (!loaned) writeTerminatorsAhead();
    return true;
  }

  /** Tells the consumer that this producer sleeps until there is room, or no longer. After true, look again before sleeping. */
  public void wantRoom(boolean wanted) {
    // SYNC(want): ordered before the load of the cursor in tryLoan; with RingConsumer.storeCursor.
    INT.setVolatile(own, Frames.WANT, wanted ? 1 : 0);
  }

  /** Reads the consumer's cursor. False: it is at fault. */
  public boolean refreshCursor() {
    if (fault != null) return false;
    // SYNC(cursor): with the store in RingConsumer.storeCursor; what was read before it may be overwritten after this.
    long read = (long) LONG.getVolatile(other, Frames.CURSOR);
    if ((read & Frames.LINE_BYTES - 1) != 0) {
      fault = RingFault.CURSOR_UNALIGNED;
    } else if (Long.compareUnsigned(read, cursor) < 0) {
      fault = RingFault.CURSOR_BACKWARDS;
    } else if (Long.compareUnsigned(read, tail) > 0) {
      fault = RingFault.CURSOR_PAST_TAIL;
    } else {
      cursor = read;
    }
    return fault == null;
  }

  /** What the consumer, which is dead, has not finished. Null: what it wrote is impossible. */
  public RingSurvey unread() {
    return RingSurvey.of(data, other);
  }

  private void append(int kind, int type, int correlation, long target, long sender, int length, int bytes) {
    int at = offset(next);
    long commit = Frames.commitWord(length, kind, sequence++);
    LONG.setOpaque(data, at + Frames.TYPE, type & 0xffffffffL | (long) correlation << 32);
    LONG.setOpaque(data, at + Frames.TARGET, target);
    LONG.setOpaque(data, at + Frames.SENDER, sender);
    if (next == tail) {
      firstCommit = commit;
    } else {
      LONG.setOpaque(data, at, commit);
    }
    next += bytes;
  }

  /** The consumer has these lines in its cache: they are fetched now, and not between a frame and its commit word. */
  private void writeTerminatorsAhead() {
    while (zeroed <= tail + LINES_AHEAD * Frames.LINE_BYTES && zeroed + Frames.LINE_BYTES - cursor <= capacity) {
      writeTerminator(zeroed);
    }
  }

  private void writeTerminator(long position) {
    LONG.setOpaque(data, offset(position), 0L);
    zeroed = position + Frames.LINE_BYTES;
  }

  private int offset(long position) {
    return (int) position & mask;
  }
}

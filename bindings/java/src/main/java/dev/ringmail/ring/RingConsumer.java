package dev.ringmail.ring;

import static dev.ringmail.ring.Words.INT;
import static dev.ringmail.ring.Words.LONG;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The reading side of a ring: peek, begin, advance, store the cursor. One thread. It allocates nothing and makes no system
 * call.
 *
 * <p>A shared word is loaded once, and the local is what is checked and used.
 */
public final class RingConsumer {
  private final ByteBuffer data;
  private final ByteBuffer own;
  private final ByteBuffer other;
  private final ByteBuffer payload;
  private final int capacity;
  private final int mask;
  private final long resumeTail;

  private long position;
  private long stored; // the cursor as last stored
  private int sequence;
  private int attempt;
  private RingFault fault;

  // Of the frame that peek() found.
  private int bytes;
  private int kind;
  private int type;
  private int correlation;
  private int length;
  private int payloadAt;
  private long target;
  private long sender;

  /** Starts where the block says: at position 0 of a new ring, or where the last incarnation's cursor stood. */
  public RingConsumer(RingMemory memory) {
    data = memory.data();
    own = memory.own();
    other = memory.other();
    payload = data.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    payload.limit(0);
    capacity = data.capacity();
    mask = capacity - 1;
    position = (long) LONG.getOpaque(own, Frames.CURSOR);
    stored = position;
    resumeTail = (long) LONG.getOpaque(own, Frames.RESUME_TAIL);
    sequence = (int) INT.getOpaque(own, Frames.RESUME_SEQUENCE) & 0xffff;
    attempt = (int) INT.getOpaque(own, Frames.ATTEMPT);
    if ((position & Frames.LINE_BYTES - 1) != 0) fault = RingFault.CURSOR_UNALIGNED;
  }

  /** Whether there is nothing to read: one load of the word that the producer will write next. */
  public boolean isEmpty() {
    return (long) LONG.getVolatile(data, (int) position & mask) == 0;
  }

  /** Whether there is a frame, which the accessors below then describe. If not, fault() may say that there is a wrong one. */
  public boolean peek() {
    while (true) {
      int at = (int) position & mask;
      // SYNC(frame): with the store in RingProducer.publish.
      // SYNC(park): sequentially consistent for the look between marking the park word and sleeping.
      long word = (long) LONG.getVolatile(data, at);
      if (word == 0 || fault != null) return false;
      long frame = Frames.bytesOf(word & 0xffffffffL);
      kind = (int) (word >>> 32) & 0xffff;
      fault = check(word, at, frame);
      if (fault != null) return false;
      bytes = (int) frame;
      if (kind == Frames.PADDING) {
        step();
        continue;
      }
      length = (int) word;
      payloadAt = at + Frames.HEADER_BYTES;
      long typeAndCorrelation = (long) LONG.getOpaque(data, at + Frames.TYPE);
      type = (int) typeAndCorrelation;
      correlation = (int) (typeAndCorrelation >>> 32);
      target = (long) LONG.getOpaque(data, at + Frames.TARGET);
      sender = (long) LONG.getOpaque(data, at + Frames.SENDER);
      return true;
    }
  }

  private RingFault check(long word, int at, long frame) {
    if ((int) (word >>> 48) != sequence) return RingFault.SEQUENCE_GAP;
    if (kind < Frames.PADDING || kind > Frames.LARGE) return RingFault.UNKNOWN_KIND;
    if (frame > capacity / 2) return RingFault.FRAME_TOO_LONG;
    if (at + frame > capacity) return RingFault.FRAME_PAST_END;
    if (kind == Frames.PADDING && at + frame != capacity) return RingFault.PADDING_LENGTH;
    return null;
  }

  public int kind() {
    return kind;
  }

  public int type() {
    return type;
  }

  public int correlation() {
    return correlation;
  }

  public long target() {
    return target;
  }

  public long sender() {
    return sender;
  }

  public int length() {
    return length;
  }

  /** The payload between position and limit: a read-only view that is the same object for every frame. */
  public ByteBuffer payload() {
    payload.limit(payloadAt + length).position(payloadAt);
    return payload;
  }

  /** What stands before the message is not its receiver's: where a body is. */
  public void strip(int bytes) {
    payloadAt += bytes;
    length -= bytes;
  }

  /** Says which frame a handler is about to work on, for whoever asks after a hang or a death. */
  public void begin() {
    LONG.setOpaque(own, Frames.IN_HAND, position + 1);
  }

  /** Past the frame that peek() found. Whoever kept its view gets an IndexOutOfBoundsException from now on. */
  public void advance() {
    payload.limit(0);
    step();
    attempt = 0;
  }

  private void step() {
    position += bytes;
    sequence = sequence + 1 & 0xffff;
  }

  /**
   * A cursor is due when a quarter of the ring has been finished since the last: so a producer that waits for room and a
   * consumer that never runs dry meet. In the stretch that a dead predecessor may have seen, after every message.
   */
  public boolean cursorDue() {
    return position - stored >= capacity / 4 || (position <= resumeTail && position != stored);
  }

  /** Stores the cursor if it moved. True: the producer sleeps until there is room, and must be rung. */
  public boolean storeCursor() {
    if (stored == position) return false;
    stored = position;
    // Opaque: ordered by the cursor. On its line, so that it costs nothing.
    INT.setOpaque(own, Frames.SEQUENCE, sequence);
    // SYNC(cursor): with the load in RingProducer.refreshCursor.
    // SYNC(want): ordered before the load of `want`; with RingProducer.wantRoom.
    LONG.setVolatile(own, Frames.CURSOR, position);
    return (int) INT.getVolatile(other, Frames.WANT) != 0;
  }

  public RingFault fault() {
    return fault;
  }

  public long position() {
    return position;
  }

  /** The position behind the frame that peek() gave. */
  public long behind() {
    return position + bytes;
  }

  /** Whether a predecessor may have seen the frame at the position. */
  public boolean redelivers() {
    return position < resumeTail;
  }

  /** Whether the frame at the position is the one that this peer had in hand when it left the host before. */
  public boolean isInHand() {
    return (long) LONG.getOpaque(own, Frames.ATTEMPTED) == position + 1;
  }

  /** How many predecessors died with the frame at the position in hand. */
  public int attempt() {
    return attempt;
  }
}

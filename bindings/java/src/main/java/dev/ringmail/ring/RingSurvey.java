package dev.ringmail.ring;

import static dev.ringmail.ring.Words.INT;
import static dev.ringmail.ring.Words.LONG;

import java.nio.ByteBuffer;

/**
 * What lies in a ring whose consumer or producer has died: where the messages begin that are not finished, and where they end.
 *
 * @param cursor of the consumer
 * @param sequence of the frame there
 * @param first where the first message starts, behind its padding; the tail if there is none
 * @param tail the end of what is published
 * @param tailSequence of the next frame
 * @param messages from the cursor to the tail
 */
public record RingSurvey(long cursor, int sequence, long first, long tail, int tailSequence, long messages) {
  /**
   * Of a ring of which the consumer, or the producer, runs no more; `consumer` is its consumer block. Null: what lies there is
   * impossible.
   */
  public static RingSurvey of(ByteBuffer data, ByteBuffer consumer) {
    long capacity = data.capacity();
    // SYNC(cursor): with RingConsumer.storeCursor; the sequence that is read behind it is this cursor's, or a later one's.
    long cursor = (long) LONG.getAcquire(consumer, Frames.CURSOR);
    // Opaque: ordered by the cursor. It counts only where there is no frame at the cursor: then the consumer is at the tail, which
    // does not move while one of the two is dead, or moves by a frame that is then found.
    int sequence = (int) INT.getOpaque(consumer, Frames.SEQUENCE) & 0xffff;
    if ((cursor & Frames.LINE_BYTES - 1) != 0) return null;
    int due = -1;
    long first = -1;
    long messages = 0;
    long at = cursor;
    while (at - cursor < capacity) {
      int offset = (int) (at & capacity - 1);
      // SYNC(frame): with RingProducer.publish.
      long word = (long) LONG.getAcquire(data, offset);
      if (word == 0) break;
      int kind = (int) (word >>> 32) & 0xffff;
      int found = (int) (word >>> 48);
      long bytes = Frames.bytesOf(word & 0xffffffffL);
      boolean isFrame = kind >= Frames.PADDING && kind <= Frames.LARGE && bytes <= capacity / 2 && offset + bytes <= capacity;
      if (!isFrame || (due >= 0 && found != due)) return null;
      if (due < 0) sequence = found;
      if (kind != Frames.PADDING && messages++ == 0) first = at;
      due = found + 1 & 0xffff;
      at += bytes;
    }
    // A ring always has room for a terminator.
    if (at - cursor >= capacity) return null;
    return new RingSurvey(cursor, sequence, messages == 0 ? at : first, at, due < 0 ? sequence : due, messages);
  }

  /**
   * Makes the consumer block say where a consumer starts that comes after a dead one, and what that one may have seen and had in
   * hand. This thread alone uses it now.
   */
  public void resume(ByteBuffer consumer) {
    // As often as is counted for this very message.
    boolean inHand = (long) LONG.getOpaque(consumer, Frames.IN_HAND) == 1 + first;
    boolean again = (long) LONG.getOpaque(consumer, Frames.ATTEMPTED) == 1 + first;
    int attempt = !inHand ? 0 : again ? (int) INT.getOpaque(consumer, Frames.ATTEMPT) + 1 : 1;
    INT.setOpaque(consumer, Frames.ATTEMPT, attempt);
    LONG.setOpaque(consumer, Frames.ATTEMPTED, 1 + first);
    LONG.setOpaque(consumer, Frames.IN_HAND, 0L);
    LONG.setOpaque(consumer, Frames.RESUME_TAIL, messages != 0 ? tail : cursor);
    INT.setOpaque(consumer, Frames.RESUME_SEQUENCE, sequence);
  }
}

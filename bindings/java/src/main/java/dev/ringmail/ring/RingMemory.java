package dev.ringmail.ring;

import java.nio.ByteBuffer;

/**
 * One side's view of a ring.
 *
 * @param data the frames, starting at a line, zero when the ring is new; its capacity is the ring's, a power of two
 * @param own the block that this side writes
 * @param other the block that the other side writes
 */
public record RingMemory(ByteBuffer data, ByteBuffer own, ByteBuffer other) {
  public RingMemory {
    if (!Frames.isRingSize(data.capacity())) throw new IllegalArgumentException(data.capacity() + " bytes are no ring");
  }
}

package dev.ringmail.arena;

import java.nio.ByteBuffer;

/** A block that is loaned, and not sent yet. */
public final class Block {
  final ArenaProducer owner;
  final long offset;
  final long bytes; // whole pages
  final long length; // of the body
  final int slot;

  Block(ArenaProducer owner, long offset, long bytes, long length, int slot) {
    this.owner = owner;
    this.offset = offset;
    this.bytes = bytes;
    this.length = length;
    this.slot = slot;
  }

  /** Of whose arena it is. */
  public ArenaProducer owner() {
    return owner;
  }

  /** So many bytes of it, at most {@link ArenaMemory#LONGEST_VIEW}, little-endian. */
  public ByteBuffer view(long at, int length) {
    return owner.memory().view(offset + at, length);
  }

  /** It is not sent. */
  public void cancel() {
    owner.cancel(this);
  }

  public long length() {
    return length;
  }
}

package dev.ringmail.arena;

/** A block that is loaned, and not sent yet. */
public final class Block {
  final long offset;
  final long bytes; // whole pages
  final long length; // of the body
  final int slot;

  Block(long offset, long bytes, long length, int slot) {
    this.offset = offset;
    this.bytes = bytes;
    this.length = length;
    this.slot = slot;
  }

  public long offset() {
    return offset;
  }

  public long length() {
    return length;
  }
}

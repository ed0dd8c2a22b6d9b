package dev.ringmail.arena;

/** Where a body lies: what stands before the message in a frame of the kind large. */
public record BodyPlace(long offset, long length, int slot, int serial) {
  public static final int BYTES = 32;
}

package dev.ringmail.arena;

import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The pieces of an arena that are in no block. The smallest that is large enough is taken and, of these, the first: what was in use
 * before is used again, and the large pieces stay whole.
 */
final class FreeSpace {
  private record Piece(long bytes, long offset) {}

  private final TreeMap<Long, Long> byOffset = new TreeMap<>(); // no two adjacent
  private final TreeSet<Piece> bySize =
      new TreeSet<>(Comparator.comparingLong(Piece::bytes).thenComparingLong(Piece::offset));

  FreeSpace(long bytes) {
    put(0, bytes);
  }

  /** Where so many bytes are to be had, or -1. They are taken with {@link #take}. */
  long find(long bytes) {
    Piece found = bySize.ceiling(new Piece(bytes, 0));
    return found == null ? -1 : found.offset;
  }

  /** The first bytes of the piece that find() found. */
  void take(long offset, long bytes) {
    long size = remove(offset);
    if (size > bytes) put(offset + bytes, size - bytes);
  }

  /** Gives back, and joins with the pieces on both sides. */
  void add(long offset, long bytes) {
    Map.Entry<Long, Long> before = byOffset.lowerEntry(offset);
    if (byOffset.containsKey(offset + bytes)) bytes += remove(offset + bytes);
    if (before != null && before.getKey() + before.getValue() == offset) {
      bytes += remove(before.getKey());
      offset = before.getKey();
    }
    put(offset, bytes);
  }

  private void put(long offset, long bytes) {
    byOffset.put(offset, bytes);
    bySize.add(new Piece(bytes, offset));
  }

  private long remove(long offset) {
    long bytes = byOffset.remove(offset);
    bySize.remove(new Piece(bytes, offset));
    return bytes;
  }
}

package dev.ringmail.arena;

import dev.ringmail.ring.Frames;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;

/**
 * The arena of one lane and direction, mapped whole. A ByteBuffer has less than 2 GiB, and so it is mapped in windows that begin a
 * gigabyte apart and overlap: whatever starts in one and is no longer than a gigabyte lies in it.
 */
public final class ArenaMemory {
  public static final int LONGEST_VIEW = 1 << 30;

  private final long bytes;
  private final ByteBuffer[] windows;

  private ArenaMemory(long bytes) {
    this.bytes = bytes;
    windows = new ByteBuffer[(int) ((bytes + LONGEST_VIEW - 1) / LONGEST_VIEW)];
  }

  /** @param at where the lane's part starts in the segment */
  public static ArenaMemory map(FileChannel segment, MapMode mode, long at, long bytes) throws IOException {
    ArenaMemory memory = new ArenaMemory(bytes);
    for (int i = 0; i < memory.windows.length; ++i) {
      long start = (long) i * LONGEST_VIEW;
      memory.windows[i] = segment.map(mode, at + start, Math.min(bytes - start, Integer.MAX_VALUE));
    }
    return memory;
  }

  public long bytes() {
    return bytes;
  }

  /** So many bytes, at most {@link #LONGEST_VIEW}, little-endian; read-only where the arena is. */
  public ByteBuffer view(long at, int length) {
    return windows[(int) (at / LONGEST_VIEW)].slice((int) (at % LONGEST_VIEW), length).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Has pages that nobody used before accounted for, as fallocate would: the kernel makes them now, and not while a body is
   * written. False: the machine has no more.
   */
  boolean populate(long from, long to) {
    try {
      for (long at = from; at < to; at += Frames.PAGE_BYTES) {
        windows[(int) (at / LONGEST_VIEW)].put((int) (at % LONGEST_VIEW), (byte) 0);
      }
      return true;
    } catch (InternalError e) {
      return false; // what Java makes of a SIGBUS
    }
  }
}

package dev.ringmail.arena;

import static dev.ringmail.ring.Words.INT;
import static dev.ringmail.ring.Words.LONG;

import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingFault;
import dev.ringmail.ring.RingProducer;
import java.nio.ByteBuffer;

/**
 * Blocks for the bodies of one lane's mail. Which there are, and which are free, it alone knows: a reader says of each what it has
 * given back, by a word of its own. The thread of the ring's producer.
 */
public final class ArenaProducer {
  private final ArenaMemory memory;
  private final ByteBuffer returns; // the consumer writes it
  private final FreeSpace free;

  // By slot. 0 bytes: not out.
  private final long[] offset = new long[Returns.SLOTS];
  private final long[] bytes = new long[Returns.SLOTS];
  private final long[] end = new long[Returns.SLOTS]; // the position behind its frame
  private final int[] serial = new int[Returns.SLOTS]; // of the block, or of the last one
  private final int[] lastWord = new int[Returns.SLOTS]; // what the consumer's word was when the block was sent
  private final boolean[] isReturned = new boolean[Returns.SLOTS];

  private final int[] freeSlots = new int[Returns.SLOTS]; // the next is the last
  private int slotsFree = Returns.SLOTS;
  private long populated; // all before has been, and nothing behind is in a block
  private int unfinished; // of those that are out: given back, but their frame is not finished
  private int seen; // count of the returns, when they were looked through last
  private RingFault fault;

  /** @param returns the block where the consumer gives back, 0 of new memory */
  public ArenaProducer(ArenaMemory memory, ByteBuffer returns) {
    this.memory = memory;
    this.returns = returns;
    free = new FreeSpace(memory.bytes());
    for (int i = 0; i < Returns.SLOTS; ++i) freeSlots[i] = Returns.SLOTS - 1 - i;
  }

  public ArenaMemory memory() {
    return memory;
  }

  public RingFault fault() {
    return fault;
  }

  /**
   * Room for a body, or null while there is none or the consumer is at fault.
   *
   * @param length at most the arena's
   * @param mail the ring that bodies go with
   */
  public Block tryLoan(long length, RingProducer mail) {
    collect(mail);
    if (fault != null || slotsFree == 0) return null;
    // A body of no bytes has a place, too.
    long needed = Math.max(length + Frames.PAGE_BYTES - 1 & -Frames.PAGE_BYTES, Frames.PAGE_BYTES);
    long at = free.find(needed);
    if (at < 0) return null;
    if (at + needed > populated) {
      if (!memory.populate(populated, at + needed)) return null;
      populated = at + needed;
    }
    free.take(at, needed);
    int slot = freeSlots[--slotsFree];
    // Not the consumer's word: that may be 0.
    do {
      ++serial[slot];
    } while (serial[slot] == 0 || serial[slot] == lastWord[slot]);
    return new Block(this, at, needed, length, slot);
  }

  /** Gives a loan back that was not sent. */
  public void cancel(Block block) {
    free.add(block.offset, block.bytes);
    freeSlots[slotsFree++] = block.slot;
  }

  /** Writes where the body is, which stands before its message. */
  public void describe(Block block, ByteBuffer into, int at) {
    LONG.setOpaque(into, at, block.offset);
    LONG.setOpaque(into, at + 8, block.length);
    LONG.setOpaque(into, at + 16, block.slot | (long) serial[block.slot] << 32);
    LONG.setOpaque(into, at + 24, 0L);
  }

  /** Its frame has been committed to `mail`. */
  public void committed(Block block, RingProducer mail) {
    int slot = block.slot;
    offset[slot] = block.offset;
    bytes[slot] = block.bytes;
    end[slot] = mail.end();
    isReturned[slot] = false;
  }

  /** What has been given back, and whose frame is finished, is free. */
  private void collect(RingProducer mail) {
    // SYNC(want): after the store of `want`, with the addition in ArenaConsumer.giveBack.
    int count = (int) INT.getVolatile(returns, Returns.COUNT);
    if ((count == seen && unfinished == 0) || fault != null) return;
    seen = count;
    unfinished = 0;
    // Once: what has been finished meanwhile is seen the next time.
    if (!mail.refreshCursor()) return;
    for (int slot = 0; slot < Returns.SLOTS; ++slot) {
      if (bytes[slot] == 0) continue;
      if (!isReturned[slot]) {
        // SYNC(returns): with the store in ArenaConsumer.giveBack; its readers are done with the block.
        int returned = (int) INT.getAcquire(returns, Returns.serialOf(slot));
        if (returned == lastWord[slot]) continue;
        if (returned != serial[slot]) {
          fault = RingFault.BODY_RETURNED_WRONGLY;
          return;
        }
        isReturned[slot] = true;
        lastWord[slot] = returned;
      }
      if (end[slot] <= mail.cursor()) {
        free.add(offset[slot], bytes[slot]);
        bytes[slot] = 0;
        freeSlots[slotsFree++] = slot;
      } else {
        ++unfinished;
      }
    }
  }
}

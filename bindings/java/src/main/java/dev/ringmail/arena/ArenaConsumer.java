package dev.ringmail.arena;

import static dev.ringmail.ring.Words.INT;
import static dev.ringmail.ring.Words.LONG;

import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingFault;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** Takes the bodies of one lane's mail, on its consumer's thread, and gives them back, on any. */
public final class ArenaConsumer {
  private final ArenaMemory memory;
  private final ByteBuffer returns;
  private final ByteBuffer mailProducer;
  private final AtomicIntegerArray held = new AtomicIntegerArray(Returns.SLOTS);
  private RingFault fault;

  /**
   * @param returns the block where this side gives back
   * @param mailProducer the block of the producer whose mail the bodies go with
   */
  public ArenaConsumer(ArenaMemory memory, ByteBuffer returns, ByteBuffer mailProducer) {
    this.memory = memory;
    this.returns = returns;
    this.mailProducer = mailProducer;
  }

  public ArenaMemory memory() {
    return memory;
  }

  /** Where the body is of a frame with that payload, from position to limit; null: fault() says why. It is this side's now. */
  public BodyPlace take(ByteBuffer payload) {
    if (payload.remaining() < BodyPlace.BYTES) return fail(RingFault.BODY_NOT_DESCRIBED);
    int at = payload.position();
    // Each word once: who wrote it may write on.
    long offset = (long) LONG.getOpaque(payload, at);
    long length = (long) LONG.getOpaque(payload, at + 8);
    long slotAndSerial = (long) LONG.getOpaque(payload, at + 16);
    int slot = (int) slotAndSerial;
    int serial = (int) (slotAndSerial >>> 32);
    boolean isPlace = offset % Frames.PAGE_BYTES == 0 && slot >= 0 && slot < Returns.SLOTS && serial != 0;
    if (!isPlace) return fail(RingFault.BODY_NOT_DESCRIBED);
    // Unsigned: a negative number is a large one.
    boolean isWithin = length >= 0 && length <= memory.bytes() && offset >= 0 && offset <= memory.bytes() - length;
    if (!isWithin) return fail(RingFault.BODY_PAST_END);
    if (held.getAndSet(slot, 1) != 0) return fail(RingFault.BODY_SENT_TWICE);
    return new BodyPlace(offset, length, slot, serial);
  }

  private BodyPlace fail(RingFault what) {
    fault = what;
    return null;
  }

  public RingFault fault() {
    return fault;
  }

  /** Any thread, once for each. True: the producer sleeps until there is room, and must be rung. */
  public boolean giveBack(BodyPlace body) {
    held.set(body.slot(), 0);
    // SYNC(returns): with the load in ArenaProducer.collect.
    INT.setRelease(returns, Returns.serialOf(body.slot()), body.serial());
    // SYNC(want): ordered before the load of `want`; with RingProducer.wantRoom.
    INT.getAndAdd(returns, Returns.COUNT, 1);
    return (int) INT.getVolatile(mailProducer, Frames.WANT) != 0;
  }
}

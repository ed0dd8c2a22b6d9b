package dev.ringmail.ring;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Both ends of a ring in the memory of this process. */
public final class TestRing {
  public final ByteBuffer data;
  public final ByteBuffer producerBlock = words(Frames.PRODUCER_BLOCK_BYTES);
  public final ByteBuffer consumerBlock = words(Frames.CONSUMER_BLOCK_BYTES);
  public final RingProducer producer;
  public final RingConsumer consumer;

  public TestRing(int capacity) {
    data = words(capacity);
    producer = new RingProducer(new RingMemory(data, producerBlock, consumerBlock));
    consumer = newConsumer();
  }

  /** One that starts where the block says. */
  public RingConsumer newConsumer() {
    return new RingConsumer(new RingMemory(data, consumerBlock, producerBlock));
  }

  public static ByteBuffer words(int bytes) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(bytes + Frames.LINE_BYTES).alignedSlice(Frames.LINE_BYTES);
    return buffer.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Whether there was room. */
  public boolean put(int type, byte[] payload) {
    int at = producer.tryLoan(payload.length);
    if (at < 0) return false;
    producer.data().put(at, payload);
    producer.commit(Frames.MESSAGE, type, 0, 1, 2);
    return true;
  }

  /** The payload of the next frame, or null. */
  public byte[] take() {
    if (!consumer.peek()) return null;
    byte[] payload = new byte[consumer.length()];
    ByteBuffer view = consumer.payload();
    view.get(view.position(), payload);
    consumer.advance();
    return payload;
  }
}

package dev.ringmail.ring;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

class AllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final TestRing ring = new TestRing(1 << 16);
  private long sum;

  private void exchange(int count) {
    for (int i = 0; i < count; ++i) {
      int at = ring.producer.tryLoan(64);
      ring.producer.data().putLong(at, i);
      ring.producer.commit(Frames.MESSAGE, 1, 0, 1, 2);
      ring.producer.publish();
      ring.consumer.peek();
      ring.consumer.begin();
      var payload = ring.consumer.payload();
      sum += payload.getLong(payload.position());
      ring.consumer.advance();
      if (ring.consumer.cursorDue()) ring.consumer.storeCursor();
    }
  }

  @Test
  void a_message_through_a_ring_allocates_nothing() {
    exchange(50_000);
    long id = Thread.currentThread().getId();
    long before = THREADS.getThreadAllocatedBytes(id);
    exchange(50_000);
    long allocated = THREADS.getThreadAllocatedBytes(id) - before;
    assertTrue(allocated < 10_000, allocated + " bytes for 50,000 messages");
    assertTrue(sum > 0);
  }
}

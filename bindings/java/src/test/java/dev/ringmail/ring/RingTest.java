package dev.ringmail.ring;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.HexFormat;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class RingTest {
  private static final byte[] HELLO = "hello".getBytes(StandardCharsets.US_ASCII);

  private static byte[] bytes(Random random, int length) {
    byte[] payload = new byte[length];
    random.nextBytes(payload);
    return payload;
  }

  @Test
  void a_first_frame_has_the_bytes_of_the_specification() {
    TestRing ring = new TestRing(4096);
    for (int i = 0; i < 4096; i += 64) ring.data.put(i, (byte) 0xff); // terminators are written, and not hoped for
    ring.data.putLong(0, 0);
    int at = ring.producer.tryLoan(5);
    ring.producer.data().put(at, HELLO);
    ring.producer.commit(Frames.MESSAGE, 0x11223344, 9, 0x0010000000000001L, 2);
    assertEquals(0, ring.data.getLong(0), "nothing is there before it is published");
    assertTrue(ring.producer.publish());

    byte[] expected =
        HexFormat.ofDelimiter(" ")
            .parseHex(
                "05 00 00 00 02 00 00 00 44 33 22 11 09 00 00 00 01 00 00 00 00 00 10 00"
                    + " 02 00 00 00 00 00 00 00 68 65 6c 6c 6f");
    byte[] written = new byte[expected.length];
    ring.data.get(0, written);
    assertArrayEquals(expected, written);
    assertEquals(0, ring.data.getLong(64), "the terminator");
  }

  @Test
  void what_was_written_is_read() {
    TestRing ring = new TestRing(4096);
    assertFalse(ring.consumer.peek());
    ring.put(7, HELLO);
    assertTrue(ring.consumer.isEmpty(), "an open batch is not seen");
    ring.producer.publish();
    assertTrue(ring.consumer.peek());
    assertEquals(7, ring.consumer.type());
    assertEquals(1, ring.consumer.target());
    assertEquals(2, ring.consumer.sender());
    assertArrayEquals(HELLO, ring.take());
    assertFalse(ring.consumer.peek());
  }

  @Test
  void a_payload_that_was_released_is_empty() {
    TestRing ring = new TestRing(4096);
    ring.put(7, HELLO);
    ring.producer.publish();
    ring.consumer.peek();
    ByteBuffer payload = ring.consumer.payload();
    assertEquals('h', payload.get(payload.position()));
    assertTrue(payload.isReadOnly());
    ring.consumer.advance();
    assertFalse(payload.hasRemaining());
    assertThrows(IndexOutOfBoundsException.class, () -> payload.get(32));
  }

  @Test
  void a_cancelled_loan_is_not_seen() {
    TestRing ring = new TestRing(4096);
    ring.put(1, HELLO);
    ring.producer.publish();
    int at = ring.producer.tryLoan(500);
    for (int i = 0; i < 500; ++i) ring.producer.data().put(at + i, (byte) 0xee);
    ring.producer.cancel();
    ring.put(2, HELLO);
    ring.producer.publish();
    assertArrayEquals(HELLO, ring.take());
    assertArrayEquals(HELLO, ring.take());
    assertNull(ring.take());
    assertNull(ring.consumer.fault());
  }

  @Test
  void the_longest_payload_fits_into_an_empty_ring_whatever_its_tail() {
    for (int before = 0; before < 64; ++before) {
      TestRing ring = new TestRing(4096);
      for (int i = 0; i < before; ++i) {
        assertTrue(ring.put(1, HELLO));
        ring.producer.publish();
        ring.take();
        ring.consumer.storeCursor();
      }
      byte[] longest = bytes(new Random(before), ring.producer.maxPayload());
      assertTrue(ring.put(2, longest));
      ring.producer.publish();
      assertArrayEquals(longest, ring.take());
    }
  }

  @Test
  void batches_of_any_sizes_come_whole_and_in_order() {
    Random random = new Random(42);
    TestRing ring = new TestRing(8192);
    Queue<byte[]> sent = new ArrayDeque<>();
    for (int round = 0; round < 20_000; ++round) {
      for (int n = random.nextInt(6); n > 0; --n) {
        byte[] payload = bytes(random, random.nextInt(random.nextInt(10) == 0 ? ring.producer.maxPayload() + 1 : 200));
        if (!ring.put(round, payload)) break;
        sent.add(payload);
      }
      ring.producer.publish();
      for (int n = random.nextInt(8); n > 0 && !sent.isEmpty(); --n) assertArrayEquals(sent.remove(), ring.take());
      assertEquals(sent.isEmpty(), !ring.consumer.peek());
      if (ring.consumer.cursorDue() || random.nextBoolean()) ring.consumer.storeCursor();
      assertNull(ring.consumer.fault());
      assertNull(ring.producer.fault());
    }
  }

  @Test
  @Timeout(60)
  void two_threads_meet() throws Exception {
    int count = 200_000;
    TestRing ring = new TestRing(4096);
    CompletableFuture<Void> reading =
        CompletableFuture.runAsync(
            () -> {
              Random expected = new Random(1);
              for (int i = 0; i < count; ++i) {
                while (!ring.consumer.peek()) {
                  ring.consumer.storeCursor();
                  Thread.yield();
                }
                assertEquals(i, ring.consumer.type());
                assertArrayEquals(bytes(expected, expected.nextInt(300)), ring.take());
                if (ring.consumer.cursorDue()) ring.consumer.storeCursor();
              }
            });
    Random random = new Random(1);
    for (int i = 0; i < count && !reading.isDone(); ++i) {
      byte[] payload = bytes(random, random.nextInt(300));
      while (!ring.put(i, payload) && !reading.isDone()) {
        ring.producer.publish();
        Thread.yield();
      }
      if (i % 3 == 0) ring.producer.publish();
    }
    ring.producer.publish();
    reading.get(60, TimeUnit.SECONDS);
  }

  @Test
  void a_producer_that_waits_is_seen_when_a_cursor_is_stored() {
    TestRing ring = new TestRing(4096);
    ring.put(1, HELLO);
    ring.producer.publish();
    ring.take();
    ring.producer.wantRoom(true);
    assertTrue(ring.consumer.storeCursor());
    assertFalse(ring.consumer.storeCursor(), "it has not moved");
  }

  @Test
  void a_successor_takes_up_where_the_cursor_stands() {
    TestRing ring = new TestRing(4096);
    for (int i = 0; i < 4; ++i) ring.put(i, HELLO);
    ring.producer.publish();
    ring.take();
    ring.consumerBlock.putLong(Frames.CURSOR, 64).putLong(Frames.RESUME_TAIL, 192);
    ring.consumerBlock.putInt(Frames.RESUME_SEQUENCE, 1).putInt(Frames.ATTEMPT, 3);

    RingConsumer next = ring.newConsumer();
    assertTrue(next.peek());
    assertEquals(1, next.type());
    assertTrue(next.redelivers());
    assertEquals(3, next.attempt());
    next.advance();
    assertTrue(next.cursorDue(), "after each that may be repeated");
    next.storeCursor();
    assertTrue(next.peek());
    assertTrue(next.redelivers());
    assertEquals(0, next.attempt());
    next.advance();
    assertTrue(next.peek());
    assertFalse(next.redelivers());
    assertEquals(3, next.type());
  }

  private static RingFault faultOf(long commitWord) {
    TestRing ring = new TestRing(4096);
    ring.data.putLong(0, commitWord);
    assertFalse(ring.consumer.peek());
    return ring.consumer.fault();
  }

  @Test
  void wrong_frames_end_the_link() {
    assertEquals(RingFault.SEQUENCE_GAP, faultOf(Frames.commitWord(5, Frames.MESSAGE, 1)));
    assertEquals(RingFault.UNKNOWN_KIND, faultOf(Frames.commitWord(5, 10, 0)));
    assertEquals(RingFault.UNKNOWN_KIND, faultOf(Frames.commitWord(5, 0x100, 0)));
    assertEquals(RingFault.UNKNOWN_KIND, faultOf(5));
    assertEquals(RingFault.FRAME_TOO_LONG, faultOf(Frames.commitWord(2048 - 31, Frames.MESSAGE, 0)));
    assertEquals(RingFault.FRAME_TOO_LONG, faultOf(Frames.commitWord(-1, Frames.MESSAGE, 0) & 0xffffffffL | 2L << 32));
    assertEquals(RingFault.PADDING_LENGTH, faultOf(Frames.commitWord(32, Frames.PADDING, 0)));
  }

  @Test
  void a_frame_must_not_reach_past_the_end() {
    TestRing ring = new TestRing(4096);
    ring.consumerBlock.putLong(Frames.CURSOR, 4096 - 64);
    ring.data.putLong(4096 - 64, Frames.commitWord(64, Frames.MESSAGE, 0));
    RingConsumer consumer = ring.newConsumer();
    assertFalse(consumer.peek());
    assertEquals(RingFault.FRAME_PAST_END, consumer.fault());
  }

  private static RingFault faultOfCursor(long first, long cursor) {
    TestRing ring = new TestRing(4096);
    ring.consumerBlock.putLong(Frames.CURSOR, first);
    byte[] payload = new byte[1024 - 32];
    for (int i = 0; i < 3; ++i) ring.put(1, payload);
    ring.producer.publish();
    assertFalse(ring.put(1, payload) && first == 0);
    ring.producer.publish();
    ring.consumerBlock.putLong(Frames.CURSOR, cursor);
    while (ring.producer.fault() == null && ring.put(1, payload)) ring.producer.publish();
    return ring.producer.fault();
  }

  @Test
  void wrong_cursors_end_the_link() {
    assertEquals(RingFault.CURSOR_UNALIGNED, faultOfCursor(0, 1024 + 1));
    assertEquals(RingFault.CURSOR_PAST_TAIL, faultOfCursor(0, 8192));
    assertEquals(RingFault.CURSOR_PAST_TAIL, faultOfCursor(0, -64));
    assertEquals(RingFault.CURSOR_BACKWARDS, faultOfCursor(1024, 0));
  }
}

package dev.ringmail.ring;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class RingSurveyTest {
  private final TestRing ring = new TestRing(4096);

  private RingSurvey survey() {
    return RingSurvey.of(ring.data, ring.consumerBlock);
  }

  private void put(int number) {
    assertTrue(ring.put(7, payload(number)));
    ring.producer.publish();
  }

  /** Of a frame of 320 bytes: they do not fill a ring evenly. */
  private static byte[] payload(int number) {
    return ByteBuffer.allocate(280).putInt(0, number).array();
  }

  private static int number(byte[] payload) {
    return ByteBuffer.wrap(payload).getInt(0);
  }

  @Test
  void a_new_ring_is_taken_up_at_its_start() {
    assertEquals(new RingSurvey(0, 0, 0, 0, 0, 0), survey());
  }

  @Test
  void who_comes_after_a_consumer_gets_what_it_had_not_finished() {
    int sent = 0;
    int finished = 0;
    for (int life = 0; life < 200; ++life) {
      while (ring.put(7, payload(sent))) {
        ring.producer.publish();
        ++sent;
      }
      RingSurvey left = survey();
      assertEquals(sent - finished, left.messages());
      left.resume(ring.consumerBlock);
      RingConsumer next = ring.newConsumer();
      for (int i = 0; i < 1 + life % 5; ++i) {
        assertTrue(next.peek());
        byte[] payload = new byte[next.length()];
        next.payload().get(payload);
        assertEquals(finished, number(payload));
        assertTrue(next.redelivers());
        assertEquals(0, next.attempt());
        next.advance();
        ++finished;
      }
      next.storeCursor();
    }
    assertNull(ring.producer.fault());
  }

  @Test
  void who_comes_after_a_producer_writes_on_behind_it() {
    RingProducer producer = ring.producer;
    int taken = 0;
    for (int life = 0, sent = 0; life < 200; ++life) {
      RingSurvey left = survey();
      producer = new RingProducer(new RingMemory(ring.data, ring.producerBlock, ring.consumerBlock), left);
      for (int i = 0; i < 1 + life % 7; ++i) {
        int at = producer.tryLoan(280);
        if (at < 0) break;
        producer.data().put(at, payload(sent));
        producer.commit(Frames.MESSAGE, 7, 0, 1, 2);
        producer.publish();
        ++sent;
      }
      // One that is loaned, or committed and not published, dies with it.
      if (producer.tryLoan(8) >= 0) producer.commit(Frames.MESSAGE, 8, 0, 1, 2);
      for (byte[] payload = ring.take(); payload != null; payload = ring.take()) assertEquals(taken++, number(payload));
      ring.consumer.storeCursor();
      assertNull(ring.consumer.fault());
      assertEquals(sent, taken);
    }
  }

  @Test
  void the_message_in_hand_is_counted() {
    put(1);
    for (int deaths = 0; deaths < 3; ++deaths) {
      survey().resume(ring.consumerBlock);
      RingConsumer next = ring.newConsumer();
      assertTrue(next.peek());
      assertEquals(deaths, next.attempt());
      next.begin();
    }
    // One that dies with nothing in hand.
    survey().resume(ring.consumerBlock);
    survey().resume(ring.consumerBlock);
    RingConsumer next = ring.newConsumer();
    assertTrue(next.peek());
    assertEquals(0, next.attempt());
  }

  @Test
  void where_there_is_no_frame_the_sequence_beside_the_cursor_counts() {
    for (int i = 0; i < 5; ++i) {
      put(i);
      assertArrayEquals(payload(i), ring.take());
    }
    ring.consumer.storeCursor();
    RingSurvey left = survey();
    assertEquals(5, left.sequence());
    assertEquals(5, left.tailSequence());
    left.resume(ring.consumerBlock);
    RingConsumer next = ring.newConsumer();
    assertFalse(next.redelivers());
    put(5);
    assertTrue(next.peek());
    assertNull(next.fault());
  }

  @Test
  void the_impossible_cannot_be_taken_up() {
    put(1);
    put(2);
    long first = ring.data.getLong(320);
    for (long word : new long[] {first | 99L << 32, first | 5000, (first & 0xffffffffL) | 0x0300L << 32}) {
      ring.data.putLong(320, word);
      assertNull(survey());
    }
    ring.data.putLong(320, first | 7L << 48);
    assertNull(survey(), "a gap in the sequence");
    ring.data.putLong(320, 0);
    assertEquals(1, survey().messages());
    ring.consumerBlock.putLong(0, 32);
    assertNull(survey(), "a cursor where no frame starts");
    ring.consumerBlock.putLong(0, 0);
    for (int at = 0, sequence = 0; at < 4096; at += 64, ++sequence) {
      ring.data.putLong(at, Frames.commitWord(8, Frames.MESSAGE, sequence));
    }
    assertNull(survey(), "a ring without a terminator");
  }
}

package dev.ringmail.arena;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingFault;
import dev.ringmail.ring.TestRing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ArenaTest {
  private static final int PAGE = Frames.PAGE_BYTES;
  private static final int PAGES = 64;

  private final TestRing mail = new TestRing(1 << 16);
  private final ByteBuffer returns = ByteBuffer.allocateDirect(Returns.BYTES + 64).alignedSlice(64).order(ByteOrder.LITTLE_ENDIAN);
  private final ArenaProducer producer;
  private final ArenaConsumer consumer;

  ArenaTest() throws IOException {
    Path file = Files.createTempFile("ringmail-arena", "");
    try (FileChannel writable = sized(file, PAGES * PAGE);
        FileChannel readable = FileChannel.open(file, StandardOpenOption.READ)) {
      producer = new ArenaProducer(ArenaMemory.map(writable, MapMode.READ_WRITE, 0, PAGES * PAGE), returns);
      consumer = new ArenaConsumer(ArenaMemory.map(readable, MapMode.READ_ONLY, 0, PAGES * PAGE), returns, mail.producerBlock);
    } finally {
      Files.delete(file);
    }
  }

  private static FileChannel sized(Path file, long bytes) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    channel.write(ByteBuffer.allocate(1), bytes - 1); // sparse
    return channel;
  }

  private Block loan(long length) {
    return producer.tryLoan(length, mail.producer);
  }

  private void send(Block block) {
    int at = mail.producer.tryLoan(BodyPlace.BYTES);
    producer.describe(block, mail.producer.data(), at);
    mail.producer.commit(Frames.LARGE, 7, 0, 1, 2);
    producer.committed(block, mail.producer);
    mail.producer.publish();
  }

  /** The next message's body; the message is finished. */
  private BodyPlace receive() {
    assertTrue(mail.consumer.peek());
    assertEquals(Frames.LARGE, mail.consumer.kind());
    BodyPlace body = consumer.take(mail.consumer.payload());
    mail.consumer.advance();
    mail.consumer.storeCursor();
    return body;
  }

  private boolean isWhole() {
    Block all = loan(PAGES * PAGE);
    if (all == null) return false;
    producer.cancel(all);
    return true;
  }

  @Test
  void a_body_is_read_where_it_was_written_and_may_be_kept() {
    Block block = loan(10_000);
    ByteBuffer room = producer.memory().view(block.offset, 10_000);
    for (int i = 0; i < 10_000; ++i) room.put(i, (byte) i);
    send(block);
    BodyPlace body = receive();
    ByteBuffer read = consumer.memory().view(body.offset(), (int) body.length());
    assertEquals(room, read);
    assertThrows(ReadOnlyBufferException.class, () -> read.put(0, (byte) 1));
    assertFalse(isWhole());
    assertFalse(consumer.giveBack(body));
    assertTrue(isWhole());
  }

  @Test
  void who_waits_for_a_block_is_rung() {
    send(loan(1));
    BodyPlace body = receive();
    mail.producer.wantRoom(true);
    assertTrue(consumer.giveBack(body));
  }

  @Test
  void a_block_is_free_when_it_was_given_back_and_its_message_is_finished() {
    send(loan(PAGE));
    assertTrue(mail.consumer.peek());
    BodyPlace body = consumer.take(mail.consumer.payload());
    consumer.giveBack(body);
    assertFalse(isWhole(), "the next incarnation may need it");
    mail.consumer.advance();
    mail.consumer.storeCursor();
    assertTrue(isWhole());
  }

  @Test
  void blocks_come_back_in_any_order_and_join() {
    Random random = new Random(7);
    List<BodyPlace> held = new ArrayList<>();
    for (int i = 0; i < 5000; ++i) {
      Block block = loan(random.nextInt(6 * PAGE));
      if (block != null) {
        send(block);
        held.add(receive());
      }
      if (block == null || random.nextInt(3) == 0) consumer.giveBack(held.remove(random.nextInt(held.size())));
    }
    assertNull(producer.fault());
    held.forEach(consumer::giveBack);
    assertTrue(isWhole());
  }

  @Test
  void no_two_blocks_lie_over_each_other() {
    boolean[] used = new boolean[PAGES];
    for (Block block = loan(3 * PAGE - 1); block != null; block = loan(3 * PAGE - 1)) {
      for (int page = 0; page < 3; ++page) {
        int at = (int) (block.offset / PAGE) + page;
        assertFalse(used[at]);
        used[at] = true;
      }
    }
  }

  @Test
  void there_are_as_many_bodies_as_slots() throws IOException {
    Path file = Files.createTempFile("ringmail-arena", "");
    long bytes = (Returns.SLOTS + 1L) * PAGE;
    try (FileChannel channel = sized(file, bytes)) {
      ArenaProducer many = new ArenaProducer(ArenaMemory.map(channel, MapMode.READ_WRITE, 0, bytes), returns);
      Block last = null;
      for (int i = 0; i < Returns.SLOTS; ++i) assertNotNull(last = many.tryLoan(0, mail.producer));
      assertNull(many.tryLoan(0, mail.producer));
      many.cancel(last);
      assertNotNull(many.tryLoan(0, mail.producer));
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void a_serial_is_never_that_of_the_last_time() {
    int before = 0;
    for (int i = 0; i < 10; ++i) {
      send(loan(0));
      BodyPlace body = receive();
      assertEquals(0, body.slot());
      assertTrue(body.serial() != before && body.serial() != 0);
      before = body.serial();
      consumer.giveBack(body);
    }
  }

  @Test
  void what_is_given_back_wrongly_ends_the_link() {
    send(loan(PAGE));
    BodyPlace body = receive();
    consumer.giveBack(new BodyPlace(body.offset(), body.length(), body.slot(), body.serial() + 1));
    assertNull(loan(PAGE));
    assertEquals(RingFault.BODY_RETURNED_WRONGLY, producer.fault());
  }

  @Test
  void a_word_about_a_block_that_is_not_out_is_not_looked_at() {
    consumer.giveBack(new BodyPlace(0, 0, 5, 77));
    assertTrue(isWhole());
    assertNull(producer.fault());
  }

  @Test
  void one_that_is_given_back_twice_is_the_same_as_once() {
    send(loan(PAGE));
    BodyPlace body = receive();
    consumer.giveBack(body);
    consumer.giveBack(body);
    assertTrue(isWhole());
    send(loan(PAGE));
    assertNotNull(receive());
    assertNull(producer.fault());
  }

  private RingFault faultOf(long offset, long length, int slot, int serial) {
    ByteBuffer payload = ByteBuffer.allocateDirect(BodyPlace.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    payload.putLong(0, offset).putLong(8, length).putInt(16, slot).putInt(20, serial);
    return consumer.take(payload) == null ? consumer.fault() : null;
  }

  @Test
  void a_body_that_cannot_be_is_named() {
    long arena = PAGES * PAGE;
    assertEquals(RingFault.BODY_NOT_DESCRIBED, faultOf(1, 1, 0, 1));
    assertEquals(RingFault.BODY_NOT_DESCRIBED, faultOf(0, 1, 512, 1));
    assertEquals(RingFault.BODY_NOT_DESCRIBED, faultOf(0, 1, -1, 1));
    assertEquals(RingFault.BODY_NOT_DESCRIBED, faultOf(0, 1, 0, 0));
    assertEquals(RingFault.BODY_PAST_END, faultOf(arena, 1, 0, 1));
    assertEquals(RingFault.BODY_PAST_END, faultOf(0, arena + 1, 0, 1));
    assertEquals(RingFault.BODY_PAST_END, faultOf(0, -1, 0, 1));
    assertEquals(RingFault.BODY_PAST_END, faultOf(-PAGE, 1, 0, 1));
    assertEquals(RingFault.BODY_PAST_END, faultOf(PAGE, arena, 0, 1));
    assertNull(faultOf(arena, 0, 1, 1), "one of no bytes may be anywhere");
    assertNull(faultOf(0, arena, 0, 1));
    assertEquals(RingFault.BODY_SENT_TWICE, faultOf(0, arena, 0, 2));
    ByteBuffer tooShort = ByteBuffer.allocateDirect(BodyPlace.BYTES - 1);
    assertNull(consumer.take(tooShort));
    assertEquals(RingFault.BODY_NOT_DESCRIBED, consumer.fault());
  }

  @Test
  void what_is_longer_than_a_buffer_lies_in_windows_that_overlap() throws IOException {
    long bytes = 5L << 30;
    Path file = Files.createTempFile("ringmail-arena", "");
    try (FileChannel channel = sized(file, bytes)) {
      ArenaMemory memory = ArenaMemory.map(channel, MapMode.READ_WRITE, 0, bytes);
      long[] places = {0, (1L << 30) - 5, (1L << 30) + 8, (3L << 30) - 1, (4L << 30) + 17, bytes - 8};
      for (long at : places) memory.view(at, 8).putLong(0, at ^ 0x5555);
      for (long at : places) {
        ByteBuffer wide = memory.view(Math.max(0, at - (1 << 29)), (int) Math.min(1L << 30, bytes - Math.max(0, at - (1 << 29))));
        assertEquals(at ^ 0x5555, wide.getLong((int) (at - Math.max(0, at - (1 << 29)))));
      }
      assertEquals(ArenaMemory.LONGEST_VIEW, memory.view((3L << 30) + 4095, ArenaMemory.LONGEST_VIEW).remaining());
    } finally {
      Files.delete(file);
    }
  }
}

package dev.ringmail.link;

import static dev.ringmail.ring.Frames.CONSUMER_BLOCK_BYTES;
import static dev.ringmail.ring.Frames.PAGE_BYTES;
import static dev.ringmail.ring.Frames.PRODUCER_BLOCK_BYTES;

import dev.ringmail.arena.Returns;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * What one side of a lane writes, as ring.md lays out the segment `peer`: a page of blocks, and the data of what it sends. A ring of a
 * gigabyte and its page are less than what one mapping can be.
 */
record Side(ByteBuffer blocks, ByteBuffer mail, ByteBuffer control) {
  static long bytes(long mail, long control) {
    return PAGE_BYTES + mail + control;
  }

  static Side map(HostFile file, long at, int mail, int control) throws IOException {
    return new Side(
        file.map(at, PAGE_BYTES), file.map(at + PAGE_BYTES, mail), file.map(at + PAGE_BYTES + mail, control));
  }

  ByteBuffer mailConsumer() {
    return consumer(blocks, 0);
  }

  ByteBuffer controlConsumer() {
    return consumer(blocks, 512);
  }

  ByteBuffer mailProducer() {
    return producer(blocks, 1024);
  }

  ByteBuffer controlProducer() {
    return producer(blocks, 1152);
  }

  ByteBuffer returns() {
    return returns(blocks);
  }

  static ByteBuffer consumer(ByteBuffer page, int at) {
    return page.slice(at, CONSUMER_BLOCK_BYTES);
  }

  static ByteBuffer producer(ByteBuffer page, int at) {
    return page.slice(at, PRODUCER_BLOCK_BYTES);
  }

  static ByteBuffer returns(ByteBuffer page) {
    return page.slice(1536, Returns.BYTES);
  }
}

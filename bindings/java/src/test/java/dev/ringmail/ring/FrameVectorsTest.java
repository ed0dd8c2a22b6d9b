package dev.ringmail.ring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ringmail.VectorFile;
import dev.ringmail.VectorFile.Vector;
import dev.ringmail.arena.ArenaConsumer;
import dev.ringmail.arena.ArenaMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What bindings/vectors/frames.txt says of rings: read, written, and found out. */
class FrameVectorsTest {
  private static final int CAPACITY = 4096;

  @TempDir Path folder;

  private record Frame(int kind, int type, int correlation, long target, long sender, String payload) {
    static Frame of(String word) {
      String[] parts = word.split(":");
      return new Frame(
          Integer.parseInt(parts[0]),
          Integer.parseUnsignedInt(parts[1], 16),
          Integer.parseUnsignedInt(parts[2], 16),
          Long.parseUnsignedLong(parts[3], 16),
          Long.parseUnsignedLong(parts[4], 16),
          HexFormat.of().formatHex(VectorFile.bytes(parts[5], 0)));
    }
  }

  private static List<Frame> frames(List<String> words) {
    return words.stream().map(Frame::of).toList();
  }

  private static String name(RingFault fault) {
    return fault == null ? "none" : fault.name().toLowerCase(Locale.ROOT);
  }

  private static TestRing dirtyRing() {
    TestRing ring = new TestRing(CAPACITY);
    for (int i = 0; i < CAPACITY; ++i) ring.data.put(i, (byte) 0xee);
    return ring;
  }

  private static int lines(Vector vector) {
    return Integer.parseInt(vector.words().get(0));
  }

  private static void isRead(Vector vector) {
    TestRing ring = dirtyRing();
    int at = lines(vector) * Frames.LINE_BYTES;
    for (byte b : VectorFile.bytes(vector.words().get(1), 0xee)) ring.data.put(at++ % CAPACITY, b);
    ring.consumerBlock.putLong(Frames.CURSOR, (long) lines(vector) * Frames.LINE_BYTES);
    ring.consumerBlock.putInt(Frames.RESUME_SEQUENCE, lines(vector) & 0xffff);
    RingConsumer consumer = ring.newConsumer();
    List<Frame> read = new ArrayList<>();
    while (consumer.peek()) {
      ByteBuffer view = consumer.payload();
      byte[] payload = new byte[view.remaining()];
      view.get(payload);
      read.add(
          new Frame(
              consumer.kind(),
              consumer.type(),
              consumer.correlation(),
              consumer.target(),
              consumer.sender(),
              HexFormat.of().formatHex(payload)));
      consumer.advance();
    }
    boolean isBad = vector.verb().equals("bad");
    assertEquals(frames(vector.from(isBad ? 3 : 2)), read);
    assertEquals(isBad ? vector.words().get(2) : "none", name(consumer.fault()));
  }

  /** Has published so many messages of a line each. */
  private static TestRing behind(int lines, boolean areFinished) {
    TestRing ring = dirtyRing();
    for (int line = 1; line <= lines; ++line) {
      assertTrue(ring.put(0, new byte[0]));
      ring.producer.publish();
      if (areFinished) ring.consumerBlock.putLong(Frames.CURSOR, (long) line * Frames.LINE_BYTES);
    }
    return ring;
  }

  private static void isWritten(Vector vector) {
    TestRing ring = behind(lines(vector), true);
    for (Frame frame : frames(vector.from(2))) {
      byte[] payload = HexFormat.of().parseHex(frame.payload());
      int at = ring.producer.tryLoan(payload.length);
      assertTrue(at >= 0);
      ring.producer.data().put(at, payload);
      ring.producer.commit(frame.kind(), frame.type(), frame.correlation(), frame.target(), frame.sender());
    }
    assertTrue(ring.producer.publish());
    // What does not matter differs between the two.
    byte[] due = VectorFile.bytes(vector.words().get(1), 0);
    byte[] other = VectorFile.bytes(vector.words().get(1), 1);
    for (int i = 0; i < due.length; ++i) {
      if (due[i] != other[i]) continue;
      assertEquals(due[i], ring.data.get((lines(vector) * Frames.LINE_BYTES + i) % CAPACITY), "byte " + i);
    }
  }

  private static void findsRoom(Vector vector) {
    TestRing ring = behind(lines(vector), false);
    String found = "";
    for (String cursor : vector.words().get(1).split(",")) {
      ring.consumerBlock.putLong(Frames.CURSOR, Long.parseUnsignedLong(cursor));
      found = "no_room";
      if (ring.producer.tryLoan(ring.producer.maxPayload()) < 0) continue;
      ring.producer.cancel();
      found = "room";
    }
    assertEquals(vector.words().get(2), ring.producer.fault() == null ? found : name(ring.producer.fault()));
  }

  private void takesBodies(Vector vector) throws IOException {
    int bytes = Integer.parseInt(vector.words().get(0));
    Path file = Files.createFile(folder.resolve("arena"));
    ArenaConsumer consumer;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ArenaMemory memory = ArenaMemory.map(channel, MapMode.READ_WRITE, 0, bytes);
      consumer = new ArenaConsumer(memory, TestRing.words(Frames.PAGE_BYTES), TestRing.words(Frames.PRODUCER_BLOCK_BYTES));
    }
    boolean isTaken = false;
    for (String word : vector.words().get(1).split(",")) {
      byte[] payload = VectorFile.bytes(word, 0);
      ByteBuffer aligned = TestRing.words(Frames.LINE_BYTES).put(payload).flip();
      isTaken = consumer.take(aligned) != null;
    }
    assertEquals(vector.words().get(2), isTaken ? "taken" : name(consumer.fault()));
  }

  static List<Vector> vectors() throws IOException {
    return VectorFile.read("frames.txt");
  }

  @ParameterizedTest
  @MethodSource("vectors")
  void a_vector(Vector vector) throws IOException {
    switch (vector.verb()) {
      case "room" -> findsRoom(vector);
      case "body" -> takesBodies(vector);
      default -> {
        isRead(vector);
        if (vector.verb().equals("good")) isWritten(vector);
      }
    }
  }
}

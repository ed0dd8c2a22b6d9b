package dev.ringmail.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.Messages.Introduce;
import dev.ringmail.control.Messages.Presence;
import dev.ringmail.control.Welcome;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.ParkWord;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two peers in one process, and this as their host. */
class IntroductionsTest {
  private static final int RING = 4096;
  private static final int SIDE = Frames.PAGE_BYTES + 2 * RING;
  private static final int MET = 2; // behind two lanes to the host

  private final List<RandomAccessFile> files = new ArrayList<>();
  private final RandomAccessFile[] sides = {file(SIDE), file(SIDE)};
  private final RandomAccessFile[] bells = {file(2 * Frames.PAGE_BYTES), file(2 * Frames.PAGE_BYTES)};

  IntroductionsTest() throws IOException {}

  @AfterEach
  void close() throws IOException {
    for (RandomAccessFile file : files) file.close();
  }

  private RandomAccessFile file(int bytes) throws IOException {
    Path path = Files.createTempFile("ringmail-side", "");
    RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
    file.setLength(bytes);
    files.add(file);
    return file;
  }

  /** By which this process has it open. */
  private static long number(RandomAccessFile file) throws IOException {
    // The inode says which, whatever its name.
    long position = file.getFilePointer();
    file.seek(0);
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      for (Path each : descriptors.toList()) {
        if (sameFile(each, file)) return Long.parseLong(each.getFileName().toString());
      }
    } finally {
      file.seek(position);
    }
    throw new AssertionError("not open");
  }

  private static boolean sameFile(Path descriptor, RandomAccessFile file) throws IOException {
    String info;
    try {
      if (!Files.readSymbolicLink(descriptor).toString().contains("ringmail-side")) return false;
      info = Files.readString(Path.of("/proc/self/fdinfo", descriptor.getFileName().toString()));
      file.seek(1234);
      boolean moved = Files.readString(Path.of("/proc/self/fdinfo", descriptor.getFileName().toString())).contains("1234");
      file.seek(0);
      return moved && !info.contains("1234");
    } catch (java.nio.file.NoSuchFileException e) {
      return false; // the one of the listing itself
    }
  }

  /** An incarnation of one of the two. */
  private final class End {
    final ByteArrayOutputStream said = new ByteArrayOutputStream();
    final Introductions introductions;
    final Lanes lanes = new Lanes(new Lane[0]);

    End() {
      ControlStream control = new ControlStream(new ByteArrayInputStream(new byte[0]), said);
      Welcome welcome =
          new Welcome(1, 0, 1, 64, MET, RING, RING, RING, "it", "", ProcessHandle.current().pid(), List.of());
      introductions = new Introductions(control, welcome);
    }

    /** The frames that it wrote to its host since, each as its kind and what is in it. */
    String said() throws IOException {
      ControlStream read = new ControlStream(new ByteArrayInputStream(said.toByteArray()), new ByteArrayOutputStream());
      StringBuilder text = new StringBuilder();
      for (ControlStream.Frame frame = read.receive(); frame != null; frame = read.receive()) {
        ByteBuffer payload = ByteBuffer.wrap(frame.payload()).order(ByteOrder.LITTLE_ENDIAN);
        text.append(frame.kind()).append(' ').append(payload.getInt());
        if (frame.kind() == ControlKind.INTRODUCED) {
          byte[] words = new byte[payload.getInt()];
          payload.get(words);
          text.append(" '").append(new String(words, StandardCharsets.UTF_8)).append("'");
        }
        text.append('\n');
      }
      said.reset();
      return text.toString();
    }
  }

  private Introduce introduce(int side) throws IOException {
    return new Introduce(
        MET, "other", RING, RING, number(sides[side]), number(sides[1 - side]), number(bells[1 - side]));
  }

  private Lane meet(int side) throws IOException {
    End end = new End();
    return meet(side, end);
  }

  private Lane meet(int side, End end) throws IOException {
    end.introductions.introduce(introduce(side));
    assertEquals("introduced 2 ''\n", end.said());
    assertTrue(end.introductions.hasNews());
    Lanes lanes = new Lanes(new Lane[] {host(0), host(1)});
    end.introductions.takeNews(lanes);
    Lane lane = lanes.of(MET);
    assertTrue(lane.isToPeer());
    assertNull(lanes.of(3));
    return lane;
  }

  /** One that is not looked at. */
  private static Lane host(int number) {
    return new Lane(number, new Lane.Ends(null, null, null, null, null), null, null);
  }

  private static boolean send(Lane lane, int number) {
    int at = lane.mailOut.tryLoan(40);
    if (at < 0) return false;
    lane.mailOut.data().putInt(at, number);
    lane.mailOut.commit(Frames.MESSAGE, 7, 0, 0, 0);
    lane.publish();
    return true;
  }

  /** -1: nothing is there. */
  private static int take(Lane lane) {
    if (!lane.mailIn.peek()) {
      assertNull(lane.fault());
      return -1;
    }
    lane.mailIn.begin();
    ByteBuffer payload = lane.mailIn.payload();
    int number = payload.getInt(payload.position());
    lane.mailIn.advance();
    return number;
  }

  @Test
  void nothing_is_lost_when_either_dies_at_any_time() throws IOException {
    Lane one = meet(0);
    Lane other = meet(1);
    int sent = 0;
    int next = 0;
    for (int round = 0; round < 500; ++round) {
      for (int i = 0; i < round % 13; ++i) {
        if (send(one, sent)) ++sent;
      }
      if (round % 5 == 0) one = meet(0);
      for (int i = 0; i < round % 11; ++i) {
        int number = take(other);
        if (number < 0) break;
        assertEquals(next++, number);
      }
      if (round % 3 == 0) other.storeCursors();
      if (round % 7 == 0) {
        // What was not told as finished comes again.
        other.storeCursors();
        if (take(other) >= 0) assertTrue(next < sent);
        other = meet(1);
      }
    }
    for (int number = take(other); number >= 0; number = take(other)) assertEquals(next++, number);
    assertEquals(sent, next);
    assertTrue(sent > 500);
  }

  @Test
  void both_directions_go_on_behind_the_dead() throws IOException {
    for (int life = 0; life < 100; ++life) {
      Lane one = meet(0);
      Lane other = meet(1);
      assertTrue(send(one, 2 * life));
      assertTrue(send(other, 2 * life + 1));
      assertEquals(2 * life, take(other));
      assertEquals(2 * life + 1, take(one));
      assertEquals(-1, take(one));
      one.storeCursors();
      other.storeCursors();
    }
  }

  @Test
  void who_sleeps_is_rung_through_the_host_once_a_sleep() throws IOException {
    ByteBuffer bell = bells[1].getChannel().map(MapMode.READ_WRITE, 0, 4).order(ByteOrder.LITTLE_ENDIAN);
    bell.putInt(0, ParkWord.awake(4));
    End end = new End();
    Lane lane = meet(0, end);
    send(lane, 0);
    assertEquals("", end.said());
    bell.putInt(0, ParkWord.parked(5));
    send(lane, 1);
    send(lane, 2);
    assertEquals("ring 2\n", end.said());
    bell.putInt(0, ParkWord.parked(6));
    send(lane, 3);
    assertEquals("ring 2\n", end.said());
  }

  @Test
  void what_becomes_of_the_other_is_noted() throws IOException {
    End end = new End();
    end.introductions.introduce(introduce(0));
    Lanes lanes = new Lanes(new Lane[] {host(0), host(1)});
    for (Presence.State state : Presence.State.values()) {
      end.introductions.note(new Presence(MET, state));
      end.introductions.note(new Presence(1, state));
      end.introductions.note(new Presence(77, state));
      end.introductions.takeNews(lanes);
      assertEquals(state != Presence.State.THERE, lanes.of(MET).isForgotten());
      assertEquals(state == Presence.State.ENDED, lanes.of(MET).isCut());
    }
    assertFalse(lanes.of(1).isForgotten(), "the host is no peer");
  }

  @Test
  void one_that_breaks_the_protocol_is_given_up_and_the_host_is_told_once() throws IOException {
    End end = new End();
    Lane lane = meet(0, end);
    end.introductions.cut(lane, "it did");
    end.introductions.cut(lane, "and again");
    assertEquals("introduced 2 ''other' broke the protocol: it did'\n", end.said());
    assertTrue(lane.isCut() && lane.isDrained() && !lane.hasInput());
  }

  private String answerTo(Introduce introduce) throws IOException {
    End end = new End();
    end.introductions.introduce(introduce);
    end.introductions.takeNews(end.lanes);
    assertNull(end.lanes.of(introduce.lane()));
    return end.said();
  }

  @Test
  void what_cannot_be_used_is_answered_by_why() throws IOException {
    Introduce good = introduce(0);
    assertEquals(
        "introduced 3 'lane 3 is not the next of 2'\n",
        answerTo(new Introduce(3, "other", RING, RING, good.ownFd(), good.otherFd(), good.bellFd())));
    assertEquals(
        "introduced 2 'its own side: it has 12288 bytes, and not 16384'\n",
        answerTo(new Introduce(MET, "other", 2 * RING, RING, good.ownFd(), good.otherFd(), good.bellFd())));
    assertEquals(
        "introduced 2 'the other side: it has 8192 bytes, and not 12288'\n",
        answerTo(new Introduce(MET, "other", RING, RING, good.ownFd(), good.bellFd(), good.bellFd())));
    assertEquals(
        "introduced 2 'the other's bell: it has 12288 bytes, and not 8192'\n",
        answerTo(new Introduce(MET, "other", RING, RING, good.ownFd(), good.otherFd(), good.otherFd())));
    String gone = answerTo(new Introduce(MET, "other", RING, RING, 4_000_000_000L, good.otherFd(), good.bellFd()));
    assertTrue(gone.startsWith("introduced 2 'a segment cannot be mapped: "), gone);
    ByteBuffer blocks = sides[0].getChannel().map(MapMode.READ_WRITE, 0, 4096).order(ByteOrder.LITTLE_ENDIAN);
    blocks.putLong(0, 1);
    assertEquals("introduced 2 'what a predecessor has left in its rings is impossible'\n", answerTo(good));
    blocks.putLong(0, 0);
    assertNotNull(meet(0));
  }

  @Test
  void after_one_that_failed_the_next_has_the_next_number() throws IOException {
    End end = new End();
    Introduce good = introduce(0);
    end.introductions.introduce(new Introduce(MET, "gone", RING, RING, 4_000_000_000L, good.otherFd(), good.bellFd()));
    end.introductions.introduce(
        new Introduce(MET + 1, "other", RING, RING, good.ownFd(), good.otherFd(), good.bellFd()));
    Lanes lanes = new Lanes(new Lane[] {host(0), host(1)});
    end.introductions.takeNews(lanes);
    assertNull(lanes.of(MET));
    assertEquals("other", lanes.of(MET + 1).otherName());
    assertEquals(MET + 1, lanes.all()[2].number);
  }

  @Test
  void a_lane_that_comes_while_the_host_says_stop_is_read_up_to_what_is_there() throws IOException {
    send(meet(1), 0);
    End end = new End();
    end.introductions.introduce(introduce(0));
    Lane first = host(0);
    first.stopAt(0);
    Lanes lanes = new Lanes(new Lane[] {first, host(1)});
    end.introductions.takeNews(lanes);
    Lane lane = lanes.of(MET);
    assertFalse(lane.isDrained());
    assertEquals(0, take(lane));
    assertTrue(lane.isDrained());
    send(meet(1), 1);
    assertFalse(lane.hasInput(), "that is for the next life");
  }
}

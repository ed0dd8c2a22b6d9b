package dev.ringmail.control;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ringmail.ProtocolException;
import dev.ringmail.RefusedException;
import dev.ringmail.control.Messages.Introduce;
import dev.ringmail.control.Messages.Outlive;
import dev.ringmail.control.Messages.Presence;
import dev.ringmail.control.Messages.Refused;
import dev.ringmail.control.Messages.Resolved;
import dev.ringmail.control.Welcome.Role;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class HandshakeTest {
  private static final long FEATURES = Hello.MAIL_OUTLIVES_PEER | Hello.STREAM_DOORBELL | Hello.PIPE_DOORBELL;

  @Test
  void a_hello_has_the_bytes_of_the_specification() {
    Hello hello = new Hello(0x0102030405060708L, 0x0a0b0c0d, 4096, "c", "n", "", "s");
    byte[] expected =
        HexFormat.ofDelimiter(" ")
            .parseHex(
                "52 4d 4c 31 01 00 01 00 08 07 06 05 04 03 02 01 0d 0c 0b 0a 00 10 00 00 00 00 00 00"
                    + " 01 00 00 00 63 01 00 00 00 6e 00 00 00 00 01 00 00 00 73");
    assertArrayEquals(expected, hello.encode());
    assertEquals(47, expected.length);
    hello.check();
  }

  @Test
  void a_name_that_the_host_would_refuse_is_found_before() {
    var bad = new Hello(1, 1, 0, "java", "a\nb", "", "");
    assertEquals(
        "hello: name is empty, not UTF-8, or holds a control character",
        assertThrows(ProtocolException.class, bad::check).getMessage());
    assertNull(Messages.resolve(1, ""));
    assertNull(Messages.resolve(1, "x".repeat(256)));
  }

  /** What a host of one lane says, as the test has it. */
  private static final class Draft {
    int version = 1;
    long features = FEATURES;
    long line = 64;
    long lanes = 1;
    long ring = 65536;
    String name = "tested";
    List<long[]> segments = new ArrayList<>();
    byte[] more = {};

    Draft() {
      long[] bytes = {4096 + 65536, 4096 + 65536, 4096 + 2 * 65536, 0, 8192, 4096, 4096};
      for (int role = 1; role <= 7; ++role) {
        if (role != 4) segments.add(new long[] {role, bytes[role - 1], 10 + role});
      }
    }

    byte[] encode() {
      WireWriter writer = new WireWriter().u16(version).u64(features).u64(3).u32(line).u32(lanes).u64(ring).u64(ring).u64(ring);
      writer.text(name).text("").u32(77).u8(segments.size());
      for (long[] segment : segments) writer.u8((int) segment[0]).u64(segment[1]).u32(segment[2]);
      for (byte b : more) writer.u8(b);
      return writer.take();
    }
  }

  private static String refusal(Consumer<Draft> change) {
    Draft draft = new Draft();
    change.accept(draft);
    return assertThrows(RefusedException.class, () -> Welcome.decode(draft.encode()).check(FEATURES)).getMessage();
  }

  @Test
  void a_welcome_is_read() {
    Welcome welcome = Welcome.decode(new Draft().encode());
    assertEquals("tested", welcome.name());
    assertEquals(3, welcome.incarnation());
    assertEquals(77, welcome.hostPid());
    assertEquals(13, welcome.check(FEATURES).get(Role.PEER).hostFd());
  }

  @Test
  void a_welcome_that_cannot_be_used_is_refused() {
    assertEquals("the host chose version 2, this peer speaks 1", refusal(draft -> draft.version = 2));
    assertTrue(refusal(draft -> draft.features = Hello.PIPE_DOORBELL).contains("stream_doorbell"));
    assertTrue(refusal(draft -> draft.features = Hello.STREAM_DOORBELL).contains("pipe_doorbell"));
    assertTrue(refusal(draft -> draft.features |= 2).contains("does not offer: 0x2"));
    assertEquals("the host's frames start every 128 bytes, this peer's every 64", refusal(draft -> draft.line = 128));
    assertEquals("257 lanes, not 1 to 256", refusal(draft -> draft.lanes = 257));
    assertEquals("the host made a ring of 65537 bytes", refusal(draft -> draft.ring = 65537));
    assertEquals("no segment doorbell", refusal(draft -> draft.segments.remove(5)));
    assertEquals("segment mail was named twice", refusal(draft -> draft.segments.set(1, draft.segments.get(0))));
    assertEquals(
        "a segment too many: host_bells", refusal(draft -> draft.segments.add(new long[] {4, 8192, 1})));
    assertEquals(
        "segment peer has 4096 bytes, and must have 135168", refusal(draft -> draft.segments.get(2)[1] = 4096));
  }

  private static Draft withArenas(long toPeer, long toHost) {
    Draft draft = new Draft();
    draft.features |= Hello.LARGE | Hello.BY_PROC;
    draft.segments.add(new long[] {8, toPeer, 18});
    draft.segments.add(new long[] {9, toHost, 19});
    return draft;
  }

  private static String refusalOf(Draft draft) {
    long offered = FEATURES | Hello.LARGE | Hello.BY_PROC;
    return assertThrows(RefusedException.class, () -> Welcome.decode(draft.encode()).check(offered)).getMessage();
  }

  @Test
  void arenas_have_whole_pages_for_each_lane() {
    assertEquals(
        1 << 20, Welcome.decode(withArenas(1 << 20, 1 << 20).encode()).check(FEATURES | Hello.LARGE | Hello.BY_PROC).get(Role.ARENA_TO_PEER).bytes());
    String wrong = "segment arena_to_host of %s bytes, not whole pages for each of 1 lanes";
    for (String bytes : List.of("0", "4095", "4097", "18446744073709547520", "1099511631872")) {
      assertEquals(wrong.formatted(bytes), refusalOf(withArenas(4096, Long.parseUnsignedLong(bytes))));
    }
    Draft none = new Draft();
    none.features |= Hello.LARGE | Hello.BY_PROC;
    assertEquals("no segment arena_to_peer", refusalOf(none));
    Draft unasked = withArenas(4096, 4096);
    unasked.features = FEATURES;
    assertEquals("a segment too many: arena_to_peer", refusalOf(unasked));
    Draft alone = withArenas(4096, 4096);
    alone.features = FEATURES | Hello.LARGE;
    assertEquals(
        "the host chose large or introductions without by_proc, and does not share its bells", refusalOf(alone));
  }

  private static WireWriter introduce(long lane, String name, long mail, long control) {
    return new WireWriter().u32(lane).text(name).u64(mail).u64(control);
  }

  @Test
  void an_introduction_is_read() {
    byte[] whole = introduce(3, "other", 4096, 8192).u32(10).u32(11).u32(12).take();
    assertEquals(new Introduce(3, "other", 4096, 8192, 10, 11, 12), Introduce.decode(whole));
    for (int length = 0; length < whole.length; ++length) {
      byte[] cut = java.util.Arrays.copyOf(whole, length);
      assertThrows(ProtocolException.class, () -> Introduce.decode(cut));
    }
    assertThrows(ProtocolException.class, () -> Introduce.decode(java.util.Arrays.copyOf(whole, whole.length + 1)));
  }

  @Test
  void where_the_next_host_is_is_read() {
    byte[] whole = new WireWriter().u64(5).text("/run/it").text("secret").take();
    assertEquals(new Outlive(5, "/run/it", "secret"), Outlive.decode(whole));
    for (int length = 0; length < whole.length; ++length) {
      byte[] cut = java.util.Arrays.copyOf(whole, length);
      assertThrows(ProtocolException.class, () -> Outlive.decode(cut));
    }
    assertThrows(ProtocolException.class, () -> Outlive.decode(java.util.Arrays.copyOf(whole, whole.length + 1)));
    byte[] nowhere = new WireWriter().u64(5).text("").text("secret").take();
    assertThrows(ProtocolException.class, () -> Outlive.decode(nowhere));
    byte[] far = new WireWriter().u64(5).text("x".repeat(108)).text("secret").take();
    assertThrows(ProtocolException.class, () -> Outlive.decode(far));
  }

  @Test
  void a_malformed_introduction_is_found_out() {
    java.util.function.Function<WireWriter, String> fault =
        start -> {
          byte[] payload = start.u32(10).u32(11).u32(12).take();
          return assertThrows(ProtocolException.class, () -> Introduce.decode(payload)).getMessage();
        };
    assertEquals("introduce_by_number: lane cannot be 256", fault.apply(introduce(256, "other", 4096, 4096)));
    assertEquals(
        "introduce_by_number: name is empty, not UTF-8, or holds a control character",
        fault.apply(introduce(1, "", 4096, 4096)));
    assertEquals("introduce_by_number: mail_bytes cannot be 4097", fault.apply(introduce(1, "other", 4097, 4096)));
    assertEquals("introduce_by_number: control_bytes cannot be 0", fault.apply(introduce(1, "other", 4096, 0)));
    assertThrows(ProtocolException.class, () -> Presence.decode(new WireWriter().u32(1).u8(3).take()));
    assertEquals(new Presence(1, Presence.State.ENDED), Presence.decode(new WireWriter().u32(1).u8(2).take()));
  }

  private static String fault(Consumer<Draft> change) {
    Draft draft = new Draft();
    change.accept(draft);
    return assertThrows(ProtocolException.class, () -> Welcome.decode(draft.encode())).getMessage();
  }

  @Test
  void a_malformed_welcome_is_found_out() {
    assertEquals("welcome: name is empty, not UTF-8, or holds a control character", fault(draft -> draft.name = ""));
    assertEquals("welcome: name is too long (256)", fault(draft -> draft.name = "x".repeat(256)));
    assertEquals("welcome: segment role cannot be 10", fault(draft -> draft.segments.get(0)[0] = 10));
    assertEquals("welcome: 1 bytes too many", fault(draft -> draft.more = new byte[1]));
    byte[] whole = new Draft().encode();
    for (int length = 0; length < whole.length; ++length) {
      byte[] cut = java.util.Arrays.copyOf(whole, length);
      assertThrows(ProtocolException.class, () -> Welcome.decode(cut));
    }
  }

  @Test
  void texts_are_strict_utf_8() {
    for (String bytes : List.of("c0 80", "ed a0 80", "f5 80 80 80", "ff", "e2 82", "61 00")) {
      byte[] text = HexFormat.ofDelimiter(" ").parseHex(bytes);
      WireWriter writer = new WireWriter().u16(1).u32(text.length);
      for (byte b : text) writer.u8(b);
      assertThrows(ProtocolException.class, () -> Refused.decode(writer.take()), bytes);
    }
    assertEquals("Zürich\n", Refused.decode(new Refused(5, "Zürich\n").encode()).text());
  }

  @Test
  void last_words_arrive() {
    assertEquals("a?b?", Messages.mended("a\0b\ud800"));
    String mended = Messages.mended("x" + "ü".repeat(10_000));
    assertEquals(1 + 8191, mended.length());
    assertTrue(mended.endsWith("ü"));
  }

  @Test
  void a_mailbox_that_was_not_found_has_no_number() {
    byte[] wrong = new WireWriter().u32(1).u8(0).u64(5).take();
    assertThrows(ProtocolException.class, () -> Resolved.decode(wrong));
    assertEquals(new Resolved(1, true, 5), Resolved.decode(new WireWriter().u32(1).u8(1).u64(5).take()));
  }
}

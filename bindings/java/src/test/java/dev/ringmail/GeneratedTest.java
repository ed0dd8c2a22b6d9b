package dev.ringmail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import conformance.Conformance;
import conformance.Conformance.Bulk;
import conformance.Conformance.Fail;
import conformance.Conformance.Get;
import conformance.Conformance.Note;
import conformance.Conformance.Ping;
import conformance.Conformance.Side;
import conformance.Conformance.Stream;
import conformance.Conformance.Sum;
import conformance.Conformance.Tick;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GeneratedTest {
  @Test
  void a_type_id_is_that_of_the_name() {
    assertEquals(Tick.TYPE, Mail.typeId(Tick.NAME));
    assertEquals(0xc68cbb46, Mail.typeId("ringmail.Done"));
  }

  @Test
  void fields_lie_where_the_specification_says() {
    Tick tick = new Tick().number(-1).price(1.5).side(Side.ask).live(true).symbol("abc");
    tick.levels(1).price(2.5).quantity(0xffffffffL);
    ByteBuffer bytes = tick.buffer();
    assertEquals(72, Tick.SIZE);
    assertEquals(-1, bytes.getLong(0));
    assertEquals(1.5, bytes.getDouble(8));
    assertEquals(1, bytes.get(16));
    assertEquals(1, bytes.get(17));
    assertEquals('c', bytes.get(20));
    assertEquals(0, bytes.get(21));
    assertEquals(2.5, bytes.getDouble(56));
    assertEquals(-1, bytes.getInt(64));
    assertEquals(0xffffffffL, tick.levels(1).quantity());
    assertEquals(
        "Tick{number=18446744073709551615, price=1.5, side=ask, live=true, symbol=abc,"
            + " levels=[Level{price=0.0, quantity=0}, Level{price=2.5, quantity=4294967295}]}",
        tick.toString());
  }

  @Test
  void a_buffer_of_any_order_will_do() {
    ByteBuffer bytes = ByteBuffer.allocate(8 + Tick.SIZE).order(ByteOrder.BIG_ENDIAN);
    new Tick().wrap(bytes, 8).number(1);
    assertEquals(1, bytes.get(8));
    assertEquals(1, Tick.over(bytes.position(8)).number());
  }

  @Test
  void a_wrong_length_is_refused() {
    var error = assertThrows(IllegalArgumentException.class, () -> Tick.over(ByteBuffer.allocate(71)));
    assertEquals("conformance.Tick has 72 bytes, and not 71", error.getMessage());
    assertThrows(IndexOutOfBoundsException.class, () -> new Tick().wrap(ByteBuffer.allocate(72), 1));
  }

  @Test
  void numbers_out_of_range_are_refused() {
    var error = assertThrows(IllegalArgumentException.class, () -> new Fail().code(1L << 32));
    assertEquals("4294967296 is not from 0 to 4294967295", error.getMessage());
    assertThrows(IllegalArgumentException.class, () -> new Bulk().bytes(0, 256));
    assertThrows(IndexOutOfBoundsException.class, () -> new Bulk().bytes(1016));
    assertThrows(IndexOutOfBoundsException.class, () -> new Tick().levels(2));
  }

  @Test
  void what_was_released_cannot_be_used() {
    Tick tick = new Tick();
    var level = tick.levels(0);
    tick.release();
    assertThrows(IllegalStateException.class, tick::price);
    assertThrows(IllegalStateException.class, () -> tick.price(1));
    assertThrows(IllegalStateException.class, level::price);
    assertThrows(IllegalStateException.class, tick::copy);
  }

  @Test
  void a_copy_can_be_kept() {
    Tick tick = new Tick().number(7);
    Tick copy = tick.copy();
    tick.release();
    assertEquals(7, copy.number());
    assertNotSame(tick.levels(0), copy.levels(0));
    assertSame(copy.levels(0), copy.levels(0));
    copy.levels(1, new Conformance.Level().quantity(3));
    assertEquals(3, copy.levels(1).quantity());
    assertThrows(IllegalStateException.class, () -> copy.levels(1).wrap(ByteBuffer.allocate(16)));
  }

  @Test
  void texts_are_cut_between_code_points() {
    Tick tick = new Tick();
    assertEquals("Zürich", tick.symbol("Zürich").symbol());
    assertEquals("ab", tick.symbol("ab\0cd").symbol());
    assertEquals("123456789012345", tick.symbol("123456789012345ü").symbol());
    assertEquals("12345678901234ü", tick.symbol("12345678901234ü!").symbol());
    assertEquals("😀😀😀😀", tick.symbol("😀😀😀😀😀").symbol());
    assertEquals("€?", tick.symbol("€\udc00").symbol());
    assertEquals("", tick.symbol("").symbol());
    String all = "a\u007f\u0080\u07ff\u0800\uffff\ud83d\ude00";
    assertEquals(all, tick.symbol(all).symbol());
    byte[] bytes = new byte[2];
    assertEquals(3, tick.symbol("xyz").symbol(bytes));
    assertEquals("xy", new String(bytes, StandardCharsets.US_ASCII));
    tick.buffer().put(18, (byte) 0xff);
    assertEquals("\ufffdyz", tick.symbol());
  }

  @Test
  void bytes_of_a_stranger_are_checked() {
    Tick tick = new Tick();
    assertTrue(tick.isValid());
    tick.buffer().put(17, (byte) 2);
    assertFalse(tick.isValid());
    tick.live(false).buffer().put(16, (byte) 9);
    assertFalse(tick.isValid());
    assertThrows(IllegalStateException.class, tick::side);
    assertTrue(tick.toString().contains("side=9"));
    assertNull(Side.of(9));
  }

  @Test
  void numbers_in_arrays_are_seen_in_place() {
    Ping ping = new Ping().words(0, 5).words(3, -1);
    assertEquals(5, ping.words().getLong(0));
    assertEquals(-1, ping.words().asLongBuffer().get(3));
    Bulk bulk = new Bulk();
    bulk.bytes().put(1015, (byte) 200);
    assertEquals(200, bulk.bytes(1015));
    assertEquals(1016, Bulk.BYTES_COUNT);
  }

  private static final class Server extends Conformance.Peer {
    final List<String> seen = new ArrayList<>();
    Tick kept;

    @Override
    protected Tick on(Tick message) {
      kept = message;
      return message;
    }

    @Override
    protected Ping on(Ping message) {
      return null;
    }

    @Override
    protected Bulk on(Bulk message) {
      return message;
    }

    @Override
    protected Note on(Note message) {
      return message;
    }

    @Override
    protected Sum on(Get message) {
      return new Sum().count(4);
    }

    @Override
    protected void on(Fail message) {
      seen.add("fail " + message.code());
    }

    @Override
    protected void on(Stream message) {}
  }

  private static void compile(Path source, Path folder) {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    int result =
        ToolProvider.getSystemJavaCompiler()
            .run(null, said, said, "-Xlint:all", "-Werror", "-d", folder.toString(), source.toString());
    assertEquals(0, result, said.toString());
  }

  @Test
  void code_of_every_construct_compiles_without_a_warning(@TempDir Path folder) {
    compile(Path.of("../../tests/tools/golden/Market.java"), folder);
  }

  @Test
  void code_of_awkward_names_compiles(@TempDir Path folder) throws Exception {
    assumeTrue(System.getenv("RINGMAIL_TOOL") != null);
    Path mail =
        Files.writeString(
            folder.resolve("String.mail"),
            """
            namespace default.tricky;
            enum Object : i64 { number = -9223372036854775808; values = 9223372036854775807; of = 0; class = 5; }
            enum Mask : u32 { a = 4294967295; value = 1; }
            message String { wait: u8; hashCode: u32[2]; place: Integer; at: Integer[2]; lEvels: u8[2]; levels: u8[2]; }
            message Integer { x: i16; object: Object; masks: Mask[2]; texts: text<3>[2]; }
            message ByteBuffer {}
            message Ask { index: f32; value: bool[2]; }
            message Handle { type: i8[3]; }
            message Int { place: u32; bytes: i8[4]; start: u64[2]; }
            protocol Override { String -> Integer; ByteBuffer -> Ask; Ask -> Handle; Handle; Int -> ByteBuffer; }
            protocol Nothing {}
            """);
    Path java = folder.resolve("String__.java");
    String[] gen = {System.getenv("RINGMAIL_TOOL"), "gen", "--lang", "java", mail.toString(), "-o", java.toString()};
    assertEquals(0, new ProcessBuilder(gen).inheritIO().start().waitFor());
    compile(java, folder);
  }

  @Test
  void a_protocol_dispatches() throws Exception {
    Server server = new Server();
    ByteBuffer reply = ByteBuffer.allocate(65536).order(ByteOrder.LITTLE_ENDIAN);
    assertTrue(server.accepts(Get.TYPE));
    assertFalse(server.accepts(Sum.TYPE));
    assertEquals(Sum.TYPE, server.dispatch(Get.TYPE, ByteBuffer.allocate(0), reply));
    assertEquals(Sum.SIZE, reply.position());
    assertEquals(4, Sum.over(reply.flip()).count());

    assertEquals(0, server.dispatch(Fail.TYPE, new Fail().code(3).buffer(), reply.clear()));
    assertEquals(List.of("fail 3"), server.seen);
    assertEquals(0, server.dispatch(Ping.TYPE, new Ping().buffer(), reply), "a reply may come later");

    assertEquals(Tick.TYPE, server.dispatch(Tick.TYPE, new Tick().number(9).buffer(), reply.clear()));
    assertEquals(9, Tick.over(reply.flip()).number());
    assertThrows(IllegalStateException.class, () -> server.kept.number(), "good until its handler returned");
    assertThrows(IllegalArgumentException.class, () -> server.dispatch(Tick.TYPE, ByteBuffer.allocate(3), reply));
  }
}

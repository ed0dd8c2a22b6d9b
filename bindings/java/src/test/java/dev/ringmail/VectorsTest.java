package dev.ringmail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import vectors.Vectors_.Arrays_;
import vectors.Vectors_.Both;
import vectors.Vectors_.Content;
import vectors.Vectors_.Empty;
import vectors.Vectors_.Grown1;
import vectors.Vectors_.Grown2;
import vectors.Vectors_.Grown3;
import vectors.Vectors_.Numbers;
import vectors.Vectors_.Options;
import vectors.Vectors_.Presets;
import vectors.Vectors_.Side;
import vectors.Vectors_.Wide;

/** bindings/vectors/README.md says what is in vectors.txt, and which values the good ones have. */
class VectorsTest {
  /** What can be done with a message: `anew` makes one of its fields, one by one. */
  private record Kind<M>(
      Function<ByteBuffer, M> over, Predicate<M> isValid, UnaryOperator<M> anew, BiConsumer<M, ByteBuffer> writeTo) {
    String bytes(Object message) {
      ByteBuffer to = ByteBuffer.allocate(512);
      writeTo.accept(cast(message), to);
      return HexFormat.of().formatHex(to.array(), 0, to.position());
    }

    String anew(Object message) {
      return bytes(anew.apply(cast(message)));
    }

    boolean isValid(byte[] payload) {
      try {
        return isValid.test(over.apply(ByteBuffer.wrap(payload)));
      } catch (IllegalArgumentException refused) {
        return false;
      }
    }

    @SuppressWarnings("unchecked")
    private M cast(Object message) {
      return (M) message;
    }
  }

  private static final Map<String, Kind<?>> KINDS =
      Map.of(
          "Numbers", new Kind<>(Numbers::over, Numbers::isValid, VectorsTest::anew, Numbers::writeTo),
          "Empty", new Kind<>(Empty::over, Empty::isValid, from -> new Empty(), Empty::writeTo),
          "Arrays", new Kind<>(Arrays_::over, Arrays_::isValid, VectorsTest::anew, Arrays_::writeTo),
          "Presets", new Kind<>(Presets::over, Presets::isValid, VectorsTest::anew, Presets::writeTo),
          "Options", new Kind<>(Options::over, Options::isValid, VectorsTest::anew, Options::writeTo),
          "Content", new Kind<>(Content::over, Content::isValid, VectorsTest::anew, Content::writeTo),
          "Both", new Kind<>(Both::over, Both::isValid, VectorsTest::anew, Both::writeTo),
          "Grown1", new Kind<>(Grown1::over, Grown1::isValid, VectorsTest::anew, Grown1::writeTo),
          "Grown2", new Kind<>(Grown2::over, Grown2::isValid, VectorsTest::anew, Grown2::writeTo),
          "Grown3", new Kind<>(Grown3::over, Grown3::isValid, VectorsTest::anew, Grown3::writeTo));

  private static Numbers anew(Numbers from) {
    return new Numbers().a(from.a()).b(from.b()).c(from.c()).d(from.d()).e(from.e()).f(from.f()).g(from.g()).h(from.h())
        .i(from.i()).j(from.j()).k(from.k()).l(from.l()).m(from.m());
  }

  private static Arrays_ anew(Arrays_ from) {
    Arrays_ to = new Arrays_().name(from.name());
    for (int i = 0; i < Arrays_.NUMBERS_COUNT; ++i) to.numbers(i, from.numbers(i));
    for (int i = 0; i < Arrays_.SIDES_COUNT; ++i) to.sides(i, from.sides(i));
    for (int i = 0; i < Arrays_.NAMES_COUNT; ++i) to.names(i, from.names(i));
    for (int i = 0; i < Arrays_.POINTS_COUNT; ++i) to.points(i).x(from.points(i).x()).y(from.points(i).y());
    to.raw().put(from.raw());
    return to;
  }

  private static Presets anew(Presets from) {
    return new Presets().a(from.a()).b(from.b()).c(from.c()).d(from.d()).e(from.e()).f(from.f()).g(from.g()).h(from.h());
  }

  private static Options anew(Options from) {
    Options to = new Options();
    if (from.hasA()) to.a(from.a());
    if (from.hasB()) to.b(from.b());
    if (from.hasC()) to.c(from.c());
    if (from.hasD()) to.d(from.d());
    if (from.hasE()) to.e(from.e());
    if (from.hasF()) to.f(from.f());
    if (from.hasG()) to.newG().x(from.g().x()).y(from.g().y());
    return to;
  }

  /** Each of its content in the place that is last in the order of the fields, so that all is moved by what comes then. */
  private static Content anew(Content from) {
    Content to = new Content().flagsLength(from.flagsLength()).namesLength(from.namesLength());
    for (int i = 0; i < from.flagsLength(); ++i) to.flags(i, from.flags(i));
    for (int i = 0; i < from.namesLength(); ++i) to.names(i, from.names(i));
    to.sidesLength(from.sidesLength());
    for (int i = 0; i < from.sidesLength(); ++i) to.sides(i, from.sides(i));
    to.pointsLength(from.pointsLength());
    for (int i = 0; i < from.pointsLength(); ++i) to.points(i).x(from.points(i).x()).y(from.points(i).y());
    to.numbersLength(from.numbersLength()).numbers().put(from.numbers());
    byte[] raw = new byte[from.rawLength()];
    from.raw().get(raw);
    return to.raw(raw).title(from.title()).id(from.id());
  }

  private static Both anew(Both from) {
    Both to = new Both();
    if (from.hasLimit()) to.limit(from.limit());
    if (from.hasNumbers()) to.numbersLength(from.numbersLength()).numbers().put(from.numbers());
    if (from.hasRaw()) to.rawLength(from.rawLength()).raw().put(from.raw());
    if (from.hasTitle()) to.title(from.title());
    return to;
  }

  private static Grown1 anew(Grown1 from) {
    return new Grown1().number(from.number()).flag(from.flag());
  }

  private static Grown2 anew(Grown2 from) {
    return new Grown2().number(from.number()).flag(from.flag()).count(from.count()).title(from.title());
  }

  private static Grown3 anew(Grown3 from) {
    Grown3 to = new Grown3().number(from.number()).flag(from.flag()).count(from.count()).title(from.title()).side(from.side());
    if (from.hasLimit()) to.limit(from.limit());
    to.numbersLength(from.numbersLength()).numbers().put(from.numbers());
    return to;
  }

  private static Map<String, Object> values() {
    Map<String, Object> values = new HashMap<>();
    values.put(
        "numbers_most",
        new Numbers().a(255).b(65535).c(4294967295L).d(-1).e(-128).f(-32768).g(Integer.MIN_VALUE).h(Long.MIN_VALUE).i(1.5f)
            .j(-2.25).k(true).l(Side.ask).m(Wide.low));
    values.put(
        "numbers_high",
        new Numbers().e(127).f(32767).g(Integer.MAX_VALUE).h(Long.MAX_VALUE).l(Side.bid).m(Wide.high));
    values.put("empty", new Empty());
    Arrays_ arrays = new Arrays_().numbers(0, 1).numbers(1, 2).numbers(2, 65535).sides(0, Side.bid).sides(1, Side.ask);
    arrays.name("abcde").names(0, "é").names(1, "xyz").points(0).x(-1).y(2);
    arrays.raw(1, 1).raw(2, 254).raw(3, 255).points(1).x(3).y(-4);
    values.put("arrays", arrays);
    values.put("presets_new", new Presets());
    values.put("presets_set", new Presets().a(0).b(0).c(0).d(0).e(false).f(Side.bid).g("").h(9));
    values.put("options_none", new Options());
    Options zero = new Options().a(0).b(0).c(0).d(false).e(Side.bid).f("");
    zero.newG();
    values.put("options_zero", zero);
    Options all = new Options().a(255).b(-1).c(-0.5f).d(true).e(Side.ask).f("abc");
    all.newG().x(-1).y(2);
    values.put("options_all", all);
    values.put("content_empty", new Content().id(1));
    values.put("content_full", fill(new Content().title("héllo").rawLength(3).numbersLength(2).pointsLength(3).sidesLength(3)
        .namesLength(3).flagsLength(3)));
    values.put("content_some", new Content().id(3).numbersLength(1).numbers(0, 5).flagsLength(1).flags(0, true));
    values.put("content_two", new Content().id(4).title("abc").raw("abc".getBytes(StandardCharsets.UTF_8)));
    values.put("both_none", new Both());
    values.put("both_empty", new Both().title("").rawLength(0).numbersLength(0).limit(0));
    Both both = new Both().title("t").raw(new byte[] {9}).numbersLength(3).numbers(0, 1).numbers(1, 2).numbers(2, 3).limit(4);
    values.put("both_all", both);
    values.put("grown_1", new Grown1().number(5).flag(true));
    values.put("grown_2", new Grown2().number(5).flag(true).count(9).title("two"));
    values.put("grown_2_from_1", new Grown2().number(5).flag(true));
    Grown3 grown = new Grown3().number(5).flag(true);
    values.put("grown_3_from_1", grown);
    values.put("grown_3_from_2", grown.copy().count(9).title("two"));
    values.put(
        "grown_3",
        grown.copy().count(9).title("two").limit(2.5).side(Side.bid).numbersLength(2).numbers(0, 1).numbers(1, 2));
    return values;
  }

  /** The values of content_full, where there is room for them. */
  private static Content fill(Content content) {
    content.id(2).title("héllo").raw().put(new byte[] {0, -1, 7});
    content.numbers(0, 1).numbers().put(1, -1L);
    for (int i = 0; i < 3; ++i) content.points(i).x(new int[] {-1, 3, 5}[i]).y(new int[] {2, -4, 6}[i]);
    content.sides(0, Side.ask).sides(1, Side.bid).sides(2, Side.ask).names(0, "a").names(2, "xyz");
    return content.flags(0, true).flags(2, true);
  }

  private record Vector(String name, Kind<?> kind, byte[] payload, String good) {
    String hex() {
      return HexFormat.of().formatHex(payload);
    }
  }

  private static List<Vector> vectors(String what) throws Exception {
    Path file = Path.of("../vectors/vectors.txt");
    assumeTrue(Files.exists(file), "this is not the whole repository");
    List<Vector> vectors = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      String[] words = line.split(" ");
      if (!words[0].equals(what)) continue;
      byte[] payload = HexFormat.of().parseHex(words[3].equals("-") ? "" : words[3]);
      vectors.add(new Vector(words[1], KINDS.get(words[2]), payload, words.length > 4 ? words[4] : ""));
    }
    assertFalse(vectors.isEmpty());
    return vectors;
  }

  /** The payload amid other bytes, at an odd place and in a buffer of the other order. */
  private static ByteBuffer amid(byte[] payload) {
    ByteBuffer buffer = ByteBuffer.allocate(payload.length + 8).order(ByteOrder.BIG_ENDIAN);
    for (int i = 0; i < buffer.capacity(); ++i) buffer.put(i, (byte) 0xff);
    return buffer.put(3, payload).limit(3 + payload.length).position(3);
  }

  @Test
  void good_messages_are_written_byte_for_byte_and_read() throws Exception {
    Map<String, Object> left = values();
    for (Vector vector : vectors("good")) {
      Object value = left.remove(vector.name);
      assertEquals(vector.hex(), vector.kind.bytes(value), vector.name);
      for (ByteBuffer payload : List.of(ByteBuffer.wrap(vector.payload), amid(vector.payload))) {
        Object view = vector.kind.over.apply(payload);
        assertTrue(vector.kind.isValid(vector.payload), vector.name);
        assertEquals(value.toString(), view.toString(), vector.name);
        assertEquals(vector.hex(), vector.kind.anew(view), vector.name);
        assertEquals(vector.hex(), vector.kind.bytes(view), vector.name);
      }
    }
    assertEquals(Map.of(), left, "values without a vector");
  }

  @Test
  void what_others_may_write_is_read_and_written_anew_as_usual() throws Exception {
    Map<String, String> good = new HashMap<>();
    for (Vector vector : vectors("good")) good.put(vector.name, vector.hex());
    for (Vector vector : vectors("read")) {
      assertTrue(vector.kind.isValid(vector.payload), vector.name);
      for (ByteBuffer payload : List.of(ByteBuffer.wrap(vector.payload), amid(vector.payload))) {
        assertEquals(good.get(vector.good), vector.kind.anew(vector.kind.over.apply(payload)), vector.name);
      }
    }
  }

  @Test
  void bad_messages_are_refused() throws Exception {
    for (Vector vector : vectors("bad")) assertFalse(vector.kind.isValid(vector.payload), vector.name);
  }

  @Test
  void bytes_that_are_valid_are_read_whatever_they_are() throws Exception {
    List<Vector> vectors = vectors("good");
    vectors.addAll(vectors("read"));
    for (Vector vector : vectors) {
      for (int at = 0; at < vector.payload.length; ++at) {
        tryToRead(vector, Arrays.copyOf(vector.payload, at));
        for (int value : new int[] {0, 1, 2, 7, 8, 0x7f, 0x80, 0xff}) {
          byte[] changed = vector.payload.clone();
          changed[at] = (byte) value;
          tryToRead(vector, changed);
        }
      }
    }
  }

  private static void tryToRead(Vector vector, byte[] payload) {
    if (vector.kind.isValid(payload)) vector.kind.anew(vector.kind.over.apply(amid(payload)));
  }

  @Test
  void a_draft_is_written_where_it_will_lie() {
    Content.Lengths lengths = new Content.Lengths().title(6).raw(3).numbers(2).points(3).sides(3).names(3).flags(3);
    byte[] room = new byte[lengths.payloadSize()];
    Arrays.fill(room, (byte) 0xff);
    Content draft = fill(new Content().draft(ByteBuffer.wrap(room), lengths));
    String full = KINDS.get("Content").bytes(values().get("content_full"));
    assertEquals(full, HexFormat.of().formatHex(room));
    assertEquals(room.length, draft.payloadSize());
    assertEquals(
        "content of 5 where 6 was laid out", assertThrows(IllegalStateException.class, () -> draft.title("hello")).getMessage());
    assertThrows(IllegalStateException.class, () -> draft.numbersLength(3));
    assertThrows(IllegalArgumentException.class, () -> draft.draft(ByteBuffer.allocate(3), lengths));
    assertThrows(IllegalArgumentException.class, () -> lengths.title(-1));
    assertThrows(IllegalArgumentException.class, () -> lengths.numbers(Integer.MAX_VALUE).payloadSize());
  }

  @Test
  void a_draft_has_defaults_and_nothing_that_is_optional() {
    ByteBuffer room = ByteBuffer.wrap(HexFormat.of().parseHex("ff".repeat(Grown3.SIZE)));
    assertEquals(new Grown3().toString(), new Grown3().draft(room, new Grown3.Lengths()).toString());
    assertEquals(0, room.compareTo(new Grown3().buffer()));
    Both.Lengths lengths = new Both.Lengths().raw(1).title(0);
    Both both = new Both().draft(ByteBuffer.allocate(lengths.payloadSize()), lengths);
    assertEquals("Both{title=, raw=1 bytes, numbers=none, limit=none}", both.toString());
  }

  @Test
  void what_is_not_there_is_not_read() {
    Options options = new Options().b(7);
    options.newG().x(1);
    options.clearB().clearG();
    assertEquals(new Options().toString(), options.toString());
    assertEquals("there is no b", assertThrows(NoSuchElementException.class, options::b).getMessage());
    assertThrows(NoSuchElementException.class, options::g);
    Both both = new Both().numbersLength(2).title("abc").clearNumbers().clearTitle();
    assertEquals(0, both.numbersLength());
    assertThrows(NoSuchElementException.class, () -> both.numbers(0));
    assertThrows(NoSuchElementException.class, both::title);
    assertEquals(Both.SIZE, both.payloadSize());
  }

  @Test
  void what_an_older_version_wrote_has_no_room_for_more() {
    ByteBuffer payload = ByteBuffer.allocate(64).limit(8);
    Grown3 older = Grown3.over(payload);
    assertEquals(8, older.payloadSize());
    var error = assertThrows(IllegalStateException.class, () -> older.count(1));
    assertEquals("an older vectors.Grown3 has no room for this: its copy() has", error.getMessage());
    assertThrows(IllegalStateException.class, () -> older.title(""));
    assertEquals(9, older.copy().count(9).count());
    assertEquals(7, older.count());
    older.release();
    assertThrows(IllegalStateException.class, older::count);
    assertThrows(IllegalStateException.class, older::hasLimit);
  }

  @Test
  void content_that_is_not_within_the_message_is_not_read() {
    Content content = new Content().title("abc");
    ByteBuffer payload = ByteBuffer.allocate(1000).put(content.buffer().slice(0, content.payloadSize())).flip();
    payload.put(8, (byte) 65);
    Content view = Content.over(payload);
    assertFalse(view.isValid());
    payload.limit(payload.capacity());
    for (Runnable read : List.<Runnable>of(view::title, view::titleBytes, view::titleLength, view::copy, view::toString)) {
      assertThrows(IllegalStateException.class, read::run);
    }
  }

  @Test
  void a_refusal_names_the_cause() {
    byte[] payload = new byte[27];
    new Grown2().title("two").writeTo(ByteBuffer.wrap(payload));
    assertRefused("no version of vectors.Grown2 has 9 bytes", Arrays.copyOf(payload, 9));
    assertRefused(
        "a vectors.Grown2 of 20 bytes says that 24 are its fixed part", Arrays.copyOf(payload, 20));
    payload[12] = 20;
    assertRefused("no version of vectors.Grown2 has a fixed part of 20 bytes", payload);
    payload[15] = -1;
    assertRefused("a vectors.Grown2 of 27 bytes says that 4278190100 are its fixed part", payload);
  }

  private static void assertRefused(String why, byte[] payload) {
    var error = assertThrows(IllegalArgumentException.class, () -> Grown2.over(ByteBuffer.wrap(payload)));
    assertEquals(why, error.getMessage());
  }
}

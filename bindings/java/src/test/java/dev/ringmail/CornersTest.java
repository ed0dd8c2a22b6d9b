package dev.ringmail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import test.corners.Corners_;
import test.corners.Corners_.Grown;
import test.corners.Corners_.Holder;
import test.corners.Corners_.Inner;
import test.corners.Corners_.Lists;
import test.corners.Corners_.Names;
import test.corners.Corners_.Odd;
import test.corners.Corners_.Outer;

/** What the vectors have not: defaults within defaults, messages that grew inside of others, and names that meet. */
class CornersTest {
  private static final String NEW_INNER = "Inner{odd=minus, name=a\"\\, weight=-0.0}";

  private static ByteBuffer bytes(Lists lists) {
    ByteBuffer bytes = ByteBuffer.allocate(lists.payloadSize());
    lists.writeTo(bytes);
    return bytes.flip();
  }

  @Test
  void defaults_reach_into_what_is_contained() {
    Outer outer = new Outer();
    assertEquals("Outer{first=" + NEW_INNER + ", all=[" + NEW_INNER + ", " + NEW_INNER + "], maybe=none}", outer.toString());
    assertEquals(NEW_INNER, outer.newMaybe().toString());
    assertEquals(outer.toString(), outer.copy().toString());
    outer.maybe(new Inner().name("b"));
    assertEquals("b", outer.maybe().name());

    Lists.Lengths lengths = new Lists.Lengths().parts(2).inners(1).more(3);
    Lists draft = new Lists().draft(ByteBuffer.allocate(lengths.payloadSize()), lengths);
    assertEquals("new", draft.parts(1).symbol());
    assertEquals(NEW_INNER, draft.parts(1).all(1).toString());
    assertEquals(NEW_INNER, draft.inners(0).toString());
    Lists lists = new Lists().moreLength(1);
    lists.more(0).name("b");
    lists.partsLength(1).moreLength(2);
    assertEquals("b", lists.more(0).name(), "what is there is kept");
    assertEquals(NEW_INNER, lists.more(1).toString());
    assertEquals("new", lists.parts(0).symbol());
  }

  @Test
  void what_was_not_sent_is_as_in_a_new_message() {
    Grown value = new Grown().id(7);
    int versions = 0;
    Grown view = new Grown();
    for (int length = 0; length < Grown.SIZE; ++length) {
      ByteBuffer payload = ByteBuffer.allocate(100);
      payload.put(0, value.buffer(), 0, length).limit(length);
      try {
        view.wrap(payload);
      } catch (IllegalArgumentException refused) {
        continue;
      }
      ++versions;
      payload.limit(100);
      for (int i = length; i < 100; ++i) payload.put(i, (byte) 0xff);
      assertTrue(view.isValid());
      assertEquals(value.toString(), view.toString());
      assertEquals(0, view.copy().buffer().compareTo(value.buffer()));
      assertEquals(length, view.payloadSize());
    }
    assertEquals(7, versions);
  }

  @Test
  void nobody_can_change_the_message_in_which_unsent_fields_are_read() {
    Grown older = Grown.over(ByteBuffer.allocate(2));
    assertThrows(IllegalStateException.class, () -> older.inner(new Inner()));
    assertThrows(IllegalStateException.class, () -> older.all(1, new Inner()));
    assertThrows(IllegalStateException.class, () -> older.symbol("x"));
    assertThrows(IllegalStateException.class, () -> older.set(new Grown()));
    assertThrows(RuntimeException.class, () -> older.inner().name("x"));
    assertThrows(RuntimeException.class, () -> older.raw().put((byte) 1));
    assertThrows(RuntimeException.class, () -> older.inner().wrap(ByteBuffer.allocate(Inner.SIZE)));
    older.inner().release();
    assertEquals(NEW_INNER, older.inner().toString());
    assertEquals(NEW_INNER, Grown.over(ByteBuffer.allocate(2)).all(0).toString());
  }

  @Test
  void one_that_grew_is_whole_inside_of_another() {
    Holder holder = new Holder();
    holder.parts(1).codes(2, 3).maybe(0);
    assertEquals(3, holder.copy().parts(1).codes(2));
    assertEquals("new", holder.part().symbol());
    assertTrue(holder.isValid());
    holder.parts(1, Grown.over(ByteBuffer.allocate(2).put(0, (byte) 9)));
    assertEquals(new Grown().id(9).toString(), holder.parts(1).toString());
    assertEquals(Grown.SIZE, holder.parts(1).payloadSize());
    assertThrows(IllegalStateException.class, () -> holder.part().wrap(ByteBuffer.allocate(Grown.SIZE)));
    holder.buffer().put(80 + 65, (byte) 2);
    assertFalse(holder.isValid());
  }

  @Test
  void lists_that_may_be_missing_are_there_if_only_empty() {
    Lists empty = new Lists().innersLength(0).namesLength(0).flagsLength(0).rawLength(0).oddsLength(0);
    empty.data(new byte[0]).remark("");
    assertEquals(
        "Lists{parts=[], inners=[], names=[], flags=[], raw=[], odds=[], small=[], floats=[], inner=none, more=[], data=0 bytes,"
            + " remark=}",
        Lists.over(bytes(empty)).toString());
    assertEquals(
        "Lists{parts=[], inners=none, names=none, flags=none, raw=none, odds=none, small=[], floats=[], inner=none, more=[],"
            + " data=none, remark=none}",
        Lists.over(bytes(new Lists())).toString());
    Lists full = new Lists().namesLength(2).names(1, "abcd").flagsLength(1).flags(0, true).rawLength(1).raw(0, 255);
    full.oddsLength(2).odds(0, Odd.three).odds(1, Odd.minus).smallLength(1).small(0, -1).floatsLength(2);
    full.floats().put(new double[] {Double.POSITIVE_INFINITY, 2});
    full.newInner().odd(Odd.three);
    full.data(new byte[] {2}).remark("€\ud83d\ude00\0");
    String text =
        "Lists{parts=[], inners=none, names=[, abc], flags=[true], raw=[255], odds=[three, minus], small=[-1],"
            + " floats=[Infinity, 2.0], inner=" + NEW_INNER.replace("minus", "three") + ", more=[], data=1 bytes,"
            + " remark=€😀\0}";
    assertEquals(text, full.toString());
    assertEquals(text, Lists.over(bytes(full)).toString());
    assertEquals(text, full.copy().toString());

    ByteBuffer older = bytes(empty).put(0, (byte) 88).limit(88);
    assertEquals(
        "Lists{parts=[], inners=[], names=[], flags=[], raw=[], odds=[], small=[], floats=[], inner=none, more=[], data=none,"
            + " remark=none}",
        Lists.over(older).toString());
    assertEquals(Lists.SIZE, Lists.over(older).copy().payloadSize());
  }

  @Test
  void elements_of_lists_are_checked() {
    Lists lists = new Lists().partsLength(1).innersLength(1).flagsLength(1).flags(0, true).oddsLength(1).odds(0, Odd.three);
    assertTrue(lists.isValid());
    int end = lists.payloadSize();
    for (int at : new int[] {end - 2, end - 4, end - 16, 136 + 64}) {
      ByteBuffer changed = bytes(lists).put(at, (byte) 9);
      assertFalse(Lists.over(changed).isValid(), "byte " + at);
    }
    assertThrows(IndexOutOfBoundsException.class, () -> lists.flags(1));
    assertThrows(IndexOutOfBoundsException.class, () -> lists.small(0));
    assertThrows(IndexOutOfBoundsException.class, () -> lists.parts(-1));
  }

  @Test
  void names_that_meet_stay_apart() {
    Names names = new Names().a(1).title("abc").titleLength(2).title_bytes(new byte[] {1}).pointsLength(3);
    assertTrue(names.hasA() && !names.hasSet_a() && !names.has_a());
    assertEquals("ab", names.title());
    assertEquals(1, names.title_bytesLength());
  }

  /** Replies a Lists with a remark of the length that the id of the Grown says. */
  private static final class Server extends Corners_.Corners {
    final List<String> seen = new ArrayList<>();

    @Override
    protected Grown on(Lists message) {
      seen.add(message.remark());
      return new Grown().id(message.floatsLength());
    }

    @Override
    protected Lists on(Grown message) {
      return new Lists().remark("x".repeat(message.id()));
    }

    @Override
    protected Holder on(Outer message) {
      return null;
    }

    @Override
    protected void on(Names message) {
      seen.add(message.title());
    }
  }

  @Test
  void a_protocol_takes_and_replies_messages_of_any_length() throws Exception {
    Server server = new Server();
    ByteBuffer reply = ByteBuffer.allocate(1000);
    Corners_.Corners.Handle handle =
        new Corners_.Corners.Handle(
            (type, buffer, offset, length) -> send(server, type, buffer.slice(offset, length), reply),
            (type, buffer, offset, length, replyType) -> {
              assertEquals(replyType, send(server, type, buffer.slice(offset, length), reply));
              return CompletableFuture.completedFuture(ByteBuffer.allocate(reply.remaining()).put(reply).flip());
            });
    handle.send(new Names().title("any length"));
    assertEquals(2, handle.ask(new Lists().remark("asked").floatsLength(2)).get().id());
    assertEquals("xxx", handle.ask(new Grown().id(3)).get().remark());
    assertEquals(List.of("any length", "asked"), server.seen);
    handle.send(Grown.over(ByteBuffer.allocate(2))); // as it came
    var error = assertThrows(IllegalArgumentException.class, () -> handle.ask(new Grown().id(1000)));
    assertEquals("a test.corners.Lists of 1136 bytes, where there is room for 1000", error.getMessage());
  }

  private static int send(Server server, int type, ByteBuffer payload, ByteBuffer reply) {
    try {
      int replied = server.dispatch(type, payload, reply.clear());
      reply.flip();
      return replied;
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}

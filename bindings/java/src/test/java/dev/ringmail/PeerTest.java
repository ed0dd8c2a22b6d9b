package dev.ringmail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import conformance.Conformance.Fail;
import conformance.Conformance.Get;
import conformance.Conformance.Note;
import conformance.Conformance.Payload;
import conformance.Conformance.Ping;
import conformance.Conformance.Side;
import conformance.Conformance.Stream;
import conformance.Conformance.Sum;
import conformance.Conformance.Tick;
import dev.ringmail.conformance.ConformancePeer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PeerTest {
  private static final long SINK = 7;

  private static String hex(ByteBuffer message) {
    byte[] bytes = new byte[message.capacity()];
    message.get(0, bytes);
    return HexFormat.of().formatHex(bytes);
  }

  private static ByteBuffer payload(String hex) {
    return ByteBuffer.wrap(hex.equals("-") ? new byte[0] : HexFormat.of().parseHex(hex)).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Of a mail or reply line: the last word. */
  private static ByteBuffer payloadOf(String line) {
    return payload(line.substring(line.lastIndexOf(' ') + 1));
  }

  private static String hex(Note note) {
    ByteBuffer bytes = ByteBuffer.allocate(note.payloadSize());
    note.writeTo(bytes);
    return hex(bytes);
  }

  private static long count(String reply) {
    return Sum.over(payloadOf(reply)).count();
  }

  private static String ping(long number) {
    return hex(new Ping().words(0, number).buffer());
  }

  @Test
  void answers_and_echoes_and_stops() throws Exception {
    try (HostProcess host = HostProcess.start(ConformancePeer.class, "echo").order("publish sink " + SINK).ready()) {
      Tick tick = new Tick().number(3).price(1.5).side(Side.ask).symbol("ü");
      host.ask(Tick.TYPE, 9, hex(tick.buffer()));
      String reply = host.await("reply");
      assertTrue(reply.startsWith("9 " + Integer.toUnsignedString(Tick.TYPE) + " "), reply);
      assertEquals(tick.price(3).toString(), Tick.over(payloadOf(reply)).toString());

      host.send(Tick.TYPE, hex(tick.buffer()), 2);
      assertEquals(6, Tick.over(payloadOf(host.await("mail"))).price());
      host.await("mail");
      host.ask(Get.TYPE, 10, "-");
      Sum sum = Sum.over(payloadOf(host.await("reply")));
      assertEquals("Sum{count=2, total=6.0, redelivered=0}", sum.toString());
      host.stop();
      assertEquals("", host.log());
    }
  }

  @Test
  void answers_what_has_no_fixed_size() throws Exception {
    try (HostProcess host = HostProcess.start(ConformancePeer.class).ready()) {
      Note note = new Note().number(3).title("Zürich").valuesLength(2000).values(1999, 1.5).author("ü");
      host.ask(Note.TYPE, 9, hex(note));
      Note reply = Note.over(payloadOf(host.await("reply")));
      assertTrue(reply.isValid());
      assertEquals(note.number(6).values(1999, 3).toString(), reply.toString());
      ByteBuffer older = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 4).putInt(24, 48);
      host.ask(Note.TYPE, 10, hex(older));
      reply = Note.over(payloadOf(host.await("reply")));
      assertEquals("Note{number=8, limit=none, title=, values=[], author=nobody}", reply.toString());
      host.stop();
      assertEquals("", host.log());
    }
  }

  @Test
  void streams_more_than_the_ring_holds() throws Exception {
    List<String> small = List.of("--control", "pipes", "--ring", "4096");
    try (HostProcess host = HostProcess.start(small, ConformancePeer.class).order("publish sink " + SINK).ready()) {
      host.send(Stream.TYPE, hex(new Stream().count(500).payload(Payload.bulk).buffer()), 1);
      for (int i = 0; i < 500; ++i) assertEquals(i, payloadOf(host.await("mail")).getLong(0));
      host.ask(Stream.TYPE, 4, hex(new Stream().buffer()));
      assertEquals("4 " + Integer.toUnsignedString(0xc68cbb46) + " -", host.await("reply"), "done, and nothing more");
      host.stop();
    }
  }

  @Test
  void a_failure_is_told_with_its_trace_and_the_message_comes_again() throws Exception {
    try (HostProcess host = HostProcess.start(ConformancePeer.class).ready()) {
      host.ask(Fail.TYPE, 5, hex(new Fail().code(42).buffer()));
      String failure = host.await("failure");
      assertTrue(failure.startsWith("java.lang.IllegalStateException: failed with 42|"), failure);
      assertTrue(failure.contains("at dev.ringmail.conformance.ConformancePeer.on("), failure);
      assertEquals("1", host.await("exit"));
      assertTrue(host.seen().contains("no_reply 5 2"), host.seen().toString());
      assertFalse(host.seen().contains("goodbye"));
      host.order("position");
      assertEquals("1", host.await("unfinished"));
      host.order("restart").ready();
      assertTrue(host.await("failure").contains("failed with 42"));
      assertEquals("1", host.await("exit"));
      assertTrue(host.log().contains("a handler failed over a message of type 0x6ba322c8, which 1 earlier processes died with"));
    }
  }

  @Test
  void is_told_what_may_be_a_repetition() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "tells").ready()) {
      host.order("send " + Integer.toUnsignedString(Get.TYPE) + " 5 - 2");
      assertEquals("9", host.await("exit"));
      host.order("restart").ready().send(Get.TYPE, "-", 1).stop();
      assertEquals(
          List.of(
              "redelivered false attempt 0 of 1",
              "redelivered true attempt 1 of 2",
              "redelivered true attempt 0 of 2",
              "redelivered false attempt 0 of 2"),
          host.log().lines().toList());
    }
  }

  @Test
  void the_death_of_the_host_ends_it() throws Exception {
    for (String what : List.of("later", "lingers")) {
      try (HostProcess host = HostProcess.start(TestPeer.class, what)) {
        ProcessHandle peer = ProcessHandle.of(Long.parseLong(host.await("ready").split(" ")[0])).orElseThrow();
        host.kill();
        peer.onExit().get(10, TimeUnit.SECONDS);
        if (what.equals("later")) assertTrue(host.log().contains("HostGoneException: the host has closed the link"));
      }
    }
  }

  @Test
  void a_failure_ends_it_whatever_else_runs() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "lingers").ready()) {
      host.send(Get.TYPE, "-", 1);
      assertTrue(host.await("failure").startsWith("java.io.IOException: checked|"));
      assertEquals("1", host.await("exit"));
    }
  }

  @Test
  void is_refused_in_one_line() throws Exception {
    List<String> refusing = List.of("--control", "pipes", "--refuse", "message a.B: field c is i32 here and i16 there");
    try (HostProcess host = HostProcess.start(refusing, TestPeer.class, "later")) {
      assertEquals("1", host.await("exit"));
      assertTrue(host.log().contains("RefusedException: the host refused: message a.B: field c is"), host.log());
    }
  }

  @Test
  void started_in_a_way_that_it_cannot_use_it_says_so() throws Exception {
    try (HostProcess host = HostProcess.start(List.of(), TestPeer.class, "later")) {
      assertEquals("2", host.await("exit"));
      assertTrue(host.log().startsWith("ringmail: RINGMAIL_FDS=3 names a socket"), host.log());
    }
    var java = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-cp", "target/classes:target/test-classes");
    java.command().addAll(List.of(TestPeer.class.getName(), "later"));
    for (String numbers : new String[] {null, "0,1"}) {
      if (numbers != null) java.environment().put("RINGMAIL_FDS", numbers);
      Process process = java.redirectInput(new java.io.File("/dev/null")).start();
      String error = new String(process.getErrorStream().readAllBytes());
      assertEquals(2, process.waitFor());
      assertEquals(1, error.lines().count(), error);
      assertTrue(error.contains(numbers == null ? "RINGMAIL_FDS is not set" : "descriptor 0, which"), error);
    }
  }

  @Test
  void replies_may_come_later_and_in_any_order() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "later").ready()) {
      host.ask(Get.TYPE, 1, "-").ask(Get.TYPE, 2, "-").send(Ping.TYPE, ping(0), 1);
      String first = host.await("reply");
      assertTrue(first.startsWith("2 "), first);
      assertEquals(1, count(first));
      assertEquals(0, count(host.await("reply")));
      host.ask(Tick.TYPE, 3, "-");
      assertEquals("3 1", host.await("no_reply"), "there is no handler");
      host.stop();
    }
  }

  @Test
  void refuses() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "refuses").ready()) {
      host.ask(Get.TYPE, 1, "-");
      assertEquals("1 3", host.await("no_reply"));
      host.stop();
    }
  }

  @Test
  void asks_with_a_deadline() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "asks").order("publish sink " + SINK).ready()) {
      String sum = hex(new Sum().count(77).buffer());
      String[] answers = {"answer %s " + Integer.toUnsignedString(Sum.TYPE) + " " + sum, "decline %s 2", null, "answer %s 5 -"};
      long[] counts = {77, 1, 2, 3};
      for (int i = 0; i < counts.length; ++i) {
        host.ask(Get.TYPE, i + 1, "-");
        String[] mail = host.await("mail").split(" ");
        assertEquals(Long.toString(SINK), mail[0]);
        if (answers[i] != null) host.order(String.format(answers[i], mail[2]));
        assertEquals(counts[i], count(host.await("reply")));
      }
      host.stop();
    }
  }

  @Test
  void writes_in_place() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "loans").order("publish sink " + SINK).ready()) {
      host.send(Ping.TYPE, ping(0), 2);
      for (int i = 0; i < 2; ++i) {
        Ping ping = Ping.over(payloadOf(host.await("mail")));
        assertEquals("Ping{words=[0, 7, 0, 0]}", ping.toString());
      }
      host.stop();
    }
  }

  @Test
  void publishes_outside_of_handlers() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "batch").order("publish sink " + SINK).ready()) {
      for (int i = 0; i < 3; ++i) assertEquals(i, count(host.await("mail")));
      host.stop();
    }
  }

  @Test
  void waits_for_room_or_fails() throws Exception {
    List<String> small = List.of("--control", "pipes", "--ring", "16384");
    try (HostProcess host = HostProcess.start(small, TestPeer.class, "room").order("publish sink " + SINK).ready()) {
      // The host does not read what is sent to it, and so hears of it later.
      host.order("deaf").ask(Get.TYPE, 1, "-").send(Ping.TYPE, ping(0), 20);
      Thread.sleep(300);
      host.order("hear");
      assertEquals(15, count(host.await("reply")));
      for (int i = 0; i < 15 + 20; ++i) host.await("mail");
      host.stop();
    }
  }

  @Test
  void is_told_of_an_end_once_and_in_its_place() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "monitors").order("publish sink " + SINK).ready()) {
      String kept = host.await("monitor").split(" ")[0];
      String stopped = host.await("monitor").split(" ")[0];
      String failing = host.await("monitor").split(" ")[0];
      assertTrue(host.seen().contains("demonitor " + stopped + " " + SINK), host.seen().toString());
      host.send(Get.TYPE, "-", 1);
      host.order("down " + stopped + " " + SINK + " 0 ended normally");
      host.order("down " + kept + " " + SINK + " 1 failed: disk full");
      host.order("down " + kept + " " + SINK + " 1 again");
      host.order("down " + failing + " " + SINK + " 9 gave up");
      String failure = host.await("failure");
      String name = "java.lang.IllegalStateException: ";
      assertTrue(failure.startsWith(name + "two lines|" + name + "two|lines|"), failure);
      assertEquals("1", host.await("exit"));
      String told = "Down[mailbox=mailbox 0x7, kind=1, reason=failed: disk full]";
      assertEquals(List.of("true false", "get", told), host.log().lines().limit(3).toList());
    }
  }

  @Test
  void writes_into_the_log_of_the_host() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "logs").ready()) {
      assertEquals("3 late by 5", host.await("log"));
      String thrown = host.await("log");
      assertTrue(thrown.startsWith("0 thrown|java.io.IOException: disk full|\tat dev.ringmail.TestPeer.logs("), thrown);
      assertEquals("4 from elsewhere", host.await("log"));
      host.stop();
    }
  }

  @Test
  void looks_names_up() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "lookup").order("publish sink " + SINK).ready()) {
      host.stop();
      assertEquals(
          List.of("no mailbox has the name 'nobody'", "'no", "name' is not a name", "tested 1 mailbox 0x7"),
          host.log().lines().toList());
    }
  }

  @Test
  void a_message_is_good_until_its_handler_returns() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "kept").ready()) {
      host.send(Get.TYPE, "-", 1).stop();
      assertEquals("this message was released when its handler returned\n", host.log());
    }
  }

  @Test
  void is_used_by_one_thread_and_takes_tasks_from_others() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "threads").order("publish sink " + SINK).ready()) {
      host.ask(Get.TYPE, 1, "-");
      assertEquals(42, count(host.await("reply")));
      host.stop();
      assertEquals("a peer is used by one thread, the one in run(): execute() leads there\n", host.log());
    }
  }

  @Test
  void an_interrupt_ends_a_sleep_and_nothing_else() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "interrupted").order("publish sink " + SINK).ready()) {
      host.await("mail");
      host.ask(Get.TYPE, 1, "-");
      host.await("reply");
      host.stop();
    }
  }

  @Test
  void polls_for_programs_with_a_loop_of_their_own() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "polls").order("publish sink " + SINK).ready()) {
      host.await("mail");
      host.ask(Get.TYPE, 1, "-");
      host.await("reply");
      host.stop();
    }
  }

  @Test
  void messages_allocate_nothing() throws Exception {
    try (HostProcess host = HostProcess.start(TestPeer.class, "allocates", "spins").order("publish sink " + SINK).ready()) {
      host.await("mail");
      host.send(Ping.TYPE, ping(1), 60_000);
      String sum = host.await("mail");
      while (!sum.startsWith("5 ")) sum = host.await("mail");
      assertTrue(count(sum) < 1_000, count(sum) + " bytes for 10,000 messages");
      host.ask(Ping.TYPE, 3, ping(2));
      host.await("reply");
      host.stop();
    }
  }
}

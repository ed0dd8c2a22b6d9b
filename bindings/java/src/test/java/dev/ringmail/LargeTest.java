package dev.ringmail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import conformance.Conformance.Get;
import conformance.Conformance.Ping;
import conformance.Conformance.Sum;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class LargeTest {
  private static final long ARENA = 1 << 20;

  private static HostProcess start(long arena, String what) throws Exception {
    return HostProcess.start(List.of("--control", "pipes", "--arena", Long.toString(arena)), LargePeer.class, what)
        .order("publish sink 7")
        .ready();
  }

  private static String hex(ByteBuffer message) {
    byte[] bytes = new byte[message.capacity()];
    message.get(0, bytes);
    return HexFormat.of().formatHex(bytes);
  }

  private static String ping(long number) {
    return hex(new Ping().words(0, number).buffer());
  }

  private static void send(HostProcess host, long number, long length, int fill) throws Exception {
    host.order("send_large " + Integer.toUnsignedString(Ping.TYPE) + " 5 " + ping(number) + " " + length + " " + fill);
    host.await("sent");
  }

  private static boolean isWhole(HostProcess host) throws Exception {
    return host.order("whole").await("whole").equals("1");
  }

  @Test
  void a_body_is_read_in_place_and_may_be_kept() throws Exception {
    try (HostProcess host = start(ARENA, "keeps")) {
      send(host, 1, 100_000, 7);
      send(host, 2, 200_000, 8);
      host.ask(Get.TYPE, 3, "-").await("reply");
      host.stop();
      assertEquals(
          "100000 true 7 7 3\n200000 true 8 8 3\n100000 true 7 7\n200000 true 8 8\n"
              + "this body was given back when it was closed\n",
          host.log());
    }
  }

  @Test
  void what_is_kept_takes_room_until_it_is_closed() throws Exception {
    try (HostProcess host = start(ARENA, "keeps")) {
      send(host, 1, 100_000, 7);
      while (host.order("position").await("unfinished").charAt(0) != '0') Thread.onSpinWait();
      assertTrue(!isWhole(host));
      host.ask(Get.TYPE, 3, "-").await("reply");
      while (!isWhole(host)) Thread.onSpinWait();
      host.stop();
    }
  }

  @Test
  void what_is_not_kept_is_given_back_when_the_handler_returns() throws Exception {
    try (HostProcess host = start(ARENA, "drops")) {
      for (int i = 0; i < 100; ++i) send(host, i, ARENA / 2, i);
      host.send(Ping.TYPE, ping(0), 1);
      host.stop();
      String once =
          ARENA / 2 + " bytes from 1 of a body of " + ARENA / 2 + ": at most 1073741824, and within it\nread-only\n";
      String after =
          "this body was given back when its handler returned: keep() it\nthis body was given back already\n";
      assertEquals((once + after).repeat(100), host.log());
    }
  }

  @Test
  void a_body_is_written_in_place_and_sent_and_asked_with() throws Exception {
    try (HostProcess host = start(ARENA, "writes")) {
      host.send(Get.TYPE, "-", 1);
      assertEquals("1000 1000", host.await("body"));
      assertTrue(host.await("mail").endsWith(ping(5)));
      assertEquals("3000 6000", host.await("body"));
      String[] mail = host.await("mail").split(" ");
      assertEquals(ping(6), mail[3]);
      host.order("answer " + mail[2] + " " + Integer.toUnsignedString(Sum.TYPE) + " " + hex(new Sum().count(4).buffer()));
      host.order("give_back");
      host.stop();
      assertEquals(
          "this loan is closed\nthis loan is closed\nit has no bytes\n"
              + "a body of -1 bytes: the host has room for 1048576\n"
              + "a body of 1073741824 bytes: the host has room for 1048576\n"
              + "answered 4\n",
          host.log());
    }
  }

  @Test
  void who_finds_no_room_waits_for_what_is_given_back() throws Exception {
    try (HostProcess host = start(ARENA, "fills")) {
      host.ask(Get.TYPE, 3, "-").await("reply");
      host.order("give_back");
      while (!host.await("mail").endsWith(ping(99))) host.order("give_back");
      host.stop();
      assertEquals("full after 10\nwaited true\nwaits\n", host.log());
    }
  }

  @Test
  void bodies_go_through_a_peer_both_ways() throws Exception {
    try (HostProcess host = start(ARENA, "forwards")) {
      for (int i = 0; i < 50; ++i) {
        send(host, i, 50_000, 1);
        assertEquals("50000 " + (49_999 + 77), host.await("body"));
        host.order("give_back");
      }
      host.stop();
    }
  }

  @Test
  void what_a_dead_peer_had_not_finished_comes_again_and_what_it_kept_is_free() throws Exception {
    try (HostProcess host = start(ARENA, "dies")) {
      send(host, 1, 100_000, 1);
      send(host, 2, 200_000, 2);
      assertEquals("9", host.await("exit"));
      host.order("restart").ready();
      send(host, 3, ARENA - 310_000, 3);
      send(host, 4, 100_000, 4); // there is room for it where the first was, and nowhere else
      host.stop();
      assertEquals(
          "1 false 100000 true 1 1\n1 false 200000 true 2 2\n2 true 200000 true 2 2\n2 false 738576 true 3 3\n"
              + "2 false 100000 true 4 4\n", host.log());
    }
  }

  @Test
  void a_host_that_describes_impossible_bodies_is_at_fault() throws Exception {
    String past = "the host broke the protocol: a body reaches past the end of its arena";
    String none = "the host broke the protocol: a message with a body does not say where it is";
    String[][] cases = {
      {ARENA + " 1 0 1", past},
      {"0 " + (ARENA + 1) + " 0 1", past},
      {"0 18446744073709551615 0 1", past},
      {"18446744073709547520 1 0 1", past},
      {"1 1 0 1", none},
      {"0 1 512 1", none},
      {"0 1 0 0", none},
    };
    for (String[] each : cases) {
      try (HostProcess host = start(ARENA, "keeps")) {
        host.order("describe " + Integer.toUnsignedString(Ping.TYPE) + " " + each[0]);
        assertEquals("1", host.await("exit"));
        assertTrue(host.log().contains(each[1]), each[0] + ": " + host.log());
      }
    }
  }

  @Test
  void a_body_that_is_held_still_cannot_come_again() throws Exception {
    try (HostProcess host = start(ARENA, "keeps")) {
      host.order("describe " + Integer.toUnsignedString(Ping.TYPE) + " 0 4096 3 1");
      host.order("describe " + Integer.toUnsignedString(Ping.TYPE) + " 8192 4096 3 2");
      assertEquals("1", host.await("exit"));
      assertTrue(host.log().contains("a body was sent again before it was given back"), host.log());
    }
  }

  @Test
  void a_host_without_arenas_says_so() throws Exception {
    try (HostProcess host =
        HostProcess.start(LargePeer.class, "no_arena").order("publish sink 7").ready()) {
      host.stop();
      assertEquals("the host has no room for bodies\n", host.log());
    }
  }

  /** Longer than a ByteBuffer, eight in all, and nobody copies. */
  @Test
  void gigabytes_go_through_and_are_not_copied() throws Exception {
    long length = (2L << 30) + 8192;
    try (HostProcess host = start(length, "gigabytes")) {
      for (int i = 0; i < 2; ++i) {
        send(host, i, length, i + 1);
        // A byte of each page was written; the others are 0, or of the round before.
        assertTrue(host.await("body").startsWith(length + " "));
        assertTrue(host.await("mail").endsWith(ping(i + 1)));
        host.order("give_back");
      }
      host.stop();
    }
  }
}

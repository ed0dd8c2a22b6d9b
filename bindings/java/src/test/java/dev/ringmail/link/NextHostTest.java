package dev.ringmail.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ringmail.HostGoneException;
import dev.ringmail.control.Hello;
import dev.ringmail.control.Messages;
import dev.ringmail.link.Inbox.Received;
import dev.ringmail.ring.Frames;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** From one host to the next, with both of them and the peer in one process. */
class NextHostTest {
  private static final long MINUTE = Duration.ofMinutes(1).toNanos(); // a watchdog, not a measure
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final List<AutoCloseable> open = new ArrayList<>();
  private final List<Long> restarts = new ArrayList<>();
  private Path folder;
  private Path socket;
  private Link link;
  private Inbox inbox;

  @BeforeEach
  void makeFolder() throws IOException {
    folder = Files.createTempDirectory("ringmail");
    socket = folder.resolve("at");
  }

  @AfterEach
  void close() throws Exception {
    if (link != null) link.close();
    for (AutoCloseable each : open) each.close();
    Files.delete(folder);
  }

  private TestHost host(long outlives) throws IOException {
    TestHost host = new TestHost(socket, outlives);
    open.add(host);
    return host;
  }

  private TestHost join(long outlives, Duration reconnect) throws Exception {
    TestHost host = host(outlives).listen();
    Hello hello = new Hello(Link.features(), 1, 0, "java", "me", "sesame", "");
    link = Link.attach(socket, hello, Duration.ofMinutes(1), reconnect, Duration.ZERO, () -> false);
    link.onRestart(restarts::add);
    inbox = link.inbox();
    assertEquals("me sesame", host.joined());
    return host;
  }

  /** The type of the next message, which is in hand then. */
  private int take() throws InterruptedException {
    while (true) {
      Received received = inbox.receive();
      if (received == Received.MAIL) return inbox.held().type();
      assertEquals(Received.NOTHING, received);
      link.await(MINUTE);
    }
  }

  private void awaitRestart() throws InterruptedException {
    while (restarts.isEmpty()) link.await(MINUTE);
  }

  private void awaitForEver() throws InterruptedException {
    while (true) link.await(MINUTE);
  }

  private void send(int type) throws InterruptedException {
    assertTrue(link.outbox().loan(TestHost.MAILBOX, 0, MINUTE) >= 0);
    link.outbox().commitLoan(type, 0);
    link.outbox().flush();
  }

  /** Without waiting for the next host. */
  private void noticeDeath(TestHost host) throws Exception {
    host.close();
    while (!link.hasEnded()) Thread.onSpinWait();
    assertThrows(TimeoutException.class, () -> link.lookup("it", Duration.ZERO));
  }

  @Test
  void what_is_in_hand_is_finished_with_the_next_host() throws Exception {
    TestHost first = join(MINUTE, Duration.ZERO);
    first.send(1);
    first.send(2);
    assertEquals(1, take());
    first.close();
    TestHost second = host(MINUTE);
    TestHost.put(second.mail, 1, 0);
    TestHost.put(second.mail, 2, 0);
    second.giveInHand();
    second.listen();
    // A handler that waits for something.
    assertEquals(TestHost.MAILBOX, link.lookup("it", Duration.ofMinutes(1)));
    assertEquals("tested secret", second.joined());
    assertEquals(1, inbox.held().type());
    assertEquals(List.of(0L), restarts);
    assertEquals(0, second.mailConsumer.getLong(0), "it is not finished yet");
    inbox.release();
    assertEquals(2, take());
    inbox.release();
    assertEquals(2 * Frames.LINE_BYTES, second.mailConsumer.getLong(0));
    assertEquals(2, inbox.received());
  }

  @Test
  void what_was_finished_while_there_was_no_host_is_not_handled_again() throws Exception {
    TestHost first = join(MINUTE, Duration.ZERO);
    first.send(1);
    assertEquals(1, take());
    noticeDeath(first);
    inbox.release();
    assertEquals(Received.NOTHING, inbox.receive());
    TestHost second = host(MINUTE);
    TestHost.put(second.mail, 1, 0);
    TestHost.put(second.mail, 2, 0);
    second.giveInHand();
    second.listen();
    assertEquals(2, take());
    assertEquals(Frames.LINE_BYTES, second.mailConsumer.getLong(0));
    inbox.release();
  }

  @Test
  void what_the_next_host_does_not_know_of_is_finished_all_the_same() throws Exception {
    TestHost first = join(MINUTE, Duration.ZERO);
    first.send(1);
    assertEquals(1, take());
    first.close();
    TestHost second = host(MINUTE).listen();
    link.lookup("it", Duration.ofMinutes(1));
    second.close();
    TestHost third = host(MINUTE);
    TestHost.put(third.mail, 3, 0);
    third.giveInHand();
    third.listen();
    link.lookup("it", Duration.ofMinutes(1));
    inbox.release();
    assertEquals(1, inbox.received());
    assertEquals(3, take(), "that one was never in hand");
    inbox.release();
    assertEquals(2, restarts.size());
  }

  @Test
  void what_it_sends_goes_behind_what_it_had_sent() throws Exception {
    TestHost first = join(MINUTE, Duration.ZERO);
    send(5);
    first.close();
    TestHost second = host(MINUTE);
    TestHost.put(second.left, 5, 0);
    second.startBehindLeft(1);
    second.listen();
    awaitRestart();
    send(6);
    assertEquals(5, second.next());
    assertEquals(6, second.next());
    assertEquals(0, second.next());
    assertEquals(2, link.outbox().sent());
  }

  @Test
  void an_answer_to_who_died_goes_to_nobody() throws Exception {
    TestHost first = join(MINUTE, Duration.ZERO);
    first.ask(1, 77);
    assertEquals(1, take());
    Lane asked = inbox.heldLane();
    first.close();
    TestHost second = host(MINUTE).listen();
    link.lookup("it", Duration.ofMinutes(1));
    link.outbox().answer(asked, Frames.REPLY, 2, 77, TestHost.MAILBOX, 0, NOTHING, 0, 0);
    inbox.release();
    assertFalse(second.answers.peek());
  }

  @Test
  void who_is_not_kept_reads_all_first_and_counts_what_is_lost() throws Exception {
    TestHost first = join(0, Duration.ofMinutes(1));
    send(5);
    send(6);
    assertEquals(5, first.next());
    first.received.storeCursor();
    first.send(1);
    first.send(2);
    assertEquals(1, take());
    TestHost second = host(0);
    noticeDeath(first);
    second.listen();
    assertEquals(-1, link.outbox().loan(TestHost.MAILBOX, 0, MINUTE), "what is in hand, and behind it, would be lost");
    inbox.release();
    assertEquals(2, take());
    inbox.release();
    awaitRestart();
    assertEquals("me sesame", second.joined());
    assertEquals(List.of(1L), restarts);
    send(7);
    assertEquals(7, second.next());
  }

  @Test
  void a_host_that_does_not_await_everybody_yet_is_asked_again() throws Exception {
    join(MINUTE, Duration.ZERO).close();
    TestHost second = host(MINUTE).refuse(Messages.UNKNOWN_NAME, "who").refuse(Messages.BUSY, "later").listen();
    assertEquals(TestHost.MAILBOX, link.lookup("it", Duration.ofMinutes(1)));
    assertEquals("tested secret", second.joined());
  }

  @Test
  void one_that_does_not_want_it_ends_it() throws Exception {
    join(MINUTE, Duration.ZERO).close();
    host(MINUTE).refuse(8, "not you").listen();
    var refused = assertThrows(HostGoneException.class, this::awaitForEver);
    assertEquals("the host refused: not you", refused.getMessage());
    assertThrows(HostGoneException.class, () -> send(1));
  }

  @Test
  void it_ends_when_no_host_has_come_in_time() throws Exception {
    List<Long> patience = new ArrayList<>();
    TestHost first = join(Duration.ofMillis(50).toNanos(), Duration.ZERO);
    link.onHostGone((nanos, hasCome) -> { synchronized (patience) { patience.add(nanos); } });
    first.close();
    while (!link.hasEnded()) Thread.onSpinWait();
    var over = assertThrows(HostGoneException.class, this::awaitForEver);
    assertEquals("the host has ended, and no other has come within 50 ms", over.getMessage());
    synchronized (patience) {
      assertTrue(patience.contains(0L));
    }
  }

  @Test
  void a_host_that_nobody_follows_is_gone_at_once() throws Exception {
    join(0, Duration.ZERO).close();
    assertThrows(HostGoneException.class, this::awaitForEver);
  }
}

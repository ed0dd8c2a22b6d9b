package dev.ringmail.link;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ringmail.RingmailException;
import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.Messages;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ConnectedTest {
  private final Path folder = Files.createTempDirectory("ringmail");
  private final Path path = folder.resolve("at");
  private final ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);

  ConnectedTest() throws IOException {
    server.bind(UnixDomainSocketAddress.of(path));
  }

  @AfterEach
  void close() throws IOException {
    server.close();
    Files.delete(path);
    Files.delete(folder);
  }

  private static ControlStream of(SocketChannel channel) {
    return new ControlStream(Channels.newInputStream(channel), Channels.newOutputStream(channel));
  }

  @Test
  void frames_go_both_ways_while_somebody_reads() throws Exception {
    ControlStream peer = Connected.open(path);
    try (SocketChannel accepted = server.accept()) {
      ControlStream host = of(accepted);
      var read = CompletableFuture.supplyAsync(() -> receive(peer));
      peer.send(ControlKind.RING, Messages.ring(5));
      assertArrayEquals(new byte[] {5, 0, 0, 0}, host.receive().payload());
      host.send(ControlKind.RESOLVED, new byte[100_000]);
      assertEquals(100_000, read.get().payload().length);
    }
    assertNull(peer.receive(), "its end is seen");
    peer.close();
  }

  private static ControlStream.Frame receive(ControlStream stream) {
    try {
      return stream.receive();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void more_than_the_socket_holds_waits_for_who_reads() throws Exception {
    ControlStream peer = Connected.open(path);
    byte[] text = Messages.failure("x".repeat(16_000));
    try (SocketChannel accepted = server.accept()) {
      var sent =
          CompletableFuture.runAsync(
              () -> {
                try {
                  for (int i = 0; i < 100; ++i) peer.send(ControlKind.FAILURE, text);
                } catch (IOException e) {
                  throw new AssertionError(e);
                }
              });
      ControlStream host = of(accepted);
      for (int i = 0; i < 100; ++i) assertArrayEquals(text, host.receive().payload());
      sent.get();
    }
    peer.close();
  }

  @Test
  void a_thread_that_is_interrupted_does_not_end_the_link() throws Exception {
    ControlStream peer = Connected.open(path);
    try (SocketChannel accepted = server.accept()) {
      Thread.currentThread().interrupt();
      peer.send(ControlKind.RING, Messages.ring(1));
      assertTrue(Thread.interrupted(), "it is still to be told");
      peer.send(ControlKind.RING, Messages.ring(2));
      ControlStream host = of(accepted);
      host.receive();
      assertEquals(2, host.receive().payload()[0]);
    }
    peer.close();
  }

  @Test
  void closing_ends_the_stream_for_who_reads_it_on_either_side() throws Exception {
    ControlStream peer = Connected.open(path);
    try (SocketChannel accepted = server.accept()) {
      var read = CompletableFuture.supplyAsync(() -> assertThrows(IOException.class, peer::receive));
      peer.close();
      read.get();
      assertNull(of(accepted).receive());
    }
  }

  @Test
  void where_nobody_listens_the_path_is_named() {
    Path nowhere = folder.resolve("nowhere");
    String text = assertThrows(RingmailException.class, () -> Connected.open(nowhere)).getMessage();
    assertTrue(text.startsWith(nowhere + ": "), text);
    Path tooLong = Path.of("/" + "x".repeat(200));
    assertTrue(assertThrows(RingmailException.class, () -> Connected.open(tooLong)).getMessage().startsWith(tooLong + ": "));
  }
}

package dev.ringmail.link;

import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.ControlStream.Frame;
import dev.ringmail.control.Hello;
import dev.ringmail.control.Messages.Refused;
import dev.ringmail.control.Welcome.Role;
import dev.ringmail.ring.Frames;
import dev.ringmail.ring.RingConsumer;
import dev.ringmail.ring.RingMemory;
import dev.ringmail.ring.RingProducer;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A host of one lane, whose memory is files. The descriptors are those of a process that sleeps, and with which it dies. */
final class TestHost implements AutoCloseable {
  static final int RING = 4096;
  static final long MAILBOX = 1;
  private static final int PAGE = Frames.PAGE_BYTES;
  private static final long FEATURES =
      Hello.MAIL_OUTLIVES_PEER | Hello.STREAM_DOORBELL | Hello.PIPE_DOORBELL | Hello.BY_PROC;
  private static final long DEADLINE_SECONDS = 60; // a watchdog, not a measure

  private record Segment(Role role, int bytes, int descriptor) {}

  private static final List<Segment> SEGMENTS =
      List.of(
          new Segment(Role.MAIL, PAGE + RING, 3),
          new Segment(Role.HOST, PAGE + RING, 4),
          new Segment(Role.PEER, PAGE + 2 * RING, 5),
          new Segment(Role.PEER_BELLS, 2 * PAGE, 6),
          new Segment(Role.HOST_PARKED, PAGE, 7));

  private final Path socket;
  private final long outlives; // 0: the peer is not kept
  private final List<Refused> refusals = new ArrayList<>();
  private final List<SocketChannel> accepted = new ArrayList<>();
  private final CompletableFuture<String> ready = new CompletableFuture<>();
  private final ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
  private final Process process;

  final ByteBuffer mailConsumer; // of the peer
  final RingProducer mail; // to the peer
  final RingProducer left; // as if from the peer: what it finds there when it comes
  final RingConsumer received; // from it
  final RingConsumer answers; // from it
  private final ByteBuffer mailProducer; // of the peer

  TestHost(Path socket, long outlives) throws IOException {
    this.socket = socket;
    this.outlives = outlives;
    List<String> command =
        new ArrayList<>(List.of("sh", "-c", "exec 3<>\"$1\" 4<>\"$2\" 5<>\"$3\" 6<>\"$4\" 7<>\"$5\"; echo; exec sleep 1000", "-"));
    ByteBuffer[] memory = new ByteBuffer[SEGMENTS.size()];
    List<Path> files = new ArrayList<>();
    for (int i = 0; i < memory.length; ++i) {
      Path file = Files.createTempFile("ringmail-segment", "");
      files.add(file);
      command.add(file.toString());
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        memory[i] = channel.map(MapMode.READ_WRITE, 0, SEGMENTS.get(i).bytes).order(ByteOrder.LITTLE_ENDIAN);
      }
    }
    process = new ProcessBuilder(command).start();
    if (process.getInputStream().read() != '\n') throw new IOException("it does not sleep");
    for (Path file : files) Files.delete(file);

    ByteBuffer host = memory[1];
    ByteBuffer peer = memory[2];
    mailConsumer = Side.consumer(peer, 0).order(ByteOrder.LITTLE_ENDIAN);
    mailProducer = Side.producer(peer, 1024).order(ByteOrder.LITTLE_ENDIAN);
    mail = new RingProducer(new RingMemory(memory[0].slice(PAGE, RING), Side.producer(memory[0], 0), mailConsumer));
    ByteBuffer data = peer.slice(PAGE, RING);
    left = new RingProducer(new RingMemory(data, mailProducer, Side.consumer(host, 0)));
    received = new RingConsumer(new RingMemory(data, Side.consumer(host, 0), mailProducer));
    answers =
        new RingConsumer(
            new RingMemory(peer.slice(PAGE + RING, RING), Side.consumer(host, 512), Side.producer(peer, 1152)));
  }

  TestHost refuse(int code, String text) {
    refusals.add(new Refused(code, text));
    return this;
  }

  /** Refuses what it is to refuse, and lets the next one in. */
  TestHost listen() throws IOException {
    Files.deleteIfExists(socket);
    server.bind(UnixDomainSocketAddress.of(socket));
    Thread thread = new Thread(this::serve, "test-host");
    thread.setDaemon(true);
    thread.start();
    return this;
  }

  /** Waits for it, and gives its name and its token. */
  String joined() throws Exception {
    return ready.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  void send(int type) throws IOException {
    ask(type, 0);
  }

  void ask(int type, int correlation) throws IOException {
    put(mail, type, correlation);
    process.getOutputStream().write(1);
    process.getOutputStream().flush();
  }

  static void put(RingProducer ring, int type, int correlation) {
    ring.tryLoan(0);
    ring.commit(Frames.MESSAGE, type, correlation, 0, MAILBOX);
    ring.publish();
  }

  /** Before it listens: what is in `left` was there before the peer. */
  void startBehindLeft(int frames) {
    mailProducer.putInt(4, frames);
    mailProducer.putLong(8, left.end());
  }

  /** Before it listens: the first message is the one that the peer has in hand. */
  void giveInHand() {
    mailConsumer.putLong(400, 1);
  }

  /** The type of the next message of the peer's, or 0. */
  int next() {
    if (!received.peek()) return 0;
    int type = received.type();
    received.advance();
    return type;
  }

  private void serve() {
    try {
      while (true) {
        SocketChannel channel = server.accept();
        accepted.add(channel);
        ControlStream stream = new ControlStream(Channels.newInputStream(channel), Channels.newOutputStream(channel));
        Frame hello = stream.receive();
        if (!refusals.isEmpty()) {
          stream.send(ControlKind.REFUSED, refusals.remove(0).encode());
          channel.close();
          continue;
        }
        stream.send(ControlKind.WELCOME, welcome());
        if (outlives != 0) stream.send(ControlKind.OUTLIVE, outlive());
        stream.receive();
        ready.complete(who(ByteBuffer.wrap(hello.payload()).order(ByteOrder.LITTLE_ENDIAN)));
        for (Frame frame = stream.receive(); frame != null; frame = stream.receive()) {
          if (frame.kind() == ControlKind.RESOLVE) stream.send(ControlKind.RESOLVED, resolved(frame.payload()));
        }
      }
    } catch (IOException e) {
      // It is dead.
    }
  }

  private static ByteBuffer buffer() {
    return ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] take(ByteBuffer written) {
    byte[] bytes = new byte[written.position()];
    written.get(0, bytes);
    return bytes;
  }

  private static void put(ByteBuffer to, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    to.putInt(bytes.length).put(bytes);
  }

  private byte[] welcome() {
    ByteBuffer to = buffer().putShort((short) 1).putLong(FEATURES | (outlives != 0 ? Hello.OUTLIVES_HOST : 0)).putLong(1);
    to.putInt(Frames.LINE_BYTES).putInt(1).putLong(RING).putLong(RING).putLong(RING);
    put(to, "tested");
    put(to, "");
    to.putInt((int) process.pid()).put((byte) (SEGMENTS.size() + 1));
    for (Segment each : SEGMENTS) to.put((byte) (each.role.ordinal() + 1)).putLong(each.bytes).putInt(each.descriptor);
    // What the process would read.
    to.put((byte) (Role.DOORBELL.ordinal() + 1)).putLong(PAGE).putInt(0);
    return take(to);
  }

  private byte[] outlive() {
    ByteBuffer to = buffer().putLong(outlives);
    put(to, socket.toString());
    put(to, "secret");
    return take(to);
  }

  private static byte[] resolved(byte[] question) {
    return take(buffer().put(question, 0, 4).put((byte) 1).putLong(MAILBOX));
  }

  private static String who(ByteBuffer hello) {
    hello.position(28);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < 3; ++i) {
      byte[] text = new byte[hello.getInt()];
      hello.get(text);
      texts.add(new String(text, StandardCharsets.UTF_8));
    }
    return texts.get(1) + " " + texts.get(2);
  }

  /** It dies. */
  @Override
  public void close() throws IOException {
    server.close();
    Files.deleteIfExists(socket);
    for (SocketChannel each : accepted) each.close();
    process.destroyForcibly();
  }
}

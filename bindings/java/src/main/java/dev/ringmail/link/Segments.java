package dev.ringmail.link;

import static dev.ringmail.ring.Frames.PAGE_BYTES;

import dev.ringmail.RefusedException;
import dev.ringmail.arena.ArenaConsumer;
import dev.ringmail.arena.ArenaMemory;
import dev.ringmail.arena.ArenaProducer;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.Welcome;
import dev.ringmail.control.Welcome.Role;
import dev.ringmail.control.Welcome.Segment;
import dev.ringmail.ring.RingConsumer;
import dev.ringmail.ring.RingMemory;
import dev.ringmail.ring.RingProducer;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The memory of a link to a host. */
final class Segments implements AutoCloseable {
  private static final int PARK_MIRROR_BYTES = 128;

  private final Welcome welcome;
  private final HostFile mail;
  private final HostFile host;
  private final HostFile peer;
  private final HostFile arenaIn; // null: it has none
  private final HostFile arenaOut;
  private final ByteBuffer parked;
  private final ByteBuffer bell;
  private final InputStream doorbell;

  Segments(Welcome welcome, Map<Role, Segment> segments) throws IOException {
    this.welcome = welcome;
    mail = open(segments.get(Role.MAIL), false);
    host = open(segments.get(Role.HOST), false);
    peer = open(segments.get(Role.PEER), true);
    boolean hasArenas = segments.containsKey(Role.ARENA_TO_PEER);
    arenaIn = hasArenas ? open(segments.get(Role.ARENA_TO_PEER), false) : null;
    arenaOut = hasArenas ? open(segments.get(Role.ARENA_TO_HOST), true) : null;
    try (HostFile mirrors = open(segments.get(Role.HOST_PARKED), false);
        HostFile bells = open(segments.get(Role.PEER_BELLS), true)) {
      parked = mirrors.map(0, (int) segments.get(Role.HOST_PARKED).bytes());
      bell = bells.map(0, (int) segments.get(Role.PEER_BELLS).bytes());
    }
    Path pipe = HostFile.path(welcome.hostPid(), segments.get(Role.DOORBELL).hostFd());
    boolean isPipe = Files.readSymbolicLink(pipe).toString().startsWith("pipe:");
    if (!isPipe) throw new RefusedException("segment doorbell: it is not a pipe");
    doorbell = new FileInputStream(pipe.toFile());
  }

  private HostFile open(Segment segment, boolean writable) throws IOException {
    Path path = HostFile.path(welcome.hostPid(), segment.hostFd());
    return new HostFile(path, "segment " + segment.role(), segment.bytes(), writable);
  }

  /** Of this peer. */
  PeerBell bell() {
    return new PeerBell(bell);
  }

  InputStream doorbell() {
    return doorbell;
  }

  Lane lane(int i, ControlStream control) throws IOException {
    int toPeer = (int) welcome.mailToPeerBytes();
    int toHost = (int) welcome.mailToHostBytes();
    int controlBytes = (int) welcome.controlBytes();
    long mailAt = i * (PAGE_BYTES + (long) toPeer);
    long hostAt = i * (PAGE_BYTES + (long) controlBytes);
    // Only what this peer writes is writable.
    ByteBuffer mailProducer = Side.producer(mail.map(mailAt, PAGE_BYTES), 0);
    ByteBuffer mailData = mail.map(mailAt + PAGE_BYTES, toPeer);
    ByteBuffer hostBlocks = host.map(hostAt, PAGE_BYTES);
    ByteBuffer hostData = host.map(hostAt + PAGE_BYTES, controlBytes);
    Side own = Side.map(peer, i * Side.bytes(toHost, controlBytes), toHost, controlBytes);
    Lane.Ends ends =
        new Lane.Ends(
            new RingConsumer(new RingMemory(mailData, own.mailConsumer(), mailProducer)),
            new RingConsumer(new RingMemory(hostData, own.controlConsumer(), Side.producer(hostBlocks, 1024))),
            new RingProducer(new RingMemory(own.mail(), own.mailProducer(), Side.consumer(hostBlocks, 0))),
            new RingProducer(new RingMemory(own.control(), own.controlProducer(), Side.consumer(hostBlocks, 512))),
            new Doorbell(parked, i * PARK_MIRROR_BYTES, control, i));
    if (arenaIn == null) return new Lane(i, ends, null, null);
    return new Lane(
        i,
        ends,
        new ArenaConsumer(arena(arenaIn, i), own.returns(), mailProducer),
        new ArenaProducer(arena(arenaOut, i), Side.returns(hostBlocks)));
  }

  /** The lane's part of it. */
  private ArenaMemory arena(HostFile file, int lane) throws IOException {
    long bytes = file.channel().size() / welcome.lanes();
    return ArenaMemory.map(file.channel(), file.mode(), lane * bytes, bytes);
  }

  /** Of the descriptors; what is mapped stays. */
  @Override
  public void close() throws IOException {
    mail.close();
    host.close();
    peer.close();
    if (arenaIn == null) return;
    arenaIn.close();
    arenaOut.close();
  }
}

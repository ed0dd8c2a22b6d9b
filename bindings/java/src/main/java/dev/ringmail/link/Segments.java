package dev.ringmail.link;

import static dev.ringmail.ring.Frames.CONSUMER_BLOCK_BYTES;
import static dev.ringmail.ring.Frames.PAGE_BYTES;
import static dev.ringmail.ring.Frames.PRODUCER_BLOCK_BYTES;

import dev.ringmail.RefusedException;
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
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * The memory of a link, mapped by the host's descriptors in /proc. Sizes are checked before anything is mapped; seals are not,
 * since Java cannot ask for them, and so a host could shrink a file under this process. Mappings stay until they are garbage.
 */
final class Segments implements AutoCloseable {
  private static final int PARK_MIRROR_BYTES = 128;

  private final Welcome welcome;
  private final FileChannel mail;
  private final FileChannel host;
  private final FileChannel peer;
  private final ByteBuffer parked;
  private final ByteBuffer bell;
  private final InputStream doorbell;

  Segments(Welcome welcome, Map<Role, Segment> segments) throws IOException {
    this.welcome = welcome;
    mail = open(segments.get(Role.MAIL), false);
    host = open(segments.get(Role.HOST), false);
    peer = open(segments.get(Role.PEER), true);
    try (FileChannel mirrors = open(segments.get(Role.HOST_PARKED), false);
        FileChannel bells = open(segments.get(Role.PEER_BELLS), true)) {
      parked = map(mirrors, MapMode.READ_ONLY, 0, (int) mirrors.size());
      bell = map(bells, MapMode.READ_WRITE, 0, (int) bells.size());
    }
    Path pipe = path(segments.get(Role.DOORBELL));
    boolean isPipe = Files.readSymbolicLink(pipe).toString().startsWith("pipe:");
    if (!isPipe) throw new RefusedException("segment doorbell: it is not a pipe");
    doorbell = new FileInputStream(pipe.toFile());
  }

  private Path path(Segment segment) {
    return Path.of("/proc/" + welcome.hostPid() + "/fd/" + segment.hostFd());
  }

  private FileChannel open(Segment segment, boolean writable) throws IOException {
    FileChannel channel =
        writable
            ? FileChannel.open(path(segment), StandardOpenOption.READ, StandardOpenOption.WRITE)
            : FileChannel.open(path(segment), StandardOpenOption.READ);
    // Also because map() would make a writable file longer.
    if (channel.size() != segment.bytes()) {
      long size = channel.size();
      channel.close();
      throw new RefusedException("segment " + segment.role() + ": it has " + size + " bytes, and not " + segment.bytes());
    }
    return channel;
  }

  private static ByteBuffer map(FileChannel channel, MapMode mode, long at, int bytes) throws IOException {
    return channel.map(mode, at, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Of this peer. */
  PeerBell bell() {
    return new PeerBell(bell);
  }

  InputStream doorbell() {
    return doorbell;
  }

  /** A ring of a gigabyte and its page are less than what one mapping can be. */
  Lane lane(int i, ControlStream control) throws IOException {
    int toPeer = (int) welcome.mailToPeerBytes();
    int toHost = (int) welcome.mailToHostBytes();
    int controlBytes = (int) welcome.controlBytes();
    long mailAt = i * (PAGE_BYTES + (long) toPeer);
    long hostAt = i * (PAGE_BYTES + (long) controlBytes);
    long peerAt = i * (PAGE_BYTES + (long) toHost + controlBytes);
    // Only what this peer writes is writable.
    ByteBuffer mailBlocks = map(mail, MapMode.READ_ONLY, mailAt, PAGE_BYTES);
    ByteBuffer mailData = map(mail, MapMode.READ_ONLY, mailAt + PAGE_BYTES, toPeer);
    ByteBuffer hostBlocks = map(host, MapMode.READ_ONLY, hostAt, PAGE_BYTES);
    ByteBuffer hostData = map(host, MapMode.READ_ONLY, hostAt + PAGE_BYTES, controlBytes);
    ByteBuffer peerBlocks = map(peer, MapMode.READ_WRITE, peerAt, PAGE_BYTES);
    ByteBuffer peerMail = map(peer, MapMode.READ_WRITE, peerAt + PAGE_BYTES, toHost);
    ByteBuffer peerControl = map(peer, MapMode.READ_WRITE, peerAt + PAGE_BYTES + toHost, controlBytes);
    return new Lane(
        new RingConsumer(new RingMemory(mailData, consumer(peerBlocks, 0), producer(mailBlocks, 0))),
        new RingConsumer(new RingMemory(hostData, consumer(peerBlocks, 512), producer(hostBlocks, 1024))),
        new RingProducer(new RingMemory(peerMail, producer(peerBlocks, 1024), consumer(hostBlocks, 0))),
        new RingProducer(new RingMemory(peerControl, producer(peerBlocks, 1152), consumer(hostBlocks, 512))),
        new HostBell(parked, i * PARK_MIRROR_BYTES, control, i));
  }

  private static ByteBuffer consumer(ByteBuffer page, int at) {
    return page.slice(at, CONSUMER_BLOCK_BYTES);
  }

  private static ByteBuffer producer(ByteBuffer page, int at) {
    return page.slice(at, PRODUCER_BLOCK_BYTES);
  }

  /** Of the descriptors; what is mapped stays. */
  @Override
  public void close() throws IOException {
    mail.close();
    host.close();
    peer.close();
  }
}

package dev.ringmail.link;

import dev.ringmail.RefusedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A segment of the host's, opened by its descriptor in /proc. Its size is checked before anything is mapped; its seals are not, since
 * Java cannot ask for them, and so a host could shrink a file under this process. Mappings stay until they are garbage.
 */
final class HostFile implements AutoCloseable {
  private final FileChannel channel;
  private final MapMode mode;

  /** @param what it is, for who is told that it cannot be used */
  HostFile(Path path, String what, long bytes, boolean writable) throws IOException {
    mode = writable ? MapMode.READ_WRITE : MapMode.READ_ONLY;
    channel =
        writable
            ? FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)
            : FileChannel.open(path, StandardOpenOption.READ);
    // Also because map() would make a writable file longer.
    long size = channel.size();
    if (size != bytes) {
      channel.close();
      throw new RefusedException(what + ": it has " + size + " bytes, and not " + bytes);
    }
  }

  static Path path(long hostPid, long hostFd) {
    return Path.of("/proc/" + hostPid + "/fd/" + hostFd);
  }

  ByteBuffer map(long at, int bytes) throws IOException {
    return channel.map(mode, at, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  FileChannel channel() {
    return channel;
  }

  MapMode mode() {
    return mode;
  }

  /** What is mapped stays. */
  @Override
  public void close() throws IOException {
    channel.close();
  }
}

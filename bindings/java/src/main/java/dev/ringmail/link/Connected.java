package dev.ringmail.link;

import dev.ringmail.RingmailException;
import dev.ringmail.control.ControlStream;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The control stream to whoever listens at a path. Descriptors come with what is read, and the kernel closes them, since Java takes
 * none: a peer opens them in /proc.
 *
 * <p>The channel does not block: one that does is closed when a thread is interrupted that writes to it, and the link would end.
 */
final class Connected {
  private static final long FULL_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final SocketChannel channel;
  private final Selector selector;

  private Connected(SocketChannel channel, Selector selector) {
    this.channel = channel;
    this.selector = selector;
  }

  /** Waits for one that listens and does not accept. */
  static ControlStream open(Path path) {
    return open(path, true);
  }

  /** Takes no for an answer. */
  static ControlStream openNow(Path path) {
    return open(path, false);
  }

  private static ControlStream open(Path path, boolean waits) {
    SocketChannel channel = null;
    try {
      channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      channel.configureBlocking(waits);
      if (!channel.connect(UnixDomainSocketAddress.of(path))) throw new IOException("the host did not accept in time");
      channel.configureBlocking(false);
      Connected stream = new Connected(channel, Selector.open());
      channel.register(stream.selector, SelectionKey.OP_READ);
      return new ControlStream(new BufferedInputStream(stream.new In()), stream.new Out());
    } catch (IOException e) {
      close(channel);
      throw new RingmailException(path + ": " + e.getMessage(), e);
    }
  }

  private static void close(SocketChannel channel) {
    try {
      if (channel != null) channel.close();
    } catch (IOException e) {
      // The first cause is the one to tell.
    }
  }

  /** For one thread that nobody interrupts. */
  private final class In extends InputStream {
    /** Whatever was waited for: its selector holds descriptors of its own. */
    @Override
    public void close() throws IOException {
      selector.close();
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (length == 0) return 0;
      ByteBuffer into = ByteBuffer.wrap(bytes, offset, length);
      while (true) {
        int count = channel.read(into);
        if (count != 0) return count;
        selector.select();
      }
    }
  }

  private final class Out extends OutputStream {
    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      ByteBuffer left = ByteBuffer.wrap(bytes, offset, length);
      while (true) {
        channel.write(left);
        if (!left.hasRemaining()) return;
        // The other side does not read: it is that which is to be waited for.
        LockSupport.parkNanos(FULL_NANOS);
      }
    }

    /** The descriptor is given back by the thread that waits for the selector. */
    @Override
    public void close() throws IOException {
      channel.close();
      selector.wakeup();
    }
  }
}

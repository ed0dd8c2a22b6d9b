package dev.ringmail.control;

import dev.ringmail.ProtocolException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Frames over two pipes, back to back. One thread reads; any thread writes. Streams and not channels: an interrupt would close
 * a channel.
 */
public final class ControlStream {
  private static final int HEADER_BYTES = 8;
  private static final int MAX_PAYLOAD_BYTES = 1 << 20;

  private final InputStream in;
  private final OutputStream out;
  private final ReentrantLock writing = new ReentrantLock();

  /** One message. */
  public record Frame(ControlKind kind, byte[] payload) {}

  public ControlStream(InputStream in, OutputStream out) {
    this.in = in;
    this.out = out;
  }

  /** Waits for the next frame; null at the end of the stream between two of them. */
  public Frame receive() throws IOException {
    // Each field as soon as it is there: what somebody prints into the stream may be shorter than a header.
    byte[] bytes = in.readNBytes(4);
    if (bytes.length == 0) return null;
    long length = number(bytes, 4);
    if (length > MAX_PAYLOAD_BYTES) {
      throw new ProtocolException("not a control frame: a length of " + length + ", the most is " + MAX_PAYLOAD_BYTES);
    }
    int kind = (int) number(in.readNBytes(2), 2);
    if (ControlKind.of(kind) == null) throw new ProtocolException("not a control frame: the unknown kind " + kind);
    int zero = (int) number(in.readNBytes(2), 2);
    if (zero != 0) throw new ProtocolException("not a control frame: " + zero + " where 0 must stand");
    // The memory grows as the bytes come: a length alone costs nothing.
    byte[] payload = in.readNBytes((int) length);
    if (payload.length < length) throw ended();
    return new Frame(ControlKind.of(kind), payload);
  }

  private static long number(byte[] bytes, int size) throws IOException {
    if (bytes.length < size) throw ended();
    long number = 0;
    for (int i = 0; i < size; ++i) number |= (bytes[i] & 0xffL) << 8 * i;
    return number;
  }

  public void send(ControlKind kind, byte[] payload) throws IOException {
    send(frame(kind, payload));
  }

  /** The bytes of a frame, for who sends the same again and again. */
  public static byte[] frame(ControlKind kind, byte[] payload) {
    ByteBuffer frame = ByteBuffer.allocate(HEADER_BYTES + payload.length).order(ByteOrder.LITTLE_ENDIAN);
    return frame.putInt(payload.length).putShort((short) kind.number()).putShort((short) 0).put(payload).array();
  }

  public void send(byte[] frame) throws IOException {
    writing.lock();
    try {
      out.write(frame);
    } finally {
      writing.unlock();
    }
  }

  public void close() throws IOException {
    out.close();
  }

  /** Of the thread that reads: there is nothing more to come. */
  public void closeReading() throws IOException {
    in.close();
  }

  private static EOFException ended() {
    return new EOFException("the control stream ended inside a frame");
  }
}

package dev.ringmail.control;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Puts the payload of a control message together: little-endian numbers, and texts with their length in front. */
final class WireWriter {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  WireWriter u8(int value) {
    return number(value, 1);
  }

  WireWriter u16(int value) {
    return number(value, 2);
  }

  WireWriter u32(long value) {
    return number(value, 4);
  }

  WireWriter u64(long value) {
    return number(value, 8);
  }

  WireWriter text(String value) {
    byte[] encoded = value.getBytes(StandardCharsets.UTF_8);
    u32(encoded.length);
    bytes.writeBytes(encoded);
    return this;
  }

  byte[] take() {
    return bytes.toByteArray();
  }

  private WireWriter number(long value, int size) {
    for (int i = 0; i < size; ++i) bytes.write((int) (value >>> 8 * i));
    return this;
  }
}

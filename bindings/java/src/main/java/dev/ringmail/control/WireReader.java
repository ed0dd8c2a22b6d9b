package dev.ringmail.control;

import dev.ringmail.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Reads the payload of a control message and believes nothing: a ProtocolException names the message, the field and the fault.
 */
final class WireReader {
  private final ControlKind message;
  private final ByteBuffer rest;

  WireReader(ControlKind message, byte[] payload) {
    this.message = message;
    rest = ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN);
  }

  int u8(String field) {
    return need(field, 1).get() & 0xff;
  }

  int u16(String field) {
    return need(field, 2).getShort() & 0xffff;
  }

  long u32(String field) {
    return need(field, 4).getInt() & 0xffffffffL;
  }

  long u64(String field) {
    return need(field, 8).getLong();
  }

  void require(String field, boolean holds, long value) {
    if (!holds) throw fault(field + " cannot be " + Long.toUnsignedString(value));
  }

  void requireLength(String field, long length, long most) {
    if (length > most) throw fault(field + " is too long (" + length + ")");
  }

  /** Not empty, and without control characters. */
  String name(String field, int maxBytes) {
    String read = optionalName(field, maxBytes);
    if (read.isEmpty()) throw badText(field);
    return read;
  }

  String optionalName(String field, int maxBytes) {
    String read = prose(field, maxBytes);
    if (!read.chars().allMatch(c -> c >= 0x20 && (c < 0x7f || c >= 0xa0))) throw badText(field);
    return read;
  }

  /** May have several lines. */
  String prose(String field, int maxBytes) {
    long length = u32(field);
    requireLength(field, length, maxBytes);
    ByteBuffer bytes = need(field, (int) length);
    int end = bytes.position() + (int) length;
    try {
      // A new decoder reports what is not UTF-8: overlong forms and surrogates as well.
      String read = StandardCharsets.UTF_8.newDecoder().decode(bytes.slice(bytes.position(), (int) length)).toString();
      bytes.position(end);
      if (read.indexOf(0) >= 0) throw badText(field);
      return read;
    } catch (CharacterCodingException e) {
      throw badText(field);
    }
  }

  void finish() {
    if (rest.hasRemaining()) throw new ProtocolException(message + ": " + rest.remaining() + " bytes too many");
  }

  private ByteBuffer need(String field, int bytes) {
    if (rest.remaining() < bytes) throw new ProtocolException(message + ": ends inside " + field);
    return rest;
  }

  private ProtocolException badText(String field) {
    return fault(field + " is empty, not UTF-8, or holds a control character");
  }

  private ProtocolException fault(String text) {
    return new ProtocolException(message + ": " + text);
  }
}

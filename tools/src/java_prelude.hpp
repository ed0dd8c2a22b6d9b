#pragma once

#include <string_view>

namespace ringmail::tools {

// What the messages of a generated Java file share: where a message lies, and how its fields are read and written.
inline constexpr std::string_view java_prelude = R"java(
  /** Where a message and its parts lie. Released, it has no bytes. */
  private static final class Place_ {
    private final int size;
    private ByteBuffer bytes;
    private int start;

    Place_(int size) {
      this.size = size;
    }

    void move(ByteBuffer buffer, int offset, int size) {
      if (size != this.size) throw new IllegalStateException("a part of another message stays where it is");
      Objects.checkFromIndexSize(offset, size, buffer.limit());
      bytes = buffer.order() == ByteOrder.LITTLE_ENDIAN ? buffer : buffer.duplicate().order(ByteOrder.LITTLE_ENDIAN);
      start = offset;
    }

    void release() {
      bytes = null;
    }

    ByteBuffer bytes() {
      if (bytes == null) throw new IllegalStateException("this message was released: copy() is what can be kept");
      return bytes;
    }

    int offset(int at) {
      return start + at;
    }

    ByteBuffer slice(int at, int size) {
      return bytes().slice(start + at, size).order(ByteOrder.LITTLE_ENDIAN);
    }

    int u8(int at) {
      return bytes().get(start + at) & 0xff;
    }

    void u8(int at, int value) {
      bytes().put(start + at, (byte) checked(value, 0, 0xff));
    }

    int u16(int at) {
      return bytes().getShort(start + at) & 0xffff;
    }

    void u16(int at, int value) {
      bytes().putShort(start + at, (short) checked(value, 0, 0xffff));
    }

    long u32(int at) {
      return bytes().getInt(start + at) & 0xffffffffL;
    }

    void u32(int at, long value) {
      bytes().putInt(start + at, (int) checked(value, 0, 0xffffffffL));
    }

    long u64(int at) {
      return bytes().getLong(start + at);
    }

    void u64(int at, long value) {
      bytes().putLong(start + at, value);
    }

    int i8(int at) {
      return bytes().get(start + at);
    }

    void i8(int at, int value) {
      bytes().put(start + at, (byte) checked(value, Byte.MIN_VALUE, Byte.MAX_VALUE));
    }

    int i16(int at) {
      return bytes().getShort(start + at);
    }

    void i16(int at, int value) {
      bytes().putShort(start + at, (short) checked(value, Short.MIN_VALUE, Short.MAX_VALUE));
    }

    int i32(int at) {
      return bytes().getInt(start + at);
    }

    void i32(int at, int value) {
      bytes().putInt(start + at, value);
    }

    long i64(int at) {
      return bytes().getLong(start + at);
    }

    void i64(int at, long value) {
      bytes().putLong(start + at, value);
    }

    float f32(int at) {
      return bytes().getFloat(start + at);
    }

    void f32(int at, float value) {
      bytes().putFloat(start + at, value);
    }

    double f64(int at) {
      return bytes().getDouble(start + at);
    }

    void f64(int at, double value) {
      bytes().putDouble(start + at, value);
    }

    boolean bool(int at) {
      return bytes().get(start + at) != 0;
    }

    void bool(int at, boolean value) {
      bytes().put(start + at, (byte) (value ? 1 : 0));
    }

    /** Up to the first zero. What is not UTF-8 reads as U+FFFD. */
    String text(int at, int size) {
      byte[] content = new byte[size];
      return new String(content, 0, text(at, size, content), StandardCharsets.UTF_8);
    }

    /** Copies the content, as much of it as fits, and returns how much there is. */
    int text(int at, int size, byte[] into) {
      int length = 0;
      while (length < size && bytes().get(start + at + length) != 0) ++length;
      bytes().get(start + at, into, 0, Math.min(length, into.length));
      return length;
    }

    /** Cuts between two code points, and before a zero. Lone surrogates become question marks. */
    void text(int at, int size, CharSequence value) {
      ByteBuffer to = bytes();
      int from = start + at;
      int length = 0;
      for (int i = 0; i < value.length(); ++i) {
        int point = Character.codePointAt(value, i);
        if (Character.isSupplementaryCodePoint(point)) ++i;
        if (point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) point = '?';
        int more = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        if (point == 0 || length + more > size) break;
        for (int k = more - 1; k > 0; --k, point >>>= 6) to.put(from + length + k, (byte) (0x80 | point & 0x3f));
        to.put(from + length, (byte) (more == 1 ? point : 0xf00 >>> more & 0xff | point));
        length += more;
      }
      for (; length < size; ++length) to.put(from + length, (byte) 0);
    }

    void copy(int at, Place_ other, int otherAt, int size) {
      bytes().put(start + at, other.bytes(), other.start + otherAt, size);
    }

    private static long checked(long value, long least, long most) {
      if (value >= least && value <= most) return value;
      throw new IllegalArgumentException(value + " is not from " + least + " to " + most);
    }
  }

  /** The offset of an element of an array. */
  private static int element_(int at, int index, int count, int size) {
    return at + Objects.checkIndex(index, count) * size;
  }

  private static String list_(int count, IntFunction<Object> element) {
    StringBuilder text = new StringBuilder("[");
    for (int i = 0; i < count; ++i) text.append(i == 0 ? "" : ", ").append(element.apply(i));
    return text.append(']').toString();
  }
)java";

}  // namespace ringmail::tools

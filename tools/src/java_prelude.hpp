#pragma once

#include <string_view>

namespace ringmail::tools {

// What the messages of a generated Java file share: where a message lies, and how its fields are read and written.
inline constexpr std::string_view java_place = R"java(
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
)java";

// The same of a file with messages that have optional fields, content of variable length, or several versions.
inline constexpr std::string_view java_place_of_several_sizes = R"java(
  /** Where a message and its parts lie. Released, it has no bytes. */
  private static final class Place_ {
    private final int size;
    private ByteBuffer bytes;
    private ByteBuffer frozen; // of the message in which unsent fields are read
    private int start;
    private int length; // of the whole message
    private int fixed; // of what stands before its content, which an older version has less of
    private boolean own; // it makes room for content

    Place_(int size) {
      this.size = size;
    }

    void move(ByteBuffer buffer, int offset, int size) {
      boolean isPart = size != this.size || frozen != null;
      if (isPart) throw new IllegalStateException("a part of another message stays where it is");
      move(buffer, offset, size, size);
    }

    void move(ByteBuffer buffer, int offset, int length, int fixed) {
      Objects.checkFromIndexSize(offset, length, buffer.limit());
      bytes = buffer.order() == ByteOrder.LITTLE_ENDIAN ? buffer : buffer.duplicate().order(ByteOrder.LITTLE_ENDIAN);
      start = offset;
      this.length = length;
      this.fixed = fixed;
      own = false;
    }

    void freeze() {
      frozen = bytes.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
      release();
    }

    void release() {
      bytes = frozen;
      fixed = Integer.MAX_VALUE; // all that is asked for is looked up where no bytes are
    }

    void zero(int at, int size) {
      int i = 0;
      for (; i + 8 <= size; i += 8) bytes().putLong(start + at + i, 0);
      for (; i < size; ++i) bytes().put(start + at + i, (byte) 0);
    }

    /** How much content a reference refers to: bytes, or elements of that size. All of it lies within the message. */
    int length(int at, int size) {
      long count = u32(at + 4);
      if (count != 0 && u32(at) + count * size > length) {
        throw new IllegalStateException("content that is not within the message");
      }
      return (int) count;
    }

    /** Where an element lies. */
    int element(int at, int index, int size) {
      return (int) u32(at) + Objects.checkIndex(index, length(at, size)) * size;
    }

    /** The content itself. */
    ByteBuffer content(int at, int size) {
      int length = length(at, size);
      return length == 0 ? slice(0, 0) : slice((int) u32(at), length * size);
    }

    String text(int at) {
      byte[] content = new byte[length(at, 1)];
      text(at, content);
      return new String(content, StandardCharsets.UTF_8);
    }

    int text(int at, byte[] into) {
      int length = length(at, 1);
      if (length > 0) bytes().get(start + (int) u32(at), into, 0, Math.min(length, into.length));
      return length;
    }

    boolean isGood(int at, int size, int align) {
      long from = u32(at);
      long count = u32(at + 4);
      return count == 0 || from % align == 0 && from >= fixed && from + count * size <= length;
    }

    /** Makes the bytes from position to limit a message of zeros with so much content. */
    void lay(ByteBuffer payload, Layout_ layout, int[] lengths) {
      int end = layout.end(lengths);
      if (payload.remaining() != end) {
        throw new IllegalArgumentException("room of " + payload.remaining() + " bytes, and not of " + end);
      }
      move(payload, payload.position(), end, layout.size);
      zero(0, end);
      layout.put(this, lengths);
    }

    /** Makes this a message of its own: `from`, with so much of its content. What it was not sent is as in `unsent`. */
    void take(Place_ from, Place_ unsent, Layout_ layout, int[] lengths) {
      int end = layout.end(lengths);
      Place_ to = new Place_(size);
      to.move(ByteBuffer.allocate(end), 0, end, size);
      int sent = Math.min(from.fixed, size);
      to.copy(0, from, 0, sent);
      to.copy(sent, unsent, sent, size - sent);
      int[] there = layout.lengths(from);
      layout.put(to, lengths);
      for (int i = 0; i < there.length; ++i) {
        int at = layout.fields[4 * i];
        int bytes = Math.min(there[i], lengths[i]) * layout.fields[4 * i + 1];
        if (bytes > 0) to.copy((int) to.u32(at), from, (int) from.u32(at), bytes);
      }
      move(to.bytes, 0, end, size);
      own = true;
    }

    /** Makes room for so much content, -1 for none. Only a message of its own can. */
    void resize(Layout_ layout, int i, int length) {
      int[] lengths = layout.lengths(this);
      if (lengths[i] == length) return;
      int laid = Math.max(lengths[i], 0);
      if (!own) throw new IllegalStateException("content of " + length + " where " + laid + " was laid out");
      lengths[i] = length;
      take(this, this, layout, lengths);
    }

    void set(Layout_ layout, int i, byte[] value) {
      resize(layout, i, value.length);
      int at = layout.fields[4 * i];
      if (value.length > 0) bytes().put(start + (int) u32(at), value);
    }
)java";

inline constexpr std::string_view java_access = R"java(
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

inline constexpr std::string_view java_sizes = R"java(
  private static NoSuchElementException none_(String field) {
    return new NoSuchElementException("there is no " + field);
  }

  private static int length_(int length) {
    if (length < 0) throw new IllegalArgumentException("a length of " + length);
    return length;
  }

  /** The length of the fixed part of a message in these bytes, which some version of it must have. */
  private static int fixed_(String name, ByteBuffer buffer, int offset, int length, int fixedSizeAt, int[] sizes) {
    int fixed = length;
    if (fixedSizeAt >= 0 && (length > fixedSizeAt || Arrays.binarySearch(sizes, length) < 0)) {
      if (length < fixedSizeAt + 4) {
        throw new IllegalArgumentException("no version of " + name + " has " + length + " bytes");
      }
      int said = buffer.getInt(offset + fixedSizeAt);
      if (buffer.order() != ByteOrder.LITTLE_ENDIAN) said = Integer.reverseBytes(said);
      if (said <= fixedSizeAt || said > length) {
        String part = Integer.toUnsignedString(said);
        throw new IllegalArgumentException(
            "a " + name + " of " + length + " bytes says that " + part + " are its fixed part");
      }
      fixed = said;
    }
    if (fixed < sizes[sizes.length - 1] && Arrays.binarySearch(sizes, fixed) < 0) {
      throw new IllegalArgumentException("no version of " + name + " has a fixed part of " + fixed + " bytes");
    }
    return fixed;
  }

  /** Where messages of one type have their content of variable length. */
  private static final class Layout_ {
    final int size;
    final int fixedSizeAt;
    final int[] fields; // of each where its reference is, size and alignment of its elements, and its presence or -1

    Layout_(int size, int fixedSizeAt, int... fields) {
      this.size = size;
      this.fixedSizeAt = fixedSizeAt;
      this.fields = fields;
    }

    /** How much content a new message has: nothing, and -1 of what is optional. */
    int[] lengths() {
      int[] lengths = new int[fields.length / 4];
      for (int i = 0; i < lengths.length; ++i) lengths[i] = fields[4 * i + 3] < 0 ? 0 : -1;
      return lengths;
    }

    int[] lengths(Place_ place) {
      int[] lengths = lengths();
      for (int i = 0; i < lengths.length; ++i) {
        boolean isSent = fields[4 * i] < place.fixed;
        if (!isSent || lengths[i] < 0 && !place.bool(fields[4 * i + 3])) continue;
        lengths[i] = place.length(fields[4 * i], fields[4 * i + 1]);
      }
      return lengths;
    }

    private long start(long end, int i, int length) {
      int align = fields[4 * i + 2];
      return length <= 0 ? end : (end + align - 1) / align * align;
    }

    int end(int[] lengths) {
      long end = size;
      for (int i = 0; i < lengths.length; ++i) {
        end = start(end, i, lengths[i]) + (long) Math.max(lengths[i], 0) * fields[4 * i + 1];
      }
      if (end > Integer.MAX_VALUE) throw new IllegalArgumentException("a message of " + end + " bytes");
      return (int) end;
    }

    /** Writes the references, and the fixed size. */
    void put(Place_ place, int[] lengths) {
      place.u32(fixedSizeAt, size);
      long end = size;
      for (int i = 0; i < lengths.length; ++i) {
        int at = fields[4 * i];
        int presence = fields[4 * i + 3];
        int length = Math.max(lengths[i], 0);
        long start = start(end, i, length);
        place.u32(at, length == 0 ? 0 : start);
        place.u32(at + 4, length);
        if (presence >= 0) place.bool(presence, lengths[i] >= 0);
        end = start + (long) length * fields[4 * i + 1];
      }
    }
  }
)java";

}  // namespace ringmail::tools

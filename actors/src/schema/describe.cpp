// Messages in words, for who looks at them without having been built with their types.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t most_elements = 8;
constexpr std::size_t most_text_bytes = 120;
constexpr std::size_t most_raw_bytes = 32;
constexpr std::string_view digits = "0123456789abcdef";

template <class Number>
Number number_at(Bytes payload, std::size_t at) {
  Number number{};
  std::memcpy(&number, payload.data() + at, sizeof number);
  return number;
}

/// How long the fixed part is that the writer of `payload` had; nothing if it cannot be this message.
std::optional<std::uint32_t> fixed_size(const Message& message, Bytes payload) {
  const auto was = [&](std::uint64_t size) {
    return size == message.size || std::ranges::find(message.earlier_sizes, size) != message.earlier_sizes.end();
  };
  std::uint64_t fixed = payload.size();
  if (message.is_variable() && !(was(fixed) && fixed <= *message.fixed_size_at)) {
    const std::uint64_t at = *message.fixed_size_at;
    if (payload.size() < at + sizeof(std::uint32_t)) return std::nullopt;
    fixed = number_at<std::uint32_t>(payload, at);
    if (fixed <= at || fixed > payload.size()) return std::nullopt;
  }
  if (fixed < message.size && !was(fixed)) return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(fixed, message.size));
}

/// Every read below is of bytes that its caller has found to be in the payload.
class Writer {
 public:
  Writer(const Schema& schema, Bytes payload, std::size_t most_bytes)
      : schema_(schema), payload_(payload), most_bytes_(most_bytes) {}

  void message(const Message& message, std::size_t at, std::uint32_t sent) {
    out_ += '{';
    bool first = true;
    for (const Field& field : message.fields) {
      if (field.offset >= sent) continue;  // a field that its writer did not know
      if (!std::exchange(first, false)) out_ += ", ";
      if (is_full()) break;
      out_ += field.name;
      out_ += ' ';
      this->field(field, at);
    }
    out_ += '}';
  }

  std::string take() && { return std::move(out_); }
  void add(std::string_view text) { out_ += text; }

 private:
  bool is_full() {
    if (out_.size() < most_bytes_) return false;
    if (!out_.ends_with("...")) out_ += "...";
    return true;
  }

  void field(const Field& field, std::size_t base) {
    if (field.is_optional) {
      const auto present = number_at<std::uint8_t>(payload_, base + field.presence_offset());
      if (present == 0) return add("none");
      if (present != 1) return invalid(present);
    }
    const std::size_t at = base + field.offset;
    if (!field.is_variable()) {
      return field.count != 0 ? elements(field.type, at, field.count) : value(field.type, at);
    }
    const auto start = number_at<std::uint32_t>(payload_, at);
    const auto length = number_at<std::uint32_t>(payload_, at + sizeof start);
    // In 64 bits: the sum of what a stranger wrote.
    const std::uint64_t end = start + std::uint64_t{length} * field.content_size();
    if (length != 0 && end > payload_.size()) return add("(a bad reference)");
    if (field.is_list) return elements(field.type, start, length);
    if (field.type.kind == Kind::text) return text(start, length);
    raw(start, length);
  }

  void elements(const Type& type, std::size_t at, std::size_t count) {
    out_ += '[';
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) out_ += ", ";
      if (is_full()) break;
      if (i == most_elements) {
        out_ += std::to_string(count - i) + " more";
        break;
      }
      value(type, at + i * type.size);
    }
    out_ += ']';
  }

  void value(const Type& type, std::size_t at) {
    switch (type.kind) {
      case Kind::u8: return number(number_at<std::uint8_t>(payload_, at));
      case Kind::u16: return number(number_at<std::uint16_t>(payload_, at));
      case Kind::u32: return number(number_at<std::uint32_t>(payload_, at));
      case Kind::u64: return number(number_at<std::uint64_t>(payload_, at));
      case Kind::i8: return number(number_at<std::int8_t>(payload_, at));
      case Kind::i16: return number(number_at<std::int16_t>(payload_, at));
      case Kind::i32: return number(number_at<std::int32_t>(payload_, at));
      case Kind::i64: return number(number_at<std::int64_t>(payload_, at));
      case Kind::f32: return number(number_at<float>(payload_, at));
      case Kind::f64: return number(number_at<double>(payload_, at));
      case Kind::boolean: {
        const auto byte = number_at<std::uint8_t>(payload_, at);
        return byte > 1 ? invalid(byte) : add(byte == 1 ? "true" : "false");
      }
      case Kind::text: {
        const auto* const content = payload_.data() + at;
        return text(at, static_cast<std::size_t>(std::find(content, content + type.length, std::byte{0}) - content));
      }
      case Kind::enumeration: return enumeration(*schema_.find_enum(type.name), type.size, at);
      case Kind::message: {
        const Message& nested = *schema_.find_message(type.name);
        return message(nested, at, nested.size);
      }
      case Kind::bytes: return;  // only ever as a reference
    }
  }

  template <class Number>
  void number(Number value) {
    char room[64];
    const auto end = std::to_chars(room, room + sizeof room, value).ptr;
    out_.append(room, end);
  }

  void enumeration(const Enum& declaration, std::uint32_t size, std::size_t at) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, payload_.data() + at, size);
    const bool is_signed = declaration.underlying >= Kind::i8 && declaration.underlying <= Kind::i64;
    if (is_signed && size < sizeof bits && (bits >> (8 * size - 1)) != 0) bits |= ~std::uint64_t{0} << (8 * size);
    const auto number = static_cast<std::int64_t>(bits);
    const auto found = std::ranges::find(declaration.values, number, &EnumValue::number);
    if (found != declaration.values.end()) return add(found->name);
    add("(no value " + number_text(declaration.underlying, number) + ")");
  }

  void text(std::size_t at, std::size_t length) {
    out_ += '"';
    const std::size_t shown = std::min(length, most_text_bytes);
    for (std::size_t i = 0; i < shown; ++i) {
      const auto byte = number_at<unsigned char>(payload_, at + i);
      if (byte == '"' || byte == '\\') {
        (out_ += '\\') += static_cast<char>(byte);
      } else if (byte < 0x20 || byte >= 0x7f) {
        // Beyond ASCII as well: whether it is good UTF-8 nobody has looked.
        ((out_ += "\\x") += digits[byte >> 4]) += digits[byte & 15];
      } else {
        out_ += static_cast<char>(byte);
      }
    }
    out_ += '"';
    if (shown < length) out_ += "... (" + std::to_string(length) + " bytes)";
  }

  void raw(std::size_t at, std::size_t length) {
    out_ += std::to_string(length) + " bytes";
    for (std::size_t i = 0; i < std::min(length, most_raw_bytes); ++i) {
      const auto byte = number_at<unsigned char>(payload_, at + i);
      ((out_ += i == 0 ? ": " : " ") += digits[byte >> 4]) += digits[byte & 15];
    }
    if (length > most_raw_bytes) out_ += " ...";
  }

  void invalid(unsigned byte) { add("(not 0 or 1 but " + std::to_string(byte) + ")"); }

  const Schema& schema_;
  Bytes payload_;
  std::size_t most_bytes_;
  std::string out_;
};

}  // namespace

std::string describe(const Schema& schema, const Message& message, Bytes payload, std::size_t most_bytes) {
  Writer writer(schema, payload, most_bytes);
  writer.add(message.name + " ");
  const auto sent = fixed_size(message, payload);
  if (!sent) {
    writer.add("(of " + std::to_string(payload.size()) + " bytes, which it cannot have)");
  } else {
    writer.message(message, 0, *sent);
  }
  return std::move(writer).take();
}

}  // namespace ringmail::schema

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// What the generators of all languages need.

// The text of a file, line by line.
class Lines {
 public:
  template <class... Parts>
  void line(const Parts&... parts) {
    (text_.append(parts), ...);
    text_ += '\n';
  }
  void raw(std::string_view text) { text_ += text; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// "0xc67a76ec"
[[nodiscard]] std::string hex_id(std::uint32_t id);

// The content of a text<N>'s default as a string literal, in quotes: ASCII, in which most languages agree on how it is escaped.
[[nodiscard]] std::string quoted(std::string_view text);

// The namespace of a schema that a .mail file gave: all of its names share one, and it declares at least one.
[[nodiscard]] std::string_view namespace_of(const schema::Schema& schema);

// The parts of "market.feed.Tick": "market.feed" and "Tick".
[[nodiscard]] std::string_view namespace_of(std::string_view qualified_name);
[[nodiscard]] std::string_view short_name(std::string_view qualified_name);

// Whether a new message, or a part of it, holds anything but zeros.
[[nodiscard]] bool has_presets(const schema::Schema& schema, const schema::Message& message);

// Whether the field, or any field of the message, can hold bytes that are no value of its type: a bool, enum, ? or reference.
[[nodiscard]] bool is_constrained(const schema::Schema& schema, const schema::Field& field);
[[nodiscard]] bool is_constrained(const schema::Schema& schema, const schema::Message& message);

}  // namespace ringmail::tools

#pragma once

// Schemas: what messages look like in memory and on the wire. docs/spec/message.md is the normative text.
//
// A schema comes from a `.mail` file (parse_mail, by the ringmail tool) or from a peer's hello (parse_text, at run
// time). Both go through the same checks, so a Schema that either function returned keeps these invariants:
//   1. every name is declared once and is well formed; every type that a field or protocol names is declared;
//   2. an enum or message stands before its first use, so no message contains itself;
//   3. every offset, size, alignment and id follows from the declarations and from nothing else.
//
// Everything here is plain data and pure functions: usable from any thread, nothing is shared, no exception but
// std::bad_alloc.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringmail::schema {

// Limits. Those of names and messages are the same for a file and for a peer's text.
inline constexpr std::size_t max_source_bytes = 1u << 20;  // the length of a .mail file
inline constexpr std::size_t max_text_bytes = 512u << 10;  // the length of a canonical text: a handshake takes no more
inline constexpr std::size_t max_message_bytes = 64u << 10;  // the size of one message
inline constexpr std::size_t max_nesting = 32;               // a message without nested ones has depth 1
inline constexpr std::size_t max_name_bytes = 64;            // one identifier
inline constexpr std::size_t max_qualified_bytes = 255;      // namespace and identifier

enum class Kind : std::uint8_t {
  u8,
  u16,
  u32,
  u64,
  i8,
  i16,
  i32,
  i64,
  f32,
  f64,
  boolean,
  text,
  bytes,
  enumeration,
  message
};

struct Type {
  Kind kind = Kind::u8;
  std::string name;          // qualified name of an enumeration or message, otherwise empty
  std::uint32_t length = 0;  // N of text<N>, otherwise 0
  std::uint32_t size = 0;    // of one value; of a text without N and of bytes, as of every reference, 8
  std::uint32_t align = 1;

  // What it is called. The size of a message may differ where schemas of two processes are compared.
  [[nodiscard]] bool is_same(const Type& other) const {
    return kind == other.kind && name == other.name && length == other.length;
  }
  friend bool operator==(const Type&, const Type&) = default;
};

// A field is one value of its type, or an array or list of them.
struct Field {
  std::string name;
  Type type;                               // of an element, where there are several
  std::uint32_t count = 0;                 // elements of a fixed array; 0: not an array
  std::uint32_t offset = 0;                // bytes from the start of the message
  std::uint32_t size = 0;                  // bytes of the whole field in the fixed part of the message
  bool is_list = false;                    // list<T>
  bool is_optional = false;                // T?
  bool is_appended = false;                // +
  std::optional<std::string> preset = {};  // the default: a number, true, false, the name of a value, or a text

  // Whether the field is a reference to content behind the fixed part.
  [[nodiscard]] bool is_variable() const {
    return is_list || type.kind == Kind::bytes || (type.kind == Kind::text && type.length == 0);
  }
  // Of the content behind the fixed part: 1 for a text and bytes.
  [[nodiscard]] std::uint32_t content_size() const { return is_list ? type.size : 1; }
  [[nodiscard]] std::uint32_t content_align() const { return is_list ? type.align : 1; }
  // Of a T?: where the byte is that says whether there is one.
  [[nodiscard]] std::uint32_t presence_offset() const { return offset + (is_list ? reference_bytes : type.size); }

  friend bool operator==(const Field&, const Field&) = default;

  static constexpr std::uint32_t reference_bytes = 8;  // u32 offset, u32 length
};

struct EnumValue {
  std::string name;
  std::int64_t number = 0;  // of a u64 enum: its bit pattern (see number_text)

  friend bool operator==(const EnumValue&, const EnumValue&) = default;
};

struct Enum {
  std::string name;            // qualified
  Kind underlying = Kind::u8;  // u8 to u64, i8 to i64
  std::vector<EnumValue> values;

  friend bool operator==(const Enum&, const Enum&) = default;
};

struct Message {
  std::string name;  // qualified
  std::vector<Field> fields;
  std::uint32_t size = 0;  // of the fixed part; 0 for a message without fields
  std::uint32_t align = 1;
  std::uint32_t id = 0;                        // the type id of the frames that carry it, never 0
  std::optional<std::uint32_t> fixed_size_at;  // where its fixed size stands, if it has content of variable length
  std::vector<std::uint32_t> earlier_sizes;    // before each of the appended fields, ascending

  [[nodiscard]] bool is_variable() const { return fixed_size_at.has_value(); }

  friend bool operator==(const Message&, const Message&) = default;
};

struct Accepted {
  std::string message;  // qualified
  std::string reply;    // qualified; empty: no reply

  friend bool operator==(const Accepted&, const Accepted&) = default;
};

struct Protocol {
  std::string name;  // qualified
  std::vector<Accepted> accepts;

  friend bool operator==(const Protocol&, const Protocol&) = default;
};

struct Schema {
  std::vector<Enum> enums;
  std::vector<Message> messages;
  std::vector<Protocol> protocols;

  // By qualified name, or nullptr. Linear; valid until the schema changes.
  [[nodiscard]] const Enum* find_enum(std::string_view name) const;
  [[nodiscard]] const Message* find_message(std::string_view name) const;
  [[nodiscard]] const Protocol* find_protocol(std::string_view name) const;
  [[nodiscard]] const Message* find_message(std::uint32_t id) const;

  friend bool operator==(const Schema&, const Schema&) = default;
};

// Where and why a source was refused. Lines and columns count from 1, columns in bytes.
struct Error {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string text;

  [[nodiscard]] std::string to_string() const;  // "flights.mail:3:9: error: unknown type Sid"
};

// A `.mail` file. `file_name` is only used in errors.
[[nodiscard]] std::expected<Schema, Error> parse_mail(std::string_view source, std::string_view file_name);

// The canonical text, which travels in the handshake. Equal schemas have equal texts.
[[nodiscard]] std::string to_text(const Schema& schema);

// A canonical text from an untrusted peer: any bytes are safe; time and memory grow linearly with the input, which is
// bounded by max_text_bytes. Offsets, sizes, alignments and ids are computed anew and must equal what the text says.
[[nodiscard]] std::expected<Schema, Error> parse_text(std::string_view text);

// The first difference in what both declare, in one line without a newline; nothing if they agree. What only one of
// them declares is no difference. "message flights.Flight: field delay is i32 here and i16 there"
[[nodiscard]] std::optional<std::string> find_mismatch(const Schema& ours, const Schema& theirs);

// Adds to `into` what only `other` declares. The error is the mismatch, or two names that share an id; `into` is then
// unchanged.
[[nodiscard]] std::expected<void, std::string> merge(Schema& into, const Schema& other);

// One line that shows a message, for a log: `market.Tick {time 7, price 1.5, side ask, symbol "ABC", legs [{ratio 1}, ...]}`.
// Any bytes are safe: what is not valid is named. No byte of the line is a control character, and it is not much longer than
// `most_bytes`; "..." stands for what is left out.
[[nodiscard]] std::string describe(const Schema& schema,
                                   const Message& message,
                                   std::span<const std::byte> payload,
                                   std::size_t most_bytes = 600);

// FNV-1a, 32 bits, of a qualified name.
[[nodiscard]] std::uint32_t type_id(std::string_view qualified_name);

// "u64", "text<16>", "market.Leg"; of a field also "market.Leg[4]", "list<market.Leg>", "u64?".
[[nodiscard]] std::string to_text(const Type& type);
[[nodiscard]] std::string field_type_text(const Field& field);

// "u8" to "f64", "bool"; for the other kinds "text", "bytes", "enum" and "message".
[[nodiscard]] std::string_view kind_name(Kind kind);

// The number of an enum's value in decimal.
[[nodiscard]] std::string number_text(Kind underlying, std::int64_t number);

}  // namespace ringmail::schema

#include "ringmail/actors/schema.hpp"

#include <algorithm>
#include <array>

#include "kinds.hpp"

namespace ringmail::schema {
namespace {

struct KindRow {
  std::string_view name;
  std::uint32_t size;
};

// Indexed by Kind.
constexpr std::array<KindRow, 15> kind_rows = {{
    {"u8", 1},
    {"u16", 2},
    {"u32", 4},
    {"u64", 8},
    {"i8", 1},
    {"i16", 2},
    {"i32", 4},
    {"i64", 8},
    {"f32", 4},
    {"f64", 8},
    {"bool", 1},
    {"text", 0},
    {"bytes", 0},
    {"enum", 0},
    {"message", 0},
}};

const KindRow& row(Kind kind) { return kind_rows[static_cast<std::size_t>(kind)]; }

template <class Declarations, class Predicate>
auto find_first(const Declarations& declarations, Predicate predicate) -> decltype(declarations.data()) {
  const auto found = std::ranges::find_if(declarations, predicate);
  return found == declarations.end() ? nullptr : &*found;
}

}  // namespace

std::optional<Kind> find_scalar(std::string_view name) {
  for (std::size_t i = 0; i < kind_rows.size(); ++i) {
    if (kind_rows[i].size != 0 && kind_rows[i].name == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

std::uint32_t kind_size(Kind scalar) { return row(scalar).size; }
bool is_signed(Kind kind) { return kind >= Kind::i8 && kind <= Kind::i64; }
bool is_integer(Kind kind) { return kind <= Kind::i64; }

std::string_view kind_name(Kind kind) { return row(kind).name; }

const Enum* Schema::find_enum(std::string_view name) const {
  return find_first(enums, [&](const Enum& e) { return e.name == name; });
}

const Message* Schema::find_message(std::string_view name) const {
  return find_first(messages, [&](const Message& m) { return m.name == name; });
}

const Message* Schema::find_message(std::uint32_t id) const {
  return find_first(messages, [&](const Message& m) { return m.id == id; });
}

const Protocol* Schema::find_protocol(std::string_view name) const {
  return find_first(protocols, [&](const Protocol& p) { return p.name == name; });
}

std::string Error::to_string() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": error: " + text;
}

std::uint32_t type_id(std::string_view qualified_name) {
  std::uint32_t hash = 2166136261u;
  for (const char c : qualified_name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

}  // namespace ringmail::schema

#include "rust_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "emit.hpp"

namespace ringmail::tools {
namespace {

using schema::Kind;

// Those of every edition, and those that are reserved.
constexpr auto keywords = std::to_array<std::string_view>(
    {"abstract", "as",     "async",   "await",  "become",  "box",    "break", "const", "continue", "do",
     "dyn",      "else",   "enum",    "extern", "false",   "final",  "fn",    "for",   "gen",      "if",
     "impl",     "in",     "let",     "loop",   "macro",   "match",  "mod",   "move",  "mut",      "override",
     "priv",     "pub",    "ref",     "return", "static",  "struct", "trait", "true",  "try",      "type",
     "typeof",   "unsafe", "unsized", "use",    "virtual", "where",  "while", "yield"});

// Keywords that cannot be raw identifiers.
constexpr auto paths = std::to_array<std::string_view>({"Self", "crate", "self", "super"});

bool is_one_of(std::string_view word, const auto& words) { return std::ranges::find(words, word) != words.end(); }

char upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }

/// `half_open` as `HalfOpen`.
std::string camel_case(std::string_view name) {
  std::string result;
  bool starts = true;
  for (const char c : name) {
    if (c != '_') result += starts ? upper(c) : c;
    starts = c == '_';
  }
  return result;
}

/// `OrderBook` as `order_book`, `HTTPGet` as `http_get`.
std::string snake_case(std::string_view name) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool after_small = i > 0 && !is_upper(name[i - 1]) && name[i - 1] != '_';
    const bool before_small = i > 0 && is_upper(name[i - 1]) && i + 1 < name.size() && std::islower(name[i + 1]) != 0;
    if (is_upper(name[i]) && (after_small || before_small)) result += '_';
    result += lower(name[i]);
  }
  return result;
}

bool has_twins(std::vector<std::string> names) {
  std::ranges::sort(names);
  return std::ranges::adjacent_find(names) != names.end();
}

}  // namespace

std::string rust_identifier(std::string_view name) {
  if (is_one_of(name, paths)) return std::string(name) + "_";
  return (is_one_of(name, keywords) ? "r#" : "") + std::string(name);
}

std::vector<std::string> rust_variants(const schema::Enum& declaration) {
  std::vector<std::string> camel;
  std::vector<std::string> as_written;
  for (const schema::EnumValue& value : declaration.values) {
    camel.push_back(rust_identifier(camel_case(value.name)));
    as_written.push_back(rust_identifier(value.name));
  }
  return has_twins(camel) ? as_written : camel;
}

std::vector<std::string> rust_methods(const schema::Protocol& protocol) {
  std::vector<std::string> snake;
  std::vector<std::string> as_written;
  for (const schema::Accepted& accepted : protocol.accepts) {
    const std::string_view name = short_name(accepted.message);
    snake.push_back("on_" + snake_case(name));
    as_written.push_back("on_" + std::string(name));
  }
  return has_twins(snake) ? as_written : snake;
}

std::string_view rust_scalar(Kind scalar) {
  constexpr std::array<std::string_view, 11> names = {"u8",  "u16", "u32", "u64", "i8",  "i16",
                                                      "i32", "i64", "f32", "f64", "bool"};
  return names.at(static_cast<std::size_t>(scalar));
}

std::string rust_element_type(const schema::Type& type) {
  if (type.kind == Kind::text) return "::ringmail::Text<" + std::to_string(type.length) + ">";
  if (type.kind == Kind::bytes) return "u8";
  return type.name.empty() ? std::string(rust_scalar(type.kind)) : std::string(short_name(type.name));
}

std::string rust_content_type(const schema::Field& field, const std::string& element) {
  const bool is_text = field.type.kind == Kind::text && !field.is_list;
  return is_text ? "::std::string::String" : "::std::vec::Vec<" + element + ">";
}

std::string rust_field_type(const schema::Field& field) {
  std::string type = rust_element_type(field.type);
  if (field.is_variable()) type = rust_content_type(field, type);
  if (field.is_optional) return "::core::option::Option<" + type + ">";
  return field.count == 0 ? type : "[" + type + "; " + std::to_string(field.count) + "]";
}

}  // namespace ringmail::tools

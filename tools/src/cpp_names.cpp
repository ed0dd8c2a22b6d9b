#include "cpp_names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace ringmail::tools {
namespace {

using schema::Kind;

constexpr auto taken_words = std::to_array<std::string_view>(
    {"alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
     "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
     "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double",
     "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if",
     "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or",
     "or_eq", "private", "protected", "public", "register", "requires", "return", "short", "signed", "sizeof", "static",
     "struct", "switch", "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename",
     "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
     "reinterpret_cast", "static_cast", "static_assert",
     // Macros, and the two namespaces that generated code names.
     "EOF", "NAN", "NULL", "INFINITY", "assert", "errno", "linux", "offsetof", "ringmail", "std", "stderr", "stdin",
     "stdout", "unix"});

/// "5" would be an integer.
std::string floating(const std::string& number) {
  return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
}

}  // namespace

std::string cpp_identifier(std::string_view name) {
  const bool is_taken = std::ranges::find(taken_words, name) != taken_words.end();
  return std::string(name) + (is_taken ? "_" : "");
}

std::string cpp_namespace(std::string_view name) {
  std::string result;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t dot = std::min(name.find('.', start), name.size());
    if (start != 0) result += "::";
    result += cpp_identifier(name.substr(start, dot - start));
    start = dot + 1;
  }
  return result;
}

std::string_view cpp_scalar(Kind scalar) {
  constexpr std::array<std::string_view, 11> names = {"std::uint8_t", "std::uint16_t", "std::uint32_t", "std::uint64_t",
                                                      "std::int8_t",  "std::int16_t",  "std::int32_t",  "std::int64_t",
                                                      "float",        "double",        "bool"};
  return names.at(static_cast<std::size_t>(scalar));
}

std::string cpp_element_type(const schema::Type& type) {
  if (type.kind == Kind::text) return "ringmail::Text<" + std::to_string(type.length) + ">";
  return type.name.empty() ? std::string(cpp_scalar(type.kind)) : std::string(short_name(type.name));
}

std::string cpp_field_type(const schema::Field& field, Ownership ownership) {
  const bool owns = ownership == Ownership::owned;
  std::string type;
  if (field.is_list || field.type.kind == Kind::bytes) {
    std::string element = field.type.kind == Kind::bytes ? "std::byte" : cpp_element_type(field.type);
    if (field.type.kind == Kind::boolean) element = "ringmail::Bool";
    type = owns ? "std::vector<" + element + ">" : "std::span<const " + element + ">";
  } else if (field.is_variable()) {
    type = owns ? "std::string" : "std::string_view";
  } else {
    type = cpp_element_type(field.type);
  }
  if (field.count != 0) return "std::array<" + type + ", " + std::to_string(field.count) + ">";
  return field.is_optional ? "ringmail::Optional<" + type + ">" : type;
}

std::string cpp_preset(const schema::Field& field) {
  if (!field.preset) return "{}";
  switch (field.type.kind) {
    case Kind::text: return "{" + quoted(*field.preset) + "}";
    case Kind::enumeration:
      return "{" + std::string(short_name(field.type.name)) + "::" + cpp_identifier(*field.preset) + "}";
    case Kind::f32: return "{" + floating(*field.preset) + "f}";
    case Kind::f64: return "{" + floating(*field.preset) + "}";
    case Kind::i64:
      return *field.preset == "-9223372036854775808" ? "{-9223372036854775807 - 1}" : "{" + *field.preset + "}";
    case Kind::u64: return "{" + *field.preset + "u}";
    default: return "{" + *field.preset + "}";
  }
}

std::string cpp_number(Kind underlying, std::int64_t number) {
  if (underlying == Kind::u64 && number < 0) return schema::number_text(underlying, number) + "u";
  // The literal's digits alone would not fit the type that its minus sign is applied to.
  if (number == std::numeric_limits<std::int64_t>::min()) return "-9223372036854775807 - 1";
  return schema::number_text(underlying, number);
}

}  // namespace ringmail::tools

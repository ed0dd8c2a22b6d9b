#include "java_names.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "emit.hpp"

namespace ringmail::tools {
namespace {

using schema::Kind;

constexpr auto keywords = std::to_array<std::string_view>(
    {"abstract", "assert",    "boolean",   "break",  "byte",     "case",  "catch",      "char",         "class",
     "const",    "continue",  "default",   "do",     "double",   "else",  "enum",       "extends",      "false",
     "final",    "finally",   "float",     "for",    "goto",     "if",    "implements", "import",       "instanceof",
     "int",      "interface", "long",      "native", "new",      "null",  "package",    "private",      "protected",
     "public",   "return",    "short",     "static", "strictfp", "super", "switch",     "synchronized", "this",
     "throw",    "throws",    "transient", "true",   "try",      "void",  "volatile",   "while"});

constexpr auto methods = std::to_array<std::string_view>(
    {"buffer", "clone", "copy", "equals", "finalize", "getClass", "hashCode", "isValid", "notify", "notifyAll",
     "offset", "over", "payloadSize", "release", "set", "toString", "wait", "wrap", "writeTo"});

constexpr auto classes = std::to_array<std::string_view>(
    {"ByteBuffer", "ByteOrder", "CharSequence", "Character", "CompletableFuture", "Exception", "FunctionalInterface",
     "IllegalArgumentException", "IllegalStateException", "IntFunction", "Integer", "Long", "Object", "Objects",
     "Override", "StandardCharsets", "String", "StringBuilder"});

// Of messages that have no fixed size.
constexpr auto more_classes =
    std::to_array<std::string_view>({"Arrays", "DoubleBuffer", "FloatBuffer", "IntBuffer", "Lengths", "LongBuffer",
                                     "Math", "NoSuchElementException", "ShortBuffer"});

bool contains(const auto& list, std::string_view word) { return std::ranges::find(list, word) != list.end(); }

}  // namespace

std::string java_identifier(std::string_view name) {
  return std::string(name) + (contains(keywords, name) || contains(methods, name) ? "_" : "");
}

std::string java_type_name(std::string_view qualified_name) {
  const std::string_view name = short_name(qualified_name);
  return std::string(name) + (contains(classes, name) || contains(more_classes, name) ? "_" : "");
}

std::string java_package(std::string_view name) {
  std::string result;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t dot = std::min(name.find('.', start), name.size());
    const std::string_view part = name.substr(start, dot - start);
    if (start != 0) result += '.';
    result.append(part).append(contains(keywords, part) ? "_" : "");
    start = dot + 1;
  }
  return result;
}

std::string java_outer_class(std::string_view file_name, const schema::Schema& schema) {
  std::string name;
  bool upper = true;
  for (const char c : file_name.substr(0, file_name.rfind(".mail"))) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_word = byte < 0x80 && std::isalnum(byte) != 0;
    if (is_word && name.empty() && std::isdigit(byte) != 0) name += "Mail";
    if (is_word) name += upper ? static_cast<char>(std::toupper(byte)) : c;
    upper = !is_word;
  }
  if (name.empty()) name = "Mail";
  const auto is_declared = [&name](const auto& declaration) { return java_type_name(declaration.name) == name; };
  const auto is_taken = [&] {
    return contains(classes, name) || contains(more_classes, name) || std::ranges::any_of(schema.enums, is_declared) ||
           std::ranges::any_of(schema.messages, is_declared) || std::ranges::any_of(schema.protocols, is_declared);
  };
  while (is_taken()) name += '_';
  return name;
}

std::string_view java_number_type(Kind scalar) {
  switch (scalar) {
    case Kind::u32:
    case Kind::u64:
    case Kind::i64: return "long";
    case Kind::f32: return "float";
    case Kind::f64: return "double";
    case Kind::boolean: return "boolean";
    default: return "int";
  }
}

bool java_is_long(Kind scalar) { return java_number_type(scalar) == "long"; }

std::string java_number(Kind underlying, std::int64_t number) {
  if (underlying != Kind::u64 || number >= 0)
    return schema::number_text(underlying, number) + (java_is_long(underlying) ? "L" : "");
  std::string digits;
  for (int shift = 60; shift >= 0; shift -= 4)
    digits += "0123456789abcdef"[static_cast<std::uint64_t>(number) >> shift & 15];
  return "0x" + digits + "L";
}

}  // namespace ringmail::tools

#include "go_names.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace ringmail::tools {
namespace {

// The keywords of Go, and the package that is a program.
constexpr auto taken_words = std::to_array<std::string_view>(
    {"break",   "case",  "chan",   "const",  "continue", "default", "defer", "else",      "fallthrough",
     "for",     "func",  "go",     "goto",   "if",       "import",  "main",  "interface", "map",
     "package", "range", "return", "select", "struct",   "switch",  "type",  "var"});

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

}  // namespace

std::string go_exported(std::string_view name) {
  std::string result;
  bool starts_part = true;
  for (const char c : name) {
    if (c != '_') result += starts_part ? upper(c) : c;
    starts_part = c == '_';
  }
  return result;
}

std::string go_package(std::string_view name_space) {
  const std::string last(name_space.substr(name_space.rfind('.') + 1));
  return std::ranges::find(taken_words, last) != taken_words.end() ? last + "_" : last;
}

std::string_view go_scalar(schema::Kind scalar) {
  constexpr std::array<std::string_view, 11> names = {"uint8", "uint16", "uint32",  "uint64",  "int8", "int16",
                                                      "int32", "int64",  "float32", "float64", "bool"};
  return names.at(static_cast<std::size_t>(scalar));
}

std::string GoNames::claim(std::string name) {
  while (!taken_.insert(name).second) name += '_';
  return name;
}

std::string GoNames::claim_field(const schema::Field& field) {
  std::string name = go_exported(field.name);
  const auto all = [&] {
    std::vector<std::string> methods = {name, "Set" + name};
    if (field.is_list) methods.push_back(name + "Len");
    if (field.is_variable() && !field.is_list && field.type.kind == schema::Kind::text)
      methods.push_back(name + "Bytes");
    if (field.is_optional) methods.push_back(field.is_variable() ? "Set" + name + "Present" : "Clear" + name);
    return methods;
  };
  while (std::ranges::any_of(all(), [&](const std::string& each) { return taken_.contains(each); })) name += '_';
  for (std::string& each : all()) taken_.insert(std::move(each));
  return name;
}

}  // namespace ringmail::tools

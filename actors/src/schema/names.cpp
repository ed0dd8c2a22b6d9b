#include <algorithm>
#include <array>

#include "builder.hpp"

namespace ringmail::schema {
namespace {

// Generated C++ stands inside the namespace and must still find these two.
constexpr std::array<std::string_view, 2> reserved_namespaces = {"ringmail", "std"};

// Capitalised keywords of some language, and macros of C.
constexpr std::array<std::string_view, 6> reserved_types = {"EOF", "False", "NULL", "None", "Self", "True"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

}  // namespace

std::optional<std::string> find_name_fault(NameRole role, std::string_view name) {
  const std::string quoted = "'" + std::string(name.substr(0, max_name_bytes)) + "'";
  if (name.size() > max_name_bytes) {
    return "the name " + quoted + "... is longer than " + std::to_string(max_name_bytes) + " bytes";
  }
  if (name.find('.') != std::string_view::npos) return "the name " + quoted + " must not hold a dot";
  const char first = name.empty() ? '\0' : name.front();
  if (role == NameRole::type && !is_upper(first)) {
    return "the name " + quoted + " must start with an upper-case letter";
  }
  if ((role == NameRole::field || role == NameRole::name_space) && !is_lower(first)) {
    return "the name " + quoted + " must start with a lower-case letter";
  }
  if (!is_upper(first) && !is_lower(first)) return "the name " + quoted + " must start with a letter";
  // A trailing underscore is how generated code escapes keywords; a double one is reserved in C++.
  if (name.ends_with('_') || name.find("__") != std::string_view::npos) {
    return "the name " + quoted + " must not end with an underscore or hold two in a row";
  }
  if (name.starts_with("ringmail_") || (role == NameRole::name_space && contains(reserved_namespaces, name)) ||
      (role == NameRole::type && contains(reserved_types, name))) {
    return "the name " + quoted + " is reserved";
  }
  return std::nullopt;
}

std::optional<std::string> find_namespace_fault(std::string_view name) {
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t dot = std::min(name.find('.', start), name.size());
    if (auto fault = find_name_fault(NameRole::name_space, name.substr(start, dot - start))) return fault;
    start = dot + 1;
  }
  return std::nullopt;
}

}  // namespace ringmail::schema

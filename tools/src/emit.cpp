#include "emit.hpp"

#include <algorithm>

namespace ringmail::tools {

std::string hex_id(std::uint32_t id) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "0x00000000";
  for (std::size_t i = text.size() - 1; i >= 2; --i, id >>= 4) text[i] = digits[id & 15];
  return text;
}

std::string_view namespace_of(const schema::Schema& schema) {
  if (!schema.messages.empty()) return namespace_of(schema.messages.front().name);
  if (!schema.enums.empty()) return namespace_of(schema.enums.front().name);
  return namespace_of(schema.protocols.front().name);
}

std::string_view namespace_of(std::string_view qualified_name) {
  return qualified_name.substr(0, qualified_name.rfind('.'));
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string_view short_name(std::string_view qualified_name) {
  return qualified_name.substr(qualified_name.rfind('.') + 1);
}

bool has_presets(const schema::Schema& schema, const schema::Message& message) {
  return std::ranges::any_of(message.fields, [&](const schema::Field& field) {
    if (field.type.kind != schema::Kind::message) return field.preset.has_value();
    return !field.is_optional && !field.is_list && has_presets(schema, *schema.find_message(field.type.name));
  });
}

bool is_constrained(const schema::Schema& schema, const schema::Field& field) {
  using schema::Kind;
  if (field.is_optional || field.is_variable()) return true;
  if (field.type.kind == Kind::boolean || field.type.kind == Kind::enumeration) return true;
  return field.type.kind == Kind::message && is_constrained(schema, *schema.find_message(field.type.name));
}

bool is_constrained(const schema::Schema& schema, const schema::Message& message) {
  return std::ranges::any_of(message.fields, [&](const schema::Field& field) { return is_constrained(schema, field); });
}

}  // namespace ringmail::tools

#include "rust_fields.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <vector>

#include "emit.hpp"
#include "rust_names.hpp"

namespace ringmail::tools {
namespace {

using schema::Enum;
using schema::Field;
using schema::Kind;
using schema::Schema;

std::string option_of(const std::string& type) { return "::core::option::Option<" + type + ">"; }

std::string element_in(const Field& field, std::string_view module) {
  return (field.type.name.empty() ? "" : std::string(module)) + rust_element_type(field.type);
}

bool is_bytes(const Field& field) { return field.type.kind == Kind::bytes; }

/// The value that a new message has: the one of 0 or, where there is none, the first.
const schema::EnumValue& new_value(const Enum& declaration, const Field& field) {
  const auto& values = declaration.values;
  const auto found = field.preset ? std::ranges::find(values, *field.preset, &schema::EnumValue::name)
                                  : std::ranges::find(values, 0, &schema::EnumValue::number);
  return found == values.end() ? values.front() : *found;
}

/// A value of the field's type as an expression, if the type is no message.
std::string literal(const Schema& schema, const Field& field, std::string_view module) {
  switch (field.type.kind) {
    case Kind::text: return quoted(field.preset.value_or("")) + ".into()";
    case Kind::boolean: return field.preset.value_or("false");
    case Kind::enumeration: {
      const Enum& declaration = *schema.find_enum(field.type.name);
      const auto index = static_cast<std::size_t>(&new_value(declaration, field) - declaration.values.data());
      return element_in(field, module) + "::" + rust_variants(declaration)[index];
    }
    case Kind::f32:
    case Kind::f64: {
      const std::string number = field.preset.value_or("0");
      return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
    }
    default: return field.preset.value_or("0");
  }
}

template <class Number>
void append_number(std::vector<std::uint8_t>& bytes, std::uint32_t size, Number number) {
  for (std::uint32_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

template <class Number>
Number parsed(const Field& field) {
  Number number{};
  const std::string text = field.preset.value_or("0");
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void append_new(std::vector<std::uint8_t>& bytes, const Schema& schema, const Field& field);

void append_element(std::vector<std::uint8_t>& bytes, const Schema& schema, const Field& field) {
  const std::uint32_t size = field.type.size;
  switch (field.type.kind) {
    case Kind::message: {
      const std::size_t start = bytes.size();
      for (const Field& inner : schema.find_message(field.type.name)->fields) {
        bytes.resize(start + inner.offset);
        append_new(bytes, schema, inner);
      }
      return bytes.resize(start + size);
    }
    case Kind::enumeration:
      return append_number(bytes, size, new_value(*schema.find_enum(field.type.name), field).number);
    case Kind::f32: return append_number(bytes, size, std::bit_cast<std::uint32_t>(parsed<float>(field)));
    case Kind::f64: return append_number(bytes, size, std::bit_cast<std::uint64_t>(parsed<double>(field)));
    case Kind::u64: return append_number(bytes, size, parsed<std::uint64_t>(field));
    case Kind::boolean: return bytes.push_back(field.preset == "true" ? 1 : 0);
    case Kind::text: {
      const std::string text = field.preset.value_or("");
      bytes.insert(bytes.end(), text.begin(), text.end());
      return bytes.resize(bytes.size() + size - text.size());
    }
    default: return append_number(bytes, size, parsed<std::int64_t>(field));
  }
}

/// The bytes of a field of a new message.
void append_new(std::vector<std::uint8_t>& bytes, const Schema& schema, const Field& field) {
  if (field.is_optional) return bytes.resize(bytes.size() + field.size);
  for (std::uint32_t i = 0; i < std::max(1u, field.count); ++i) append_element(bytes, schema, field);
}

/// "&[0; 32]", or all of them.
std::string new_bytes(const Schema& schema, const Field& field) {
  std::vector<std::uint8_t> bytes;
  append_new(bytes, schema, field);
  if (std::ranges::count(bytes, 0) == static_cast<std::ptrdiff_t>(bytes.size())) {
    return "&[0; " + std::to_string(bytes.size()) + "]";
  }
  std::string list;
  for (const std::uint8_t byte : bytes) list.append(list.empty() ? "" : ", ").append(std::to_string(byte));
  return "&[" + list + "]";
}

}  // namespace

std::string rust_range(const Field& field) {
  return std::to_string(field.offset) + ".." + std::to_string(field.offset + field.size);
}

std::string rust_path(const Field& field, std::string_view module) {
  const std::string element = element_in(field, module);
  if (field.is_variable()) return rust_content_type(field, element);
  if (field.is_optional) return "<" + option_of(element) + ">";
  if (field.count != 0) return "<[" + element + "; " + std::to_string(field.count) + "]>";
  return field.type.kind == Kind::text ? "<" + element + ">" : element;
}

std::string rust_view_type(const Field& field) {
  const std::string element = element_in(field, "super::");
  std::string type = element;
  if (is_bytes(field)) {
    type = "&'a [u8]";
  } else if (field.is_list || field.count != 0) {
    type = "::ringmail::Array<'a, " + element + ">";
  } else if (field.type.kind == Kind::text) {
    type = "::ringmail::TextView<'a>";
  } else if (field.type.kind == Kind::message) {
    type = rust_element_type(field.type) + "<'a>";
  }
  return field.is_optional ? option_of(type) : type;
}

std::string rust_view(const Schema& schema, const Field& field, std::string_view bytes) {
  const std::string path = rust_path(field, "super::");
  const std::string range = rust_range(field);
  if (field.is_variable()) {
    const std::string as_bytes = field.is_optional ? ".map(|bytes| bytes.as_bytes())" : ".as_bytes()";
    return "self.0.view" + std::string(field.is_optional ? "_if_any" : "") + "::<" + path + ">(" +
           std::to_string(field.offset) + ")" + (is_bytes(field) ? as_bytes : "");
  }
  if (!field.is_appended) return path + "::view(&" + std::string(bytes) + "[" + range + "])";
  const std::string sent = std::string(bytes) + ".get(" + range + ")";
  if (field.is_optional) return sent + ".and_then(" + path + "::view)";
  if (field.count != 0 || field.type.kind == Kind::message) {
    return path + "::view(" + sent + ".unwrap_or(" + new_bytes(schema, field) + "))";
  }
  return sent + ".map_or(" + literal(schema, field, "super::") + ", " + path + "::view)";
}

std::string rust_edit_type(const Field& field) {
  const std::string element = element_in(field, "super::");
  if (field.is_variable()) {
    const std::string type = field.is_list ? "::ringmail::ArrayMut<'_, " + element + ">" : "&mut [u8]";
    return field.is_optional ? option_of(type) : type;
  }
  if (field.is_optional) return "::ringmail::Slot<'_, " + option_of(element) + ">";
  if (field.count != 0) return "::ringmail::ArrayMut<'_, " + element + ">";
  return field.type.kind == Kind::message ? rust_element_type(field.type) + "<'_>"
                                          : "::ringmail::Slot<'_, " + element + ">";
}

std::string rust_edit(const Field& field, std::string_view bytes) {
  const std::string path = rust_path(field, "super::");
  if (!field.is_variable()) return path + "::edit(&mut " + std::string(bytes) + "[" + rust_range(field) + "])";
  const std::string into_bytes = field.is_optional ? ".map(|bytes| bytes.into_bytes())" : ".into_bytes()";
  return "self.0.edit" + std::string(field.is_optional ? "_if_any" : "") + "::<" + path + ">(" +
         std::to_string(field.offset) + ")" + (is_bytes(field) ? into_bytes : "");
}

std::string rust_default(const Schema& schema, const Field& field) {
  constexpr std::string_view of_type = "::core::default::Default::default()";
  // The standard library has no Default for longer arrays.
  if (field.count != 0) return "[" + std::string(of_type) + "; " + std::to_string(field.count) + "]";
  return field.preset ? literal(schema, field, "") : std::string(of_type);
}

}  // namespace ringmail::tools

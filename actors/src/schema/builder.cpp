#include "builder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <unordered_set>
#include <utility>

#include "kinds.hpp"

namespace ringmail::schema {
namespace {

std::optional<Problem> problem(Position position, std::string text) {
  return Problem{.position = position, .text = std::move(text)};
}

std::string too_large(std::string_view what) {
  return std::string(what) + " is larger than the largest message, " + std::to_string(max_message_bytes) + " bytes";
}

bool fits(Kind underlying, bool negative, std::uint64_t magnitude) {
  const unsigned bits = 8 * kind_size(underlying);
  if (is_signed(underlying)) {
    const std::uint64_t limit = std::uint64_t{1} << (bits - 1);
    return negative ? magnitude <= limit : magnitude < limit;
  }
  if (negative) return magnitude == 0;
  return bits == 64 || magnitude < (std::uint64_t{1} << bits);
}

std::string value_key(const std::string& enumeration, const std::string& value) { return enumeration + " " + value; }

constexpr std::uint32_t reference_align = 4;

std::uint64_t round_up(std::uint64_t bytes, std::uint32_t align) { return (bytes + align - 1) / align * align; }

/// The shortest text of the same value, or nothing if it does not fit.
template <class Number>
std::optional<std::string> canonical(std::string_view text) {
  if (text.ends_with('.') || text.find(".e") != std::string_view::npos) return std::nullopt;
  Number number{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  std::array<char, 32> shortest;
  return std::string(shortest.data(), std::to_chars(shortest.data(), shortest.data() + shortest.size(), number).ptr);
}

std::optional<std::string> canonical_number(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::u8: return canonical<std::uint8_t>(text);
    case Kind::u16: return canonical<std::uint16_t>(text);
    case Kind::u32: return canonical<std::uint32_t>(text);
    case Kind::u64: return canonical<std::uint64_t>(text);
    case Kind::i8: return canonical<std::int8_t>(text);
    case Kind::i16: return canonical<std::int16_t>(text);
    case Kind::i32: return canonical<std::int32_t>(text);
    case Kind::i64: return canonical<std::int64_t>(text);
    case Kind::f32: return canonical<float>(text);
    case Kind::f64: return canonical<double>(text);
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<Problem> Builder::declare(Position position, const std::string& name, Known known) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) return problem(position, "the name '" + name + "' has no namespace");
  if (name.size() > max_qualified_bytes) {
    return problem(position, "a qualified name is longer than " + std::to_string(max_qualified_bytes) + " bytes");
  }
  if (auto fault = find_namespace_fault(std::string_view(name).substr(0, dot))) return problem(position, *fault);
  if (auto fault = find_name_fault(NameRole::type, std::string_view(name).substr(dot + 1))) {
    return problem(position, *fault);
  }
  known.line = position.line;
  const auto [entry, is_new] = known_.try_emplace(name, std::move(known));
  if (is_new) return std::nullopt;
  return problem(position, name + " is already declared on line " + std::to_string(entry->second.line));
}

std::optional<Problem> Builder::resolve(const TypeReference& reference, Known& found) const {
  const std::string& name = reference.name;
  if (name == "text" && reference.length) {
    if (*reference.length > max_message_bytes) return problem(reference.position, too_large("the text"));
    const auto length = static_cast<std::uint32_t>(*reference.length);
    found = Known{.type = {.kind = Kind::text, .name = {}, .length = length, .size = length}};
    return std::nullopt;
  }
  if (name == "text" || name == "bytes") {
    const Kind kind = name == "text" ? Kind::text : Kind::bytes;
    found = Known{.type = {.kind = kind, .name = {}, .size = Field::reference_bytes, .align = reference_align}};
    found.is_variable = true;
    return std::nullopt;
  }
  if (const auto kind = find_scalar(name)) {
    const std::uint32_t size = kind_size(*kind);
    found = Known{.type = {.kind = *kind, .name = {}, .size = size, .align = size}};
    return std::nullopt;
  }
  const auto entry = known_.find(name);
  if (entry == known_.end()) return problem(reference.position, "unknown type " + name.substr(0, max_qualified_bytes));
  if (entry->second.is_protocol) return problem(reference.position, name + " is a protocol, not a type");
  found = entry->second;
  if (found.type.kind != Kind::message) return std::nullopt;
  if (found.is_variable) {
    return problem(reference.position,
                   name + " has content of variable length, and cannot be a part of another message");
  }
  // In C++ such a member takes a byte, in other languages none.
  if (found.type.size == 0)
    return problem(reference.position, name + " is empty, and an empty message cannot be a field");
  return std::nullopt;
}

std::optional<Problem> Builder::add(const EnumDeclaration& declaration) {
  const auto kind = find_scalar(declaration.underlying.name);
  const TypeReference& underlying = declaration.underlying;
  if (!kind || !is_integer(*kind) || underlying.count || underlying.is_list || underlying.is_optional) {
    return problem(declaration.underlying.position, "an enum is one of u8, u16, u32, u64, i8, i16, i32 and i64");
  }
  if (declaration.values.empty()) return problem(declaration.position, "enum " + declaration.name + " has no values");

  Enum result{.name = declaration.name, .underlying = *kind, .values = {}};
  std::unordered_set<std::string_view> names;
  std::unordered_map<std::int64_t, std::string_view> numbers;
  for (const ValueDeclaration& value : declaration.values) {
    if (auto fault = find_name_fault(NameRole::value, value.name)) return problem(value.position, *fault);
    if (!names.insert(value.name).second) {
      return problem(value.position, "value " + value.name + " is declared twice in enum " + declaration.name);
    }
    if (!fits(*kind, value.negative, value.magnitude)) {
      return problem(value.number_position, (value.negative ? "-" : "") + std::to_string(value.magnitude) +
                                                " does not fit " + std::string(kind_name(*kind)));
    }
    const auto number = static_cast<std::int64_t>(value.negative ? 0 - value.magnitude : value.magnitude);
    const auto [taken, is_new] = numbers.try_emplace(number, value.name);
    if (!is_new) {
      return problem(value.number_position,
                     number_text(*kind, number) + " is already the number of value " + std::string(taken->second));
    }
    result.values.push_back({.name = value.name, .number = number});
    values_.insert(value_key(declaration.name, value.name));
  }
  const std::uint32_t size = kind_size(*kind);
  Known known{.type = {.kind = Kind::enumeration, .name = declaration.name, .size = size, .align = size}};
  if (auto fault = declare(declaration.position, declaration.name, std::move(known))) return fault;
  schema_.enums.push_back(std::move(result));
  return std::nullopt;
}

std::optional<Problem> Builder::lay_out(const FieldDeclaration& declaration,
                                        Message& message,
                                        std::uint64_t& end) const {
  Known known;
  const TypeReference& reference = declaration.type;
  if (auto fault = resolve(reference, known)) return fault;
  Field field;
  field.name = declaration.name;
  field.type = known.type;
  field.is_list = reference.is_list;
  field.is_optional = reference.is_optional;
  field.is_appended = declaration.is_appended;
  if (field.is_list && known.is_variable) {
    return problem(reference.position, "the elements of a list have a fixed size: " + reference.name + " has none");
  }
  if (reference.count && known.is_variable) {
    return problem(reference.position, "the elements of an array have a fixed size: " + reference.name + " has none");
  }
  // Bounded before it is multiplied, so that nothing here can overflow.
  const std::uint64_t count = reference.count.value_or(1);
  if (count > max_message_bytes) return problem(reference.position, too_large("the array"));
  if (reference.count) field.count = static_cast<std::uint32_t>(count);

  std::uint32_t align = field.is_list ? reference_align : field.type.align;
  std::uint64_t size = field.is_list ? Field::reference_bytes : count * field.type.size;
  if (field.is_optional) size = round_up(size + 1, align);
  if (field.is_appended) {
    end = round_up(end, message.align);
    message.earlier_sizes.push_back(static_cast<std::uint32_t>(end));
  } else if (!message.earlier_sizes.empty()) {
    return problem(declaration.position,
                   "field " + field.name + " stands behind an appended one, and is not appended: + " + field.name);
  }
  if (field.is_variable() && !message.is_variable()) {
    end = round_up(end, reference_align);
    message.fixed_size_at = static_cast<std::uint32_t>(end);
    end += sizeof(std::uint32_t);
  }
  const std::uint64_t offset = round_up(end, align);
  end = offset + size;
  if (end > max_message_bytes) {
    return problem(declaration.position, too_large("message " + message.name + " up to field " + field.name));
  }
  field.offset = static_cast<std::uint32_t>(offset);
  field.size = static_cast<std::uint32_t>(size);
  message.align = std::max(message.align, align);
  if (declaration.preset) {
    if (auto fault = set_preset(*declaration.preset, field)) return fault;
  }
  message.fields.push_back(std::move(field));
  return std::nullopt;
}

std::optional<Problem> Builder::set_preset(const Literal& literal, Field& field) const {
  const auto refuse = [&](std::string text) { return problem(literal.position, std::move(text)); };
  const Kind kind = field.type.kind;
  if (field.count != 0 || field.is_optional || field.is_variable() || kind == Kind::message) {
    return refuse("a field of type " + field_type_text(field) + " has no default of its own");
  }
  if (kind == Kind::text) {
    if (literal.kind != Literal::Kind::string) return refuse("the default of a text is a string: \"abc\"");
    if (literal.text.size() > field.type.length) return refuse("the default does not fit " + to_text(field.type));
    field.preset = literal.text;
    return std::nullopt;
  }
  if (kind == Kind::enumeration) {
    const bool is_value =
        literal.kind == Literal::Kind::word && values_.contains(value_key(field.type.name, literal.text));
    if (!is_value) return refuse("the default of a field of type " + field.type.name + " is one of its values");
    field.preset = literal.text;
    return std::nullopt;
  }
  if (kind == Kind::boolean) {
    const bool is_bool = literal.kind == Literal::Kind::word && (literal.text == "true" || literal.text == "false");
    if (!is_bool) return refuse("the default of a bool is true or false");
    field.preset = literal.text;
    return std::nullopt;
  }
  if (literal.kind != Literal::Kind::number)
    return refuse("the default of a field of type " + to_text(field.type) + " is a number");
  field.preset = canonical_number(kind, literal.text);
  if (!field.preset) return refuse(literal.text.substr(0, max_name_bytes) + " does not fit " + to_text(field.type));
  return std::nullopt;
}

std::optional<Problem> Builder::add(const MessageDeclaration& declaration) {
  Message result;
  result.name = declaration.name;
  result.id = type_id(declaration.name);
  std::unordered_set<std::string_view> names;
  std::uint64_t end = 0;
  std::size_t depth = 1;
  for (const FieldDeclaration& field : declaration.fields) {
    if (auto fault = find_name_fault(NameRole::field, field.name)) return problem(field.position, *fault);
    if (!names.insert(field.name).second) {
      return problem(field.position, "field " + field.name + " is declared twice in message " + declaration.name);
    }
    if (auto fault = lay_out(field, result, end)) return fault;
    if (const auto contained = known_.find(field.type.name); contained != known_.end()) {
      depth = std::max(depth, contained->second.depth + 1);
    }
    if (depth > max_nesting) {
      return problem(field.type.position, "messages nest deeper than " + std::to_string(max_nesting));
    }
  }
  result.size = static_cast<std::uint32_t>(round_up(end, result.align));

  Known known{.type = {.kind = Kind::message, .name = declaration.name, .size = result.size, .align = result.align},
              .depth = depth,
              .is_variable = result.is_variable()};
  if (auto fault = declare(declaration.position, declaration.name, std::move(known))) return fault;
  if (result.id == 0) {
    return problem(declaration.position,
                   "the id of message " + declaration.name + " is 0, which is reserved: rename it");
  }
  const auto [taken, is_new] = ids_.try_emplace(result.id, declaration.name);
  if (!is_new) {
    return problem(declaration.position,
                   "message " + declaration.name + " has the same id as " + taken->second + ": rename one of them");
  }
  schema_.messages.push_back(std::move(result));
  return std::nullopt;
}

std::optional<Problem> Builder::require_message(Position position, const std::string& name) const {
  const auto entry = known_.find(name);
  if (entry == known_.end()) return problem(position, "unknown message " + name.substr(0, max_qualified_bytes));
  if (entry->second.is_protocol || entry->second.type.kind != Kind::message) {
    return problem(position, name + " is not a message");
  }
  return std::nullopt;
}

std::optional<Problem> Builder::add(const ProtocolDeclaration& declaration) {
  Protocol result{.name = declaration.name, .accepts = {}};
  std::unordered_set<std::string_view> names;
  for (const AcceptDeclaration& accept : declaration.accepts) {
    if (auto fault = require_message(accept.position, accept.message)) return fault;
    if (!names.insert(accept.message).second) {
      return problem(accept.position, "protocol " + declaration.name + " accepts " + accept.message + " twice");
    }
    if (!accept.reply.empty()) {
      if (auto fault = require_message(accept.reply_position, accept.reply)) return fault;
    }
    result.accepts.push_back({.message = accept.message, .reply = accept.reply});
  }
  Known known;
  known.is_protocol = true;
  if (auto fault = declare(declaration.position, declaration.name, std::move(known))) return fault;
  schema_.protocols.push_back(std::move(result));
  return std::nullopt;
}

}  // namespace ringmail::schema

#include "builder.hpp"

#include <algorithm>
#include <array>
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
  if (name == "text") {
    if (!reference.length) {
      return problem(reference.position, "text of variable length is not supported yet: use text<N>");
    }
    if (*reference.length > max_message_bytes) return problem(reference.position, too_large("the text"));
    const auto length = static_cast<std::uint32_t>(*reference.length);
    found = Known{.type = {.kind = Kind::text, .name = {}, .length = length}, .size = length};
    return std::nullopt;
  }
  if (name == "bytes") return problem(reference.position, "bytes is not supported yet: use a fixed array, u8[N]");
  if (name == "list") return problem(reference.position, "list<T> is not supported yet: use a fixed array, T[N]");
  if (const auto kind = find_scalar(name)) {
    const std::uint32_t size = kind_size(*kind);
    found = Known{.type = {.kind = *kind, .name = {}, .length = 0}, .size = size, .align = size};
    return std::nullopt;
  }
  const auto entry = known_.find(name);
  if (entry == known_.end()) return problem(reference.position, "unknown type " + name.substr(0, max_qualified_bytes));
  if (entry->second.is_protocol) return problem(reference.position, name + " is a protocol, not a type");
  found = entry->second;
  return std::nullopt;
}

std::optional<Problem> Builder::add(const EnumDeclaration& declaration) {
  const auto kind = find_scalar(declaration.underlying.name);
  if (!kind || !is_integer(*kind) || declaration.underlying.count) {
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
  }
  const std::uint32_t size = kind_size(*kind);
  Known known{.type = {.kind = Kind::enumeration, .name = declaration.name, .length = 0}, .size = size, .align = size};
  if (auto fault = declare(declaration.position, declaration.name, std::move(known))) return fault;
  schema_.enums.push_back(std::move(result));
  return std::nullopt;
}

std::optional<Problem> Builder::add(const MessageDeclaration& declaration) {
  Message result{.name = declaration.name, .fields = {}, .size = 0, .align = 1, .id = type_id(declaration.name)};
  std::unordered_set<std::string_view> names;
  std::uint64_t end = 0;
  std::size_t depth = 1;
  for (const FieldDeclaration& field : declaration.fields) {
    if (auto fault = find_name_fault(NameRole::field, field.name)) return problem(field.position, *fault);
    if (!names.insert(field.name).second) {
      return problem(field.position, "field " + field.name + " is declared twice in message " + declaration.name);
    }
    Known type;
    if (auto fault = resolve(field.type, type)) return fault;
    if (type.type.kind == Kind::message && type.size == 0) {
      // In C++ such a member takes a byte, in other languages none.
      return problem(field.type.position, type.type.name + " is empty, and an empty message cannot be a field");
    }
    depth = std::max(depth, type.depth + 1);
    if (depth > max_nesting) {
      return problem(field.type.position, "messages nest deeper than " + std::to_string(max_nesting));
    }
    // Bounded before it is multiplied, so that nothing here can overflow.
    const std::uint64_t count = field.type.count.value_or(1);
    if (count > max_message_bytes) return problem(field.type.position, too_large("the array"));
    const std::uint64_t offset = (end + type.align - 1) / type.align * type.align;
    end = offset + count * type.size;
    if (end > max_message_bytes) {
      return problem(field.position, too_large("message " + declaration.name + " up to field " + field.name));
    }
    result.align = std::max(result.align, type.align);
    result.fields.push_back({.name = field.name,
                             .type = type.type,
                             .count = field.type.count ? static_cast<std::uint32_t>(count) : 0,
                             .offset = static_cast<std::uint32_t>(offset),
                             .size = static_cast<std::uint32_t>(count * type.size)});
  }
  result.size = static_cast<std::uint32_t>((end + result.align - 1) / result.align * result.align);

  Known known{.type = {.kind = Kind::message, .name = declaration.name, .length = 0},
              .size = result.size,
              .align = result.align,
              .depth = depth};
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

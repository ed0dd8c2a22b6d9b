#pragma once

// Checks declarations and lays messages out: the one place that knows which schemas are good, for files and peers
// alike.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "declarations.hpp"
#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {

enum class NameRole : std::uint8_t { name_space, type, field, value };

// Why the identifier cannot be used, or nothing. A namespace is checked part by part.
[[nodiscard]] std::optional<std::string> find_name_fault(NameRole role, std::string_view name);
[[nodiscard]] std::optional<std::string> find_namespace_fault(std::string_view name);

class Builder {
 public:
  // Types first: what a message or protocol names must have been added before. A problem leaves the builder unusable.
  [[nodiscard]] std::optional<Problem> add(const EnumDeclaration& declaration);
  [[nodiscard]] std::optional<Problem> add(const MessageDeclaration& declaration);
  [[nodiscard]] std::optional<Problem> add(const ProtocolDeclaration& declaration);

  [[nodiscard]] Schema take() && { return std::move(schema_); }

 private:
  struct Known {
    Type type;
    std::size_t depth = 0;  // of nested messages
    std::uint32_t line = 0;
    bool is_protocol = false;
    bool is_variable = false;  // a text or bytes, or a message that has content of variable length
  };

  [[nodiscard]] std::optional<Problem> declare(Position position, const std::string& name, Known known);
  [[nodiscard]] std::optional<Problem> resolve(const TypeReference& reference, Known& found) const;
  [[nodiscard]] std::optional<Problem> lay_out(const FieldDeclaration& declaration,
                                               Message& message,
                                               std::uint64_t& end) const;
  [[nodiscard]] std::optional<Problem> set_preset(const Literal& literal, Field& field) const;
  [[nodiscard]] std::optional<Problem> require_message(Position position, const std::string& name) const;

  Schema schema_;
  std::unordered_map<std::string, Known> known_;
  std::unordered_map<std::uint32_t, std::string> ids_;
  std::unordered_set<std::string> values_;  // "market.Side ask"
};

}  // namespace ringmail::schema

#pragma once

#include <set>
#include <string>
#include <string_view>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// "symbol_code" as "SymbolCode".
[[nodiscard]] std::string go_exported(std::string_view name);

// The last part of a namespace as the name of a package: a keyword gets a trailing underscore.
[[nodiscard]] std::string go_package(std::string_view name_space);

// "uint64", "float32", "bool".
[[nodiscard]] std::string_view go_scalar(schema::Kind scalar);

// Names of one scope. One that is taken gets a trailing underscore, which no schema name has.
class GoNames {
 public:
  void reserve(std::string_view name) { taken_.emplace(name); }
  [[nodiscard]] std::string claim(std::string name);
  // As the name of a field, with the names of all its methods.
  [[nodiscard]] std::string claim_field(const schema::Field& field);

 private:
  std::set<std::string, std::less<>> taken_;
};

}  // namespace ringmail::tools

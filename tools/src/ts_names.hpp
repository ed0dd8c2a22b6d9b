#pragma once

#include <string>
#include <string_view>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// An enum, message or protocol as a name of the module: one that generated code itself uses gets a trailing underscore, which no
// schema name has.
[[nodiscard]] std::string ts_name(std::string_view qualified_name);
// A field as a member of a class.
[[nodiscard]] std::string ts_member(std::string_view name);

// "Uint8", as in DataView.getUint8 and Uint8Array; for numbers.
[[nodiscard]] std::string_view ts_number(schema::Kind number);
// "BigUint64Array"
[[nodiscard]] std::string ts_array(schema::Kind number);
// Of the values that it is read as: "bigint", "number", "boolean".
[[nodiscard]] std::string_view ts_scalar(schema::Kind scalar);
[[nodiscard]] bool is_bigint(schema::Kind scalar);

// A literal of that kind.
[[nodiscard]] std::string ts_literal(schema::Kind underlying, std::int64_t number);

}  // namespace ringmail::tools

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emit.hpp"
#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// A field, value or namespace as a C++ identifier: keywords and what headers define as macros get a trailing
// underscore, which no schema name has.
[[nodiscard]] std::string cpp_identifier(std::string_view name);

// "market.feed" as "market::feed".
[[nodiscard]] std::string cpp_namespace(std::string_view name);

// One element of a field: "std::uint64_t", "ringmail::Text<16>", "Leg".
[[nodiscard]] std::string cpp_element_type(const schema::Type& type);
// The whole field: "std::array<Leg, 4>", "ringmail::Optional<double>"; of variable length "std::vector<Leg>" or, borrowed,
// "std::span<const Leg>".
enum class Ownership : std::uint8_t { owned, borrowed };
[[nodiscard]] std::string cpp_field_type(const schema::Field& field, Ownership ownership = Ownership::owned);
// What it is initialised with: "{}", "{Side::ask}".
[[nodiscard]] std::string cpp_preset(const schema::Field& field);
[[nodiscard]] std::string_view cpp_scalar(schema::Kind scalar);

// A literal of an enum's value that no compiler warns about.
[[nodiscard]] std::string cpp_number(schema::Kind underlying, std::int64_t number);

}  // namespace ringmail::tools

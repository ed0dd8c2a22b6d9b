#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// A field as a Rust identifier: keywords are raw ones, and those that cannot be get a trailing underscore.
[[nodiscard]] std::string rust_identifier(std::string_view name);

// The values of an enum as its variants, `half_open` as `HalfOpen`; as they are written where two would be one.
[[nodiscard]] std::vector<std::string> rust_variants(const schema::Enum& declaration);

// The methods of a protocol's trait, one for each message that it accepts: `OrderBook` as `on_order_book`; as they are written
// where two would be one.
[[nodiscard]] std::vector<std::string> rust_methods(const schema::Protocol& protocol);

// One element of a field: "u64", "::ringmail::Text<16>", "Leg". Of bytes, a byte.
[[nodiscard]] std::string rust_element_type(const schema::Type& type);
// Content of variable length, of such elements: "::std::string::String", "::std::vec::Vec<Leg>".
[[nodiscard]] std::string rust_content_type(const schema::Field& field, const std::string& element);
// The whole field: "[Leg; 4]", "::core::option::Option<u64>".
[[nodiscard]] std::string rust_field_type(const schema::Field& field);
[[nodiscard]] std::string_view rust_scalar(schema::Kind scalar);

}  // namespace ringmail::tools

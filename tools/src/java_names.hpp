#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// No name of a schema ends in an underscore: so a name that is taken gets one, and generated code's own members have one.

// A field or a value of an enum: keywords, and what every message has a method for, get an underscore.
[[nodiscard]] std::string java_identifier(std::string_view name);

// An enum, message or protocol: names of classes that generated code uses get an underscore.
[[nodiscard]] std::string java_type_name(std::string_view qualified_name);

// "market.feed", with an underscore behind parts that are keywords.
[[nodiscard]] std::string java_package(std::string_view name);

// "order-book.mail" as "OrderBook"; with an underscore if the schema declares that name.
[[nodiscard]] std::string java_outer_class(std::string_view file_name, const schema::Schema& schema);

// What a number is read as, and the method that reads and writes it: "long" and "u32".
[[nodiscard]] std::string_view java_number_type(schema::Kind scalar);

// Whether the values of an enum are kept as a long.
[[nodiscard]] bool java_is_long(schema::Kind scalar);

// The number of an enum's value: "7", "0xffffffffffffffffL".
[[nodiscard]] std::string java_number(schema::Kind underlying, std::int64_t number);

}  // namespace ringmail::tools

#include "ts_names.hpp"

#include <algorithm>
#include <array>

#include "cpp_names.hpp"

namespace ringmail::tools {
namespace {

using schema::Kind;

// What the prelude and the classes name, and would mean another thing by in a module that declares it.
constexpr auto taken_names = std::to_array<std::string_view>(
    {"Array",          "ArrayBufferLike", "ArrayBufferView", "BigInt",       "BigInt64Array",
     "BigUint64Array", "DataView",        "Float32Array",    "Float64Array", "Int16Array",
     "Int32Array",     "Int8Array",       "Iterable",        "Math",         "Number",
     "Object",         "PromiseLike",     "RangeError",      "TextDecoder",  "TextEncoder",
     "Uint16Array",    "Uint32Array",     "Uint8Array"});

}  // namespace

std::string ts_name(std::string_view qualified_name) {
  const std::string_view name = short_name(qualified_name);
  const bool is_taken = std::ranges::find(taken_names, name) != taken_names.end();
  return std::string(name) + (is_taken ? "_" : "");
}

std::string ts_member(std::string_view name) { return std::string(name) + (name == "constructor" ? "_" : ""); }

std::string_view ts_number(Kind number) {
  constexpr std::array<std::string_view, 10> names = {"Uint8", "Uint16", "Uint32",   "BigUint64", "Int8",
                                                      "Int16", "Int32",  "BigInt64", "Float32",   "Float64"};
  return names.at(static_cast<std::size_t>(number));
}

std::string ts_array(Kind number) { return std::string(ts_number(number)) + "Array"; }

bool is_bigint(Kind scalar) { return scalar == Kind::u64 || scalar == Kind::i64; }

std::string_view ts_scalar(Kind scalar) {
  return scalar == Kind::boolean ? "boolean" : is_bigint(scalar) ? "bigint" : "number";
}

std::string ts_literal(Kind underlying, std::int64_t number) {
  return schema::number_text(underlying, number) + (is_bigint(underlying) ? "n" : "");
}

}  // namespace ringmail::tools

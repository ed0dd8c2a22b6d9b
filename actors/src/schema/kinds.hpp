#pragma once

// The scalar types: name, size (which is also their alignment) and class.

#include <cstdint>
#include <optional>
#include <string_view>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {

[[nodiscard]] std::optional<Kind> find_scalar(std::string_view name);
[[nodiscard]] std::uint32_t kind_size(Kind scalar);  // 0 for what is not a scalar
[[nodiscard]] bool is_signed(Kind kind);
[[nodiscard]] bool is_integer(Kind kind);

}  // namespace ringmail::schema

#pragma once

#include <string>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// One C++20 header for a schema that a .mail file gave. It needs the standard library and nothing else.
// `file_name` is named in its first line.
[[nodiscard]] std::string generate_cpp(const schema::Schema& schema, std::string_view file_name);

}  // namespace ringmail::tools

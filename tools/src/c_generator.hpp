#pragma once

#include <string>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// One header for a schema that a .mail file gave, for C11 and for C++11. It needs the standard library and nothing else.
// `file_name` is named in its first line.
[[nodiscard]] std::string generate_c(const schema::Schema& schema, std::string_view file_name);

}  // namespace ringmail::tools

#pragma once

#include <string>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// One module of Python 3.11 for a schema that a .mail file gave. It needs the standard library and nothing else.
// `file_name` is named in its first line.
[[nodiscard]] std::string generate_python(const schema::Schema& schema, std::string_view file_name);

}  // namespace ringmail::tools

#pragma once

#include <string>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// One Go file for a schema that a .mail file gave, as gofmt would leave it. It needs the standard library and nothing else.
// `file_name` is named in its first line.
[[nodiscard]] std::string generate_go(const schema::Schema& schema, std::string_view file_name);

}  // namespace ringmail::tools

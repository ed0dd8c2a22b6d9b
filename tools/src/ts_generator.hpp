#pragma once

#include <string>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// One TypeScript module for a schema that a .mail file gave. It imports nothing, and needs TypeScript 5.1 and a host of
// ECMAScript 2020. `file_name` is named in its first line.
[[nodiscard]] std::string generate_ts(const schema::Schema& schema, std::string_view file_name);

}  // namespace ringmail::tools

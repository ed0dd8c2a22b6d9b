#pragma once

#include <string>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// One Java 17 file for a schema that a .mail file gave: a final class that is named after the file and holds all that it
// declares, in a package that is named after the namespace. It needs the JDK and nothing else. `file_name` is named in its
// first line.
[[nodiscard]] std::string generate_java(const schema::Schema& schema, std::string_view file_name);

}  // namespace ringmail::tools

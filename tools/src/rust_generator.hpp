#pragma once

#include <string>
#include <string_view>

#include "ringmail/actors/schema.hpp"

namespace ringmail::tools {

// A Rust module for the messages of a `.mail` file. It stands on the crate `ringmail`, which gives the types of fields and the
// traits that are implemented; no code in it is unsafe.
[[nodiscard]] std::string generate_rust(const schema::Schema& schema, std::string_view file_name);

}  // namespace ringmail::tools

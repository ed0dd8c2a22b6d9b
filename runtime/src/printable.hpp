// Text of strangers, for a log and a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ringmail::runtime {

/// With control characters as \x1b, whatever alphabet they are of; UTF-8 stays. Cut after `most_bytes`, between two characters.
std::string printable(std::string_view text, std::size_t most_bytes);

/// No more than so many bytes, cut between two characters.
std::string_view cut(std::string_view text, std::size_t most_bytes);

}  // namespace ringmail::runtime

#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace ringmail::tools {

// Errors are one line that names the file and the cause.

[[nodiscard]] std::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                                std::size_t max_bytes);

// Replaces the file in one step, so that no reader sees half of it, and leaves it and its time alone if it already
// holds this content: what includes it is then not built anew.
[[nodiscard]] std::expected<void, std::string> write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace ringmail::tools

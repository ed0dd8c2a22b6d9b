// The small texts of /proc and /sys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringmail::doctor {

/// Without the end of its last line; empty where there is no such file, or it is not to be read.
std::string read_text(const std::filesystem::path& file);
std::vector<std::string> lines_of(std::string_view text);
std::vector<std::string> words_of(std::string_view text);

std::optional<std::int64_t> read_number(const std::filesystem::path& file);
std::optional<std::int64_t> to_number(std::string_view text);

/// What stands behind "<name>:" in a file of such lines, without the spaces around it.
std::string field_of(std::string_view text, std::string_view name);

/// "always [madvise] never": the one in brackets.
std::string chosen_of(std::string_view text);

}  // namespace ringmail::doctor

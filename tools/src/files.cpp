#include "files.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace ringmail::tools {
namespace {

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Closer>;

std::unexpected<std::string> failed(const std::filesystem::path& path, std::string_view verb, std::error_code code) {
  return std::unexpected(path.string() + ": error: cannot " + std::string(verb) + ": " + code.message());
}

std::error_code last_error() { return {errno, std::generic_category()}; }

bool write_all(const std::filesystem::path& path, std::string_view content) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return false;
  if (std::fwrite(content.data(), 1, content.size(), file.get()) != content.size()) return false;
  return std::fclose(file.release()) == 0;  // a full disk may show only here
}

}  // namespace

std::expected<std::string, std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) return failed(path, "read", last_error());
  std::string content(max_bytes + 1, '\0');
  const std::size_t length = std::fread(content.data(), 1, content.size(), file.get());
  if (std::ferror(file.get()) != 0) return failed(path, "read", last_error());
  if (length > max_bytes) {
    return std::unexpected(path.string() + ": error: larger than " + std::to_string(max_bytes) + " bytes");
  }
  content.resize(length);
  return content;
}

std::expected<void, std::string> write_file(const std::filesystem::path& path, std::string_view content) {
  const auto present = read_file(path, content.size());
  if (present && *present == content) return {};

  std::error_code code;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), code);
  if (code) return failed(path, "write", code);

  // Beside the target, for a rename works within one file system; with the process, for builds run in parallel.
  const std::filesystem::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  if (write_all(temporary, content)) {
    std::filesystem::rename(temporary, path, code);
  } else {
    code = last_error();
  }
  if (!code) return {};
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  return failed(path, "write", code);
}

}  // namespace ringmail::tools

#include "core_dump.hpp"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

namespace ringmail::runtime {
namespace {

/// As text in a pattern of glob(3).
std::string as_glob(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("*?[\\").contains(c)) out += '\\';
    out += c;
  }
  return out;
}

std::string first_line(const char* path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

std::string newest(const std::string& pattern) {
  glob_t found{};
  std::string best;
  std::time_t best_time = 0;
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      struct stat status{};
      if (::stat(found.gl_pathv[i], &status) != 0 || !S_ISREG(status.st_mode)) continue;
      if (best.empty() || status.st_mtime > best_time) {
        best = found.gl_pathv[i];
        best_time = status.st_mtime;
      }
    }
  }
  ::globfree(&found);
  return best;
}

}  // namespace

std::string find_core(const DumpedProcess& process, std::string_view pattern, bool adds_pid) {
  if (pattern.starts_with('|')) {
    const std::string program(pattern.substr(1, pattern.find(' ') - 1));
    if (program.ends_with("systemd-coredump")) return "coredumpctl info " + std::to_string(process.pid);
    return "handed to " + program;
  }
  std::string path;
  bool has_pid = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      path += as_glob(pattern.substr(i, 1));
      continue;
    }
    switch (pattern[++i]) {
      case '%': path += '%'; break;
      case 'p':
        path += std::to_string(process.pid);
        has_pid = true;
        break;
      case 's': path += std::to_string(process.signal); break;
      // What it had become in the meantime is not known here: its name, user, time, limits.
      default: path += '*';
    }
  }
  if (adds_pid && !has_pid) path += "." + std::to_string(process.pid);
  if (path.empty()) return {};
  if (!path.starts_with('/')) {
    std::error_code error;
    const auto directory =
        process.working_directory.empty() ? std::filesystem::current_path(error).string() : process.working_directory;
    path = as_glob(directory) + "/" + path;
  }
  return newest(path);
}

std::string find_core(const DumpedProcess& process) {
  return find_core(process, first_line("/proc/sys/kernel/core_pattern"),
                   first_line("/proc/sys/kernel/core_uses_pid") == "1");
}

}  // namespace ringmail::runtime

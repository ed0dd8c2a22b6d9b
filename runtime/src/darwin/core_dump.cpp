#include "core_dump.hpp"

#include <unistd.h>

namespace ringmail::runtime {

std::string find_core(const DumpedProcess& process, std::string_view, bool) { return find_core(process); }

std::string find_core(const DumpedProcess& process) {
  const std::string path = "/cores/core." + std::to_string(process.pid);
  return ::access(path.c_str(), F_OK) == 0 ? path : std::string();
}

}  // namespace ringmail::runtime

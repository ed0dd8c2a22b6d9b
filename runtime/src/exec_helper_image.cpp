#include "exec_helper_image.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>

extern "C" const unsigned char ringmail_exec_helper_begin[];
extern "C" const unsigned char ringmail_exec_helper_end[];

namespace ringmail::runtime {

bool write_exec_helper(int descriptor) {
  std::span<const unsigned char> bytes(ringmail_exec_helper_begin, ringmail_exec_helper_end);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace ringmail::runtime

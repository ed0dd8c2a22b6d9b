#pragma once

#include <fcntl.h>

#include <cstddef>

namespace ringmail::transport::test {

/// How many descriptors this process has open, to find out what leaks.
inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int number = 0; number < 1024; ++number) count += fcntl(number, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

}  // namespace ringmail::transport::test

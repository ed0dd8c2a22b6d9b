#pragma once

#include <chrono>
#include <string>

namespace ringmail::runtime {

/// For the log: "250 ms", "2 s", "2.5 s".
inline std::string text_of(std::chrono::nanoseconds duration) {
  const auto milliseconds = std::chrono::round<std::chrono::milliseconds>(duration).count();
  if (milliseconds < 1000) return std::to_string(milliseconds) + " ms";
  const auto tenths = milliseconds % 1000 / 100;
  return std::to_string(milliseconds / 1000) + (tenths != 0 ? "." + std::to_string(tenths) : std::string()) + " s";
}

}  // namespace ringmail::runtime

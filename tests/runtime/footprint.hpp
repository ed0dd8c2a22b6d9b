// What a process holds, to find out what it does not give back.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

#include "../transport/open_descriptors.hpp"

namespace ringmail::runtime::test {

struct Footprint {
  std::size_t descriptors = 0;
  std::size_t segments = 0;  ///< mapped shared memory of ours
  std::size_t mappings = 0;  ///< of any kind
  std::size_t resident_kib = 0;

  static Footprint now() {
    Footprint found{.descriptors = transport::test::open_descriptors()};
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line); ++found.mappings) {
      if (line.find("/memfd:") != std::string::npos) ++found.segments;
    }
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) found.resident_kib = std::stoul(line.substr(6));
    }
    return found;
  }

  friend std::ostream& operator<<(std::ostream& out, const Footprint& footprint) {
    return out << footprint.descriptors << " descriptors, " << footprint.segments << " segments, " << footprint.mappings
               << " mappings, " << footprint.resident_kib << " KiB";
  }
};

/// Of this process, alive or not yet waited for.
inline std::size_t children() {
  std::size_t count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(thread.path() / "children");
    count += static_cast<std::size_t>(std::distance(std::istream_iterator<int>(file), {}));
  }
  return count;
}

}  // namespace ringmail::runtime::test

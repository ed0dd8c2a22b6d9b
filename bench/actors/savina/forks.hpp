#pragma once

#include <cstdint>
#include <vector>

namespace bench::actors::savina {

/// Between philosophers: each needs the one on his left and the one on his right.
class Forks {
 public:
  explicit Forks(std::uint64_t count) : taken_(count) {}

  bool try_take(std::uint64_t philosopher) {
    char& left = taken_[philosopher];
    char& right = taken_[(philosopher + 1) % taken_.size()];
    if (left || right) return false;
    left = right = 1;
    return true;
  }
  void put_back(std::uint64_t philosopher) {
    taken_[philosopher] = 0;
    taken_[(philosopher + 1) % taken_.size()] = 0;
  }

 private:
  std::vector<char> taken_;
};

}  // namespace bench::actors::savina

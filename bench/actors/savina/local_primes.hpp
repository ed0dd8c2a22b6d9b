#pragma once

#include <cstdint>
#include <vector>

#include "actors/savina/sizes.hpp"

namespace bench::actors::savina {

/// The primes that one filter keeps.
class LocalPrimes {
 public:
  explicit LocalPrimes(std::uint64_t first) {
    primes_.reserve(sieve_primes);
    primes_.push_back(first);
  }

  bool divides_none(std::uint64_t candidate) const {
    for (const std::uint64_t prime : primes_) {
      if (candidate % prime == 0) return false;
    }
    return true;
  }
  bool is_full() const { return primes_.size() == sieve_primes; }
  void add(std::uint64_t prime) { primes_.push_back(prime); }
  std::uint64_t count() const { return primes_.size(); }

 private:
  std::vector<std::uint64_t> primes_;
};

inline std::uint64_t primes_below(std::uint64_t bound) {
  std::vector<char> composite(bound);
  std::uint64_t count = 0;
  for (std::uint64_t n = 2; n < bound; ++n) {
    if (composite[n]) continue;
    ++count;
    for (std::uint64_t multiple = n * n; multiple < bound; multiple += n) composite[multiple] = 1;
  }
  return count;
}

}  // namespace bench::actors::savina

// What the mutators of the fuzzers share: chances, and numbers that are worth a try.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace ringmail::fuzz {

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }
  bool one_in(std::size_t times) { return below(times) == 0; }

  template <std::unsigned_integral Number>
  Number number() {
    constexpr std::array<std::uint64_t, 12> edges{0,    1,          63,       64,       255,        4096,
                                                  4097, 0x7fffffff, 1u << 20, 1u << 30, 0xffffffff, 1ull << 53};
    switch (below(3)) {
      case 0: return static_cast<Number>(edges[below(edges.size())]);
      case 1: return static_cast<Number>(std::numeric_limits<Number>::max() - below(3));
      default: return static_cast<Number>(random_());
    }
  }

 private:
  std::minstd_rand random_;
};

/// As libFuzzer changes bytes, for a part of an input.
inline std::string mutated(std::string text, std::size_t most) {
  const std::size_t size = std::min(text.size(), most);
  text.resize(most);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, most));
  return text;
}

/// The result of a mutator: as much of `bytes` as there is room for.
inline std::size_t put(std::span<const std::byte> bytes, std::uint8_t* data, std::size_t max_size) {
  const std::size_t size = std::min(bytes.size(), max_size);
  if (size != 0) std::memcpy(data, bytes.data(), size);
  return size;
}

}  // namespace ringmail::fuzz

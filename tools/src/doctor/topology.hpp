// Where the CPUs lie, and how far any two of them are from each other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ringmail::doctor {

struct Cpu {
  int number = 0;
  std::vector<int> siblings{};    ///< threads of one core, itself among them
  std::vector<int> last_level{};  ///< who shares its last cache, itself among them
  int package = 0;
  int node = 0;  ///< of memory
};

enum class Distance { sibling, same_cache, same_node, other_node };

const char* to_string(Distance distance);
Distance distance_of(const Cpu& a, const Cpu& b);

struct Pair {
  int a = 0;
  int b = 0;
  Distance distance = Distance::same_cache;
};

/// All pairs, or, where there are more than `most`, up to four of each distance, spread over what there is.
std::vector<Pair> pairs_to_measure(const std::vector<Cpu>& cpus, std::size_t most);

/// One CPU of each core, the lowest.
std::vector<int> one_of_each_core(const std::vector<Cpu>& cpus);

/// "0-3,8", as the kernel writes it. What is no number is left out.
std::vector<int> parse_cpu_list(std::string_view text);
/// As `taskset -c` takes it: "0-3,8". Of a sorted list.
std::string to_cpu_list(const std::vector<int>& cpus);

}  // namespace ringmail::doctor

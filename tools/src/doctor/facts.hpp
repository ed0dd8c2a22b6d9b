// What the kernel says about this machine and this process, in /proc and /sys. Nothing here is measured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "doctor/topology.hpp"

namespace ringmail::doctor {

/// Absent where the kernel does not say it.
template <class T>
using Said = std::optional<T>;

struct Quota {
  double cpus = 0;              ///< that many CPUs' worth of time
  std::string file{};           ///< which says so
  std::uint64_t throttled = 0;  ///< how often the group stood still for it so far
};

struct Facts {
  std::string cpu_model{};
  std::string kernel{};  ///< release
  bool under_hypervisor = false;
  Said<double> load{};  ///< of the last minute, before anything was measured

  std::vector<int> online{};
  std::vector<Cpu> allowed{};   ///< by affinity, which includes what a cpuset leaves
  std::vector<int> isolated{};  ///< isolcpus
  std::vector<int> nohz_full{};
  std::optional<Quota> quota{};  ///< the tightest of this group and those above it
  std::vector<std::string>
      governors{};  ///< of the allowed CPUs, each once; empty: frequencies are not Linux' business here
  Said<std::int64_t> numa_balancing{};

  std::string clock_source{};
  std::vector<std::string> clock_sources{};  ///< that there are

  std::string huge_pages{};         ///< of private memory: always, madvise, never
  std::string shared_huge_pages{};  ///< of memfds: always, within_size, advise, never, deny, force
  std::int64_t reserved_huge_pages = 0;
  Said<std::int64_t> most_mappings{};  ///< vm.max_map_count
  Said<std::int64_t> memfd_noexec{};   ///< vm.memfd_noexec

  Said<std::uint64_t> most_descriptors{};  ///< soft limits; absent: unlimited
  Said<std::uint64_t> most_locked_bytes{};
  std::int64_t seccomp = 0;  ///< 2: a filter stands before this process's system calls
};

/// Below `root` stand proc/ and sys/: "/", or a tree that a test made.
Facts read_facts(const std::filesystem::path& root);

}  // namespace ringmail::doctor

// How much a peer process may use. What is not set stays as it is for the host.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ringmail::runtime {

/// Of each process by itself, as prlimit(1) sets them: soft and hard at once, so that no process of the peer raises them
/// again. Only a host with the privilege can set more than its own hard limit.
struct PeerLimits {
  static constexpr std::uint64_t unlimited = UINT64_MAX;

  std::optional<std::uint64_t> address_space{};  ///< bytes; the rings count, large_bytes of each scheduler each way too
  std::optional<std::uint64_t> core_file{};      ///< bytes
  std::optional<std::chrono::seconds> cpu_time{};
  std::optional<std::uint64_t> data{};           ///< bytes
  std::optional<std::uint64_t> file_size{};      ///< bytes
  std::optional<std::uint64_t> locked_memory{};  ///< bytes
  std::optional<std::uint64_t> open_files{};     ///< one more than the highest descriptor
  std::optional<std::uint64_t> processes{};      ///< of its user, threads included; this is not for one peer alone
  std::optional<std::uint64_t> stack{};          ///< bytes
};

/// Of the peer together with all that it has started, kept by a control group (v2). Names and meanings are those of systemd's
/// MemoryMax= and so on. Needs a group in which this process may make others (SystemOptions::peer_cgroup), with these controllers.
struct PeerCgroup {
  std::optional<std::uint64_t> memory_max{};   ///< bytes; past it the kernel kills
  std::optional<std::uint64_t> memory_high{};  ///< bytes; past it the kernel slows down and reclaims
  std::optional<std::uint64_t> tasks_max{};    ///< processes and threads
  std::optional<double> cpu_quota{};           ///< CPUs: 0.5 is 50 ms in every 100 ms
  std::optional<std::uint64_t> cpu_weight{};   ///< 1 to 10000, against 100 of the others

  bool is_empty() const { return !memory_max && !memory_high && !tasks_max && !cpu_quota && !cpu_weight; }
};

}  // namespace ringmail::runtime

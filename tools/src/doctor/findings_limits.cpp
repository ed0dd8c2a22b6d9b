#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "doctor/findings.hpp"
#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/runtime/stack_pool.hpp"

namespace ringmail::doctor {
namespace {

// A peer takes about ten (its memory, its streams, its pidfd), and a server has sockets besides.
constexpr std::uint64_t few_descriptors = 1024;

// Those with which a memfd gets huge pages by itself.
constexpr std::array<std::string_view, 3> huge_by_itself = {"always", "within_size", "force"};

}  // namespace

Finding judge_guards(const Examination& examination) {
  const auto& [facts, probes, defaults, measured, pinning] = examination;
  constexpr const char* id = "guards";
  if (probes.guards.works) return {id, Level::ok, "each stack has a guard, which costs no mapping"};
  constexpr auto most = runtime::StackPool::max_protected_guards;
  // Each splits a mapping in two.
  constexpr auto mappings = static_cast<std::int64_t>(2 * most);
  if (facts.most_mappings && *facts.most_mappings < 2 * mappings) {
    return {id, Level::warning,
            fmt::format("guards of stacks take up to {} mappings (no MADV_GUARD_INSTALL before Linux 6.13) of "
                        "vm.max_map_count's {}",
                        mappings, *facts.most_mappings),
            fmt::format("sysctl -w vm.max_map_count={}", 4 * mappings)};
  }
  return {
      id, Level::note,
      fmt::format("no MADV_GUARD_INSTALL before Linux 6.13 ({}): beyond {} handlers that wait, stacks have no guard",
                  probes.guards.cause, most)};
}

Finding judge_descriptors(const Examination& examination) {
  const auto& most = examination.facts.most_descriptors;
  constexpr const char* id = "descriptors";
  if (!most) return {id, Level::ok, "any number of descriptors"};
  std::string text = fmt::format("{} descriptors", *most);
  if (*most >= few_descriptors) return {id, Level::ok, std::move(text)};
  return {id, Level::warning, std::move(text) + ", and each peer takes about ten",
          fmt::format("ulimit -n {}", few_descriptors)};
}

Finding judge_huge_pages(const Examination& examination) {
  const std::string& mode = examination.facts.shared_huge_pages;
  constexpr const char* id = "huge_pages";
  if (mode.empty()) return {id, Level::ok, "this kernel has none for shared memory"};
  if (std::ranges::find(huge_by_itself, mode) != huge_by_itself.end()) {
    return {id, Level::ok, "shared memory may have huge pages: shmem_enabled is " + mode};
  }
  return {
      id, Level::note,
      fmt::format(
          "rings lie on small pages (shmem_enabled is {}): that tells with large ones, and a ring has {} KiB unless "
          "told otherwise",
          mode, runtime::PeerOptions{}.mail_bytes >> 10),
      "echo within_size > /sys/kernel/mm/transparent_hugepage/shmem_enabled"};
}

}  // namespace ringmail::doctor

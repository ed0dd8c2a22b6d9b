#include "doctor/facts.hpp"

#include <algorithm>
#include <string_view>

#include "doctor/kernel_files.hpp"
#include "doctor/quota.hpp"

namespace ringmail::doctor {
namespace {

namespace fs = std::filesystem;

/// Which group of CPUs with this property `cpu` belongs to; of itself alone where the kernel does not say.
std::vector<int> cpus_in(const fs::path& file, int cpu) {
  auto cpus = parse_cpu_list(read_text(file));
  return cpus.empty() ? std::vector{cpu} : cpus;
}

/// The cache of the highest level. Absent in some virtual machines: then nothing is known to be shared.
std::vector<int> last_level_of(const fs::path& folder, int cpu) {
  std::vector<int> sharers;
  std::int64_t highest = 0;
  for (int index = 0; index < 10; ++index) {
    const fs::path cache = folder / "cache" / ("index" + std::to_string(index));
    const auto level = read_number(cache / "level");
    if (!level || *level < highest) continue;
    highest = *level;
    sharers = cpus_in(cache / "shared_cpu_list", cpu);
  }
  return sharers;
}

/// A link "node1" in the CPU's own folder.
int node_of(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("node")) continue;
    if (const auto number = to_number(std::string_view(name).substr(4))) return static_cast<int>(*number);
  }
  return 0;
}

Cpu read_cpu(const fs::path& sys, int number) {
  const fs::path folder = sys / "devices/system/cpu" / ("cpu" + std::to_string(number));
  Cpu cpu{.number = number};
  cpu.siblings = cpus_in(folder / "topology/thread_siblings_list", number);
  cpu.package = static_cast<int>(read_number(folder / "topology/physical_package_id").value_or(0));
  cpu.last_level = last_level_of(folder, number);
  // A package has its caches to itself, whatever else is hidden.
  if (cpu.last_level.empty()) cpu.last_level = cpus_in(folder / "topology/core_siblings_list", number);
  cpu.node = node_of(folder);
  return cpu;
}

/// Of lines "Max open files            20000                20000                files": the soft limit.
std::optional<std::uint64_t> limit_of(const std::string& limits, std::string_view name) {
  for (const std::string& line : lines_of(limits)) {
    if (!line.starts_with(name)) continue;
    const auto words = words_of(std::string_view(line).substr(name.size()));
    const auto limit = words.empty() ? std::nullopt : to_number(words.front());
    if (limit) return static_cast<std::uint64_t>(*limit);
  }
  return std::nullopt;
}

std::optional<double> read_load(const fs::path& proc) {
  const auto words = words_of(read_text(proc / "loadavg"));
  if (words.empty()) return std::nullopt;
  char* end = nullptr;
  const double load = std::strtod(words[0].c_str(), &end);
  return end == words[0].c_str() ? std::nullopt : std::optional(load);
}

void read_cpus(const fs::path& proc, const fs::path& sys, Facts& facts) {
  const fs::path cpus = sys / "devices/system/cpu";
  facts.online = parse_cpu_list(read_text(cpus / "online"));
  facts.isolated = parse_cpu_list(read_text(cpus / "isolated"));
  facts.nohz_full = parse_cpu_list(read_text(cpus / "nohz_full"));
  for (const int cpu : parse_cpu_list(field_of(read_text(proc / "self/status"), "Cpus_allowed_list"))) {
    facts.allowed.push_back(read_cpu(sys, cpu));
    const std::string governor = read_text(cpus / ("cpu" + std::to_string(cpu)) / "cpufreq/scaling_governor");
    if (!governor.empty() && std::ranges::find(facts.governors, governor) == facts.governors.end()) {
      facts.governors.push_back(governor);
    }
  }
}

}  // namespace

Facts read_facts(const fs::path& root) {
  const fs::path proc = root / "proc";
  const fs::path sys = root / "sys";
  Facts facts;

  const std::string cpu_info = read_text(proc / "cpuinfo");
  facts.cpu_model = field_of(cpu_info, "model name");
  const auto flags = words_of(field_of(cpu_info, "flags"));
  facts.under_hypervisor =
      std::ranges::find(flags, "hypervisor") != flags.end() || !read_text(sys / "hypervisor/type").empty();
  facts.kernel = read_text(proc / "sys/kernel/osrelease");
  facts.load = read_load(proc);

  read_cpus(proc, sys, facts);
  facts.quota = read_quota(root);
  facts.numa_balancing = read_number(proc / "sys/kernel/numa_balancing");

  const fs::path clock = sys / "devices/system/clocksource/clocksource0";
  facts.clock_source = read_text(clock / "current_clocksource");
  facts.clock_sources = words_of(read_text(clock / "available_clocksource"));

  facts.huge_pages = chosen_of(read_text(sys / "kernel/mm/transparent_hugepage/enabled"));
  facts.shared_huge_pages = chosen_of(read_text(sys / "kernel/mm/transparent_hugepage/shmem_enabled"));
  facts.reserved_huge_pages = read_number(proc / "sys/vm/nr_hugepages").value_or(0);
  facts.most_mappings = read_number(proc / "sys/vm/max_map_count");
  facts.memfd_noexec = read_number(proc / "sys/vm/memfd_noexec");

  const std::string limits = read_text(proc / "self/limits");
  facts.most_descriptors = limit_of(limits, "Max open files");
  facts.most_locked_bytes = limit_of(limits, "Max locked memory");
  facts.seccomp = to_number(field_of(read_text(proc / "self/status"), "Seccomp")).value_or(0);
  return facts;
}

}  // namespace ringmail::doctor

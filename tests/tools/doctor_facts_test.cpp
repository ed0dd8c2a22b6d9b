// What the doctor reads out of /proc and /sys, on machines that the tests make up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "doctor_machine.hpp"

namespace ringmail::doctor {
namespace {

using test::Machine;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(DoctorFacts, a_machine_that_says_nothing_is_no_error) {
  const Machine machine;
  const Facts facts = machine.facts();
  EXPECT_THAT(facts.allowed, IsEmpty());
  EXPECT_EQ(facts.kernel, "");
  EXPECT_FALSE(facts.quota);
  EXPECT_FALSE(facts.load);
  EXPECT_FALSE(facts.most_descriptors);
}

TEST(DoctorFacts, siblings_caches_and_nodes_are_those_of_the_tree) {
  Machine machine;
  machine.allow("0-3").cpu(0, "0,2", "0,2").cpu(1, "1,3", "1,3", 1).cpu(2, "0,2", "0,2").cpu(3, "1,3", "1,3", 1);
  machine.write("sys/devices/system/cpu/online", "0-3");
  const Facts facts = machine.facts();
  ASSERT_EQ(facts.allowed.size(), 4u);
  EXPECT_THAT(facts.online, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(facts.allowed[1].siblings, ElementsAre(1, 3));
  EXPECT_THAT(facts.allowed[1].last_level, ElementsAre(1, 3));
  EXPECT_EQ(facts.allowed[1].node, 1);
  EXPECT_EQ(facts.allowed[1].package, 1);
  EXPECT_EQ(distance_of(facts.allowed[0], facts.allowed[2]), Distance::sibling);
  EXPECT_EQ(distance_of(facts.allowed[0], facts.allowed[1]), Distance::other_node);
}

TEST(DoctorFacts, two_last_level_caches_of_one_node_are_told_from_one) {
  Machine machine;
  machine.allow("0-2").cpu(0, "0", "0-1").cpu(1, "1", "0-1").cpu(2, "2", "2-3");
  const Facts facts = machine.facts();
  EXPECT_EQ(distance_of(facts.allowed[0], facts.allowed[1]), Distance::same_cache);
  EXPECT_EQ(distance_of(facts.allowed[0], facts.allowed[2]), Distance::same_node);
}

TEST(DoctorFacts, without_caches_a_package_counts_as_one) {
  Machine machine;
  machine.allow("0-1");
  machine.write("sys/devices/system/cpu/cpu0/topology/core_siblings_list", "0-1");
  EXPECT_EQ(distance_of(machine.facts().allowed[0], machine.facts().allowed[1]), Distance::same_cache);
}

TEST(DoctorFacts, affinity_leaves_what_it_leaves) {
  Machine machine;
  machine.allow("1,3").write("sys/devices/system/cpu/online", "0-7");
  const Facts facts = machine.facts();
  ASSERT_EQ(facts.allowed.size(), 2u);
  EXPECT_EQ(facts.allowed[1].number, 3);
  EXPECT_EQ(facts.online.size(), 8u);
}

constexpr std::string_view unified_mount = "40 31 0:38 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw";

TEST(DoctorFacts, the_tightest_quota_of_the_groups_above_counts) {
  Machine machine;
  machine.write("proc/self/mountinfo", unified_mount).write("proc/self/cgroup", "0::/service/worker");
  machine.write("sys/fs/cgroup/service/cpu.max", "150000 100000")
      .write("sys/fs/cgroup/service/worker/cpu.max", "max 100000");
  machine.write("sys/fs/cgroup/service/cpu.stat", "usage_usec 5\nnr_throttled 42");
  const auto quota = machine.facts().quota;
  ASSERT_TRUE(quota);
  EXPECT_DOUBLE_EQ(quota->cpus, 1.5);
  EXPECT_EQ(quota->throttled, 42u);
  EXPECT_TRUE(quota->file.ends_with("/sys/fs/cgroup/service/cpu.max")) << quota->file;
}

TEST(DoctorFacts, max_is_no_quota) {
  Machine machine;
  machine.write("proc/self/mountinfo", unified_mount).write("proc/self/cgroup", "0::/");
  machine.write("sys/fs/cgroup/cpu.max", "max 100000");
  EXPECT_FALSE(machine.facts().quota);
}

TEST(DoctorFacts, a_quota_of_the_old_hierarchy_counts_too) {
  Machine machine;
  machine.write("proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct");
  machine.write("proc/self/cgroup", "2:cpuacct,cpu:/worker\n0::/");
  machine.write("sys/fs/cgroup/cpu,cpuacct/worker/cpu.cfs_quota_us", "50000");
  machine.write("sys/fs/cgroup/cpu,cpuacct/worker/cpu.cfs_period_us", "100000");
  ASSERT_TRUE(machine.facts().quota);
  EXPECT_DOUBLE_EQ(machine.facts().quota->cpus, 0.5);
  machine.write("sys/fs/cgroup/cpu,cpuacct/worker/cpu.cfs_quota_us", "-1");
  EXPECT_FALSE(machine.facts().quota);
}

TEST(DoctorFacts, a_container_finds_its_group_where_it_is_mounted) {
  Machine machine;
  machine.write("proc/self/mountinfo", "32 31 0:29 /docker/1a /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu");
  machine.write("proc/self/cgroup", "2:cpu:/docker/1a/inner");
  machine.write("sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "200000");
  machine.write("sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000");
  ASSERT_TRUE(machine.facts().quota);
  EXPECT_DOUBLE_EQ(machine.facts().quota->cpus, 2);
}

TEST(DoctorFacts, kernel_settings_are_read) {
  Machine machine;
  machine.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu tsc hypervisor");
  machine.write("proc/sys/kernel/osrelease", "6.1.0").write("proc/loadavg", "1.25 0.5 0.1 1/2 3");
  machine.write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]");
  machine.write("sys/kernel/mm/transparent_hugepage/shmem_enabled", "always [within_size] advise never deny force");
  machine.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet");
  machine.write("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet acpi_pm ");
  machine.write("sys/devices/system/cpu/isolated", "2-3").write("sys/devices/system/cpu/nohz_full", "3");
  machine.write("proc/sys/vm/max_map_count", "65530").write("proc/sys/vm/memfd_noexec", "2");
  machine.write("proc/sys/vm/nr_hugepages", "7").write("proc/sys/kernel/numa_balancing", "1");
  const Facts facts = machine.facts();
  EXPECT_EQ(facts.cpu_model, "Some CPU");
  EXPECT_TRUE(facts.under_hypervisor);
  EXPECT_EQ(facts.kernel, "6.1.0");
  EXPECT_EQ(facts.load, 1.25);
  EXPECT_EQ(facts.huge_pages, "never");
  EXPECT_EQ(facts.shared_huge_pages, "within_size");
  EXPECT_EQ(facts.clock_source, "hpet");
  EXPECT_THAT(facts.clock_sources, ElementsAre("tsc", "hpet", "acpi_pm"));
  EXPECT_THAT(facts.isolated, ElementsAre(2, 3));
  EXPECT_THAT(facts.nohz_full, ElementsAre(3));
  EXPECT_EQ(facts.most_mappings, 65530);
  EXPECT_EQ(facts.memfd_noexec, 2);
  EXPECT_EQ(facts.reserved_huge_pages, 7);
  EXPECT_EQ(facts.numa_balancing, 1);
}

TEST(DoctorFacts, soft_limits_count_and_unlimited_is_none) {
  Machine machine;
  machine.write("proc/self/limits",
                "Limit                     Soft Limit           Hard Limit           Units     \n"
                "Max open files            256                  4096                 files     \n"
                "Max locked memory         unlimited            unlimited            bytes     ");
  EXPECT_EQ(machine.facts().most_descriptors, 256u);
  EXPECT_FALSE(machine.facts().most_locked_bytes);
}

TEST(DoctorFacts, governors_of_allowed_cpus_are_named_once) {
  Machine machine;
  machine.allow("0-2");
  for (const int cpu : {0, 1, 2, 3}) {
    machine.write("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/scaling_governor",
                  cpu < 2    ? "powersave"
                  : cpu == 2 ? "performance"
                             : "ondemand");
  }
  EXPECT_THAT(machine.facts().governors, ElementsAre("powersave", "performance"));
}

TEST(DoctorTopology, cpu_lists_are_read_and_written_as_the_kernel_does) {
  EXPECT_THAT(parse_cpu_list("0-2,5,7-8"), ElementsAre(0, 1, 2, 5, 7, 8));
  EXPECT_THAT(parse_cpu_list("x,1,3-,-4,9999999999"), ElementsAre(1));
  EXPECT_EQ(to_cpu_list({0, 1, 2, 5, 7, 8}), "0-2,5,7,8");
  EXPECT_EQ(to_cpu_list({}), "");
}

std::vector<Cpu> many_cpus() {
  std::vector<Cpu> cpus;
  for (int number = 0; number < 64; ++number) {
    const int core = number / 2 * 2;
    const int cache = number / 16 * 16;
    Cpu cpu{.number = number, .siblings = {core, core + 1}, .node = number / 32};
    for (int other = cache; other < cache + 16; ++other) cpu.last_level.push_back(other);
    cpus.push_back(cpu);
  }
  return cpus;
}

TEST(DoctorTopology, all_pairs_of_few_cpus_and_some_of_each_distance_of_many) {
  EXPECT_EQ(pairs_to_measure({}, 28).size(), 0u);
  const auto cpus = many_cpus();
  EXPECT_EQ(pairs_to_measure({cpus.begin(), cpus.begin() + 8}, 28).size(), 28u);
  std::map<Distance, int> count;
  std::set<int> first;
  for (const Pair& pair : pairs_to_measure(cpus, 28)) {
    ++count[pair.distance];
    if (pair.distance == Distance::sibling) first.insert(pair.a);
  }
  EXPECT_EQ(
      count,
      (std::map<Distance, int>{
          {Distance::sibling, 4}, {Distance::same_cache, 4}, {Distance::same_node, 4}, {Distance::other_node, 4}}));
  EXPECT_EQ(first, (std::set<int>{0, 16, 32, 48})) << "not four neighbours";
}

TEST(DoctorTopology, one_cpu_of_each_core) {
  const auto cpus = many_cpus();
  EXPECT_THAT(one_of_each_core({cpus.begin(), cpus.begin() + 6}), ElementsAre(0, 2, 4));
}

}  // namespace
}  // namespace ringmail::doctor

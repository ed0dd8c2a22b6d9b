// What the doctor makes of facts and figures: each finding where it belongs, and not where it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "doctor/judgement.hpp"

namespace ringmail::doctor {
namespace {

using testing::HasSubstr;

Spread spread(double p50_ns, double least_ns, double greatest_ns) {
  return {.p50 = p50_ns,
          .p99 = 2 * p50_ns,
          .least_block = least_ns,
          .greatest_block = greatest_ns,
          .blocks = 20,
          .samples = 2000};
}

Cpu core(int number, std::vector<int> cache, int node = 0) {
  return {.number = number, .siblings = {number}, .last_level = std::move(cache), .package = node, .node = node};
}

/// Four cores with nothing to say about them. Each test breaks one thing.
class Judgement : public testing::Test {
 protected:
  Judgement() {
    Facts& facts = examination_.facts;
    facts.kernel = "6.18.0";
    facts.load = 0.1;
    facts.online = {0, 1, 2, 3};
    for (const int cpu : facts.online) facts.allowed.push_back(core(cpu, {0, 1, 2, 3}));
    facts.governors = {"performance"};
    facts.numa_balancing = 1;
    facts.clock_source = "tsc";
    facts.clock_sources = {"tsc", "hpet"};
    facts.shared_huge_pages = "within_size";
    facts.most_mappings = 65'530;
    facts.memfd_noexec = 0;
    facts.most_descriptors = 20'000;
    const Probe works{.works = true};
    examination_.probes = {.memory = works, .futex = works, .barrier = works, .pidfd = works, .guards = works};
    examination_.defaults = {
        .usable_cpus = 4, .schedulers = 4, .ordering = transport::Ordering::asymmetric, .spin_ns = 50'000};
    examination_.measured = {.seconds = 3,
                             .pairs = 6,
                             .monotonic_ns = 25,
                             .pause_ns = 20,
                             .floors = {floor(0, 1, spread(100, 90, 120)), floor(2, 3, spread(80, 80, 90))},
                             .wake = spread(20'000, 15'000, 25'000),
                             .barrier = spread(5'000, 4'000, 6'000)};
  }

  static Floor floor(int a, int b, Measured trip, Distance distance = Distance::same_cache) {
    return {.pair = {.a = a, .b = b, .distance = distance}, .round_trip = std::move(trip)};
  }

  void forbid(Probe& probe) { probe = {.works = false, .cause = "refused"}; }

  /// As `ringmail doctor` goes about it.
  std::vector<Finding> all() {
    examination_.pinning = advise_pinning(examination_.facts, examination_.measured);
    return judge(examination_);
  }
  Finding finding(std::string_view id) {
    for (const Finding& each : all()) {
      if (each.id == id) return each;
    }
    ADD_FAILURE() << "there is no finding " << id;
    return {"", Level::ok, ""};
  }
  void expect(std::string_view id, Level level, const char* text, const char* mend) {
    const Finding found = finding(id);
    EXPECT_STREQ(to_string(found.level), to_string(level)) << found.text;
    EXPECT_THAT(found.text, HasSubstr(text));
    EXPECT_THAT(found.mend, HasSubstr(mend));
    EXPECT_EQ(found.mend.empty(), *mend == '\0') << found.mend;
    EXPECT_EQ(works(all()), level != Level::error);
    // One cause, one finding.
    for (const Finding& other : all()) {
      EXPECT_TRUE(other.id == id || other.level == Level::ok) << other.id << ": " << other.text;
    }
  }

  Examination examination_;
};

TEST_F(Judgement, nothing_is_found_where_nothing_is_wrong) {
  std::set<std::string> ids;
  for (const Finding& found : all()) {
    EXPECT_EQ(found.level, Level::ok) << found.id << ": " << found.text;
    EXPECT_EQ(found.mend, "") << found.id;
    EXPECT_NE(found.text, "") << found.id;
    EXPECT_TRUE(ids.insert(found.id).second) << found.id;
  }
  EXPECT_EQ(ids.size(), 22u);
}

TEST_F(Judgement, nothing_is_guessed_where_nothing_was_measured) {
  examination_.measured = {};
  for (const Finding& found : all()) EXPECT_EQ(found.level, Level::ok) << found.id << ": " << found.text;
}

TEST_F(Judgement, no_memory_is_an_error) {
  forbid(examination_.probes.memory);
  expect("memory", Level::error, "refused", "a kernel of 5.1");
}

TEST_F(Judgement, no_memory_under_a_filter_is_the_filters) {
  forbid(examination_.probes.memory);
  examination_.facts.seccomp = 2;
  expect("memory", Level::error, "refused", "allow memfd_create and fcntl in the seccomp profile");
}

TEST_F(Judgement, memfds_that_must_not_be_executable_stop_memory_and_peers) {
  examination_.facts.memfd_noexec = 2;
  expect("processes", Level::warning, "vm.memfd_noexec is 2", "sysctl -w vm.memfd_noexec=1");
  forbid(examination_.probes.memory);
  EXPECT_EQ(finding("memory").mend, "sysctl -w vm.memfd_noexec=1");
}

TEST_F(Judgement, no_futex_is_an_error) {
  forbid(examination_.probes.futex);
  expect("futex", Level::error, "refused", "a kernel of 2.6.22");
}

TEST_F(Judgement, a_system_that_cannot_be_made_is_an_error) {
  examination_.defaults.cause = "no threads";
  expect("system", Level::error, "no threads", "");
}

TEST_F(Judgement, without_pidfds_there_are_no_peers) {
  forbid(examination_.probes.pidfd);
  expect("processes", Level::warning, "refused", "5.4");
}

TEST_F(Judgement, a_refused_barrier_costs_each_publish) {
  forbid(examination_.probes.barrier);
  examination_.facts.seccomp = 2;
  expect("barrier", Level::warning, "refused", "allow membarrier in the seccomp profile");
}

TEST_F(Judgement, one_cpu_of_several_is_mended_by_taskset) {
  examination_.facts.allowed.resize(1);
  examination_.defaults.usable_cpus = 1;
  examination_.measured.floors.clear();
  expect("cpus", Level::warning, "one CPU (0) of 4", "taskset -c 0-3");
  EXPECT_FALSE(examination_.pinning);
}

TEST_F(Judgement, one_cpu_of_one_has_no_mend) {
  examination_.facts.allowed.resize(1);
  examination_.facts.online = {0};
  examination_.defaults.usable_cpus = 1;
  examination_.measured.floors.clear();
  expect("cpus", Level::warning, "one CPU (0) of 1", "");
}

TEST_F(Judgement, cpus_left_out_by_affinity_are_noted) {
  examination_.facts.allowed.pop_back();
  examination_.measured.floors.pop_back();
  expect("cpus", Level::note, "3 of 4 CPUs (0-2)", "taskset -c 0-3");
}

TEST_F(Judgement, a_quota_below_the_cpus_is_a_warning) {
  examination_.facts.quota = Quota{.cpus = 2.5, .file = "/sys/fs/cgroup/cpu.max", .throttled = 7};
  expect("quota", Level::warning, "2.5 CPUs for 4", "echo max > /sys/fs/cgroup/cpu.max");
  EXPECT_THAT(finding("quota").text, HasSubstr("7 times"));
  EXPECT_THAT(finding("quota").mend, HasSubstr(".schedulers = 2}"));
}

TEST_F(Judgement, the_old_hierarchy_has_another_word_for_no_quota) {
  examination_.facts.quota = Quota{.cpus = 0.5, .file = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"};
  expect("quota", Level::warning, "0.5 CPUs", "echo -1 > /sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  EXPECT_THAT(finding("quota").mend, HasSubstr(".schedulers = 1}"));
}

TEST_F(Judgement, a_quota_for_all_cpus_is_fine) {
  examination_.facts.quota = Quota{.cpus = 4};
  EXPECT_EQ(finding("quota").level, Level::ok);
}

TEST_F(Judgement, siblings_are_noted_and_kept_apart) {
  for (Cpu& cpu : examination_.facts.allowed) cpu.siblings = cpu.number < 2 ? std::vector{0, 1} : std::vector{2, 3};
  examination_.measured.floors = {floor(0, 1, spread(40, 40, 40), Distance::sibling), floor(0, 2, spread(90, 90, 90))};
  expect("siblings", Level::note, "4 CPUs are threads of 2 cores", ".cpus = {0}");
  EXPECT_EQ(examination_.pinning->pair.b, 2) << "nearer, but of one core";
}

TEST_F(Judgement, two_threads_of_one_core_are_a_warning) {
  examination_.facts.allowed = {core(0, {0, 1}), core(1, {0, 1})};
  for (Cpu& cpu : examination_.facts.allowed) cpu.siblings = {0, 1};
  examination_.facts.online = {0, 1};
  examination_.measured.floors = {floor(0, 1, spread(40, 40, 40), Distance::sibling)};
  expect("siblings", Level::warning, "CPUs 0,1 are threads of one core", "");
}

TEST_F(Judgement, two_caches_are_noted_with_both_distances) {
  auto& cpus = examination_.facts.allowed;
  for (Cpu& cpu : cpus) cpu.last_level = cpu.number < 2 ? std::vector{0, 1} : std::vector{2, 3};
  examination_.measured.floors = {floor(0, 2, spread(400, 400, 410), Distance::same_node),
                                  floor(2, 3, spread(80, 80, 90))};
  expect("distance", Level::note, "in 80 ns, or in 400", "taskset -c 2,3 <command>");
}

TEST_F(Judgement, memory_that_moves_between_nodes_is_noted) {
  examination_.facts.allowed[3].node = 1;
  expect("numa_balancing", Level::note, "numa_balancing is on", "sysctl -w kernel.numa_balancing=0");
  examination_.facts.numa_balancing = 0;
  EXPECT_EQ(finding("numa_balancing").level, Level::ok);
}

TEST_F(Judgement, isolated_cpus_hold_what_is_not_pinned) {
  examination_.facts.isolated = {2, 3, 4};
  expect("isolated", Level::warning, "CPUs 2,3 are isolated", "System::create");
}

TEST_F(Judgement, isolated_cpus_elsewhere_are_fine) {
  examination_.facts.isolated = {6, 7};
  EXPECT_EQ(finding("isolated").level, Level::ok);
}

TEST_F(Judgement, pinning_that_is_refused_is_a_warning) {
  examination_.measured.floors[1].round_trip = std::unexpected("CPU 2: Operation not permitted");
  examination_.facts.seccomp = 2;
  expect("pinning", Level::warning, "CPU 2: Operation not permitted", "sched_setaffinity");
}

TEST_F(Judgement, a_saving_governor_is_noted) {
  examination_.facts.governors = {"performance", "powersave"};
  expect("governor", Level::note, "performance, powersave", "cpupower frequency-set -g performance");
  examination_.facts.governors = {};
  EXPECT_EQ(finding("governor").level, Level::ok) << "a virtual machine has none";
}

TEST_F(Judgement, figures_of_a_busy_machine_are_called_so) {
  examination_.facts.load = 2.5;
  expect("load", Level::note, "2.50 on 4 CPUs", "once it is quiet");
}

TEST_F(Judgement, a_distance_that_moves_is_noted) {
  examination_.measured.floors[1].round_trip = spread(100, 80, 400);
  expect("movement", Level::note, "between CPUs 2 and 3 the medians of 20 blocks go from 80 to 400 ns", "--seconds 30");
}

TEST_F(Judgement, a_spin_that_does_not_fit_the_wake_is_noted) {
  examination_.measured.wake = spread(120'000, 100'000, 130'000);
  expect("spin", Level::note, "spins for 50 us; a wake takes 120", "cpupower idle-set");
  examination_.facts.under_hypervisor = true;
  expect("spin", Level::note, "more than is spun for", "");
  examination_.measured.wake = spread(6'000, 5'000, 7'000);
  expect("spin", Level::note, "longer than it is worth", "");
  examination_.defaults.usable_cpus = 1;
  EXPECT_EQ(finding("spin").level, Level::ok) << "then there is no spin";
}

TEST_F(Judgement, a_pause_that_is_intercepted_is_a_warning) {
  examination_.measured.pause_ns = 1500;
  expect("pause", Level::warning, "1500 ns", "ple_gap=0");
}

TEST_F(Judgement, a_barrier_dearer_than_a_wake_is_noted) {
  examination_.measured.barrier = spread(45'000, 40'000, 50'000);
  expect("barrier_cost", Level::note, "45.0 us", ".asymmetric_barriers = false");
  examination_.defaults.ordering = transport::Ordering::sequential;
  EXPECT_EQ(finding("barrier_cost").level, Level::ok) << "then nobody asks for one";
}

TEST_F(Judgement, a_clock_that_enters_the_kernel_is_a_warning) {
  examination_.facts.clock_source = "hpet";
  examination_.measured.monotonic_ns = 900;
  expect("clock", Level::warning, "hpet, 900 ns", "echo tsc >");
  examination_.facts.clock_sources = {"hpet"};
  expect("clock", Level::warning, "hpet", "");
}

TEST_F(Judgement, a_clock_is_judged_by_name_where_it_was_not_measured) {
  examination_.measured.monotonic_ns = 0;
  EXPECT_EQ(finding("clock").level, Level::ok);
  examination_.facts.clock_source = "acpi_pm";
  expect("clock", Level::warning, "acpi_pm", "echo tsc >");
}

TEST_F(Judgement, guards_that_cost_mappings_need_enough_of_them) {
  forbid(examination_.probes.guards);
  expect("guards", Level::note, "beyond 16000 handlers that wait, stacks have no guard", "");
  examination_.facts.most_mappings = 40'000;
  expect("guards", Level::warning, "of vm.max_map_count's 40000", "sysctl -w vm.max_map_count=128000");
}

TEST_F(Judgement, few_descriptors_are_a_warning) {
  examination_.facts.most_descriptors = 256;
  expect("descriptors", Level::warning, "256 descriptors", "ulimit -n 1024");
  examination_.facts.most_descriptors.reset();
  EXPECT_EQ(finding("descriptors").level, Level::ok) << "unlimited";
}

TEST_F(Judgement, small_pages_for_rings_are_noted) {
  examination_.facts.shared_huge_pages = "advise";
  expect("huge_pages", Level::note, "shmem_enabled is advise", "echo within_size >");
  examination_.facts.shared_huge_pages = "";
  EXPECT_EQ(finding("huge_pages").level, Level::ok) << "a kernel without";
}

TEST_F(Judgement, the_advice_names_the_nearest_pair_that_was_measured) {
  all();
  ASSERT_TRUE(examination_.pinning);
  EXPECT_TRUE(examination_.pinning->measured);
  EXPECT_EQ(examination_.pinning->pair.a, 2);
  EXPECT_EQ(examination_.pinning->host, "ringmail::System::create({.schedulers = 3, .cpus = {2, 0, 1}})");
  EXPECT_EQ(examination_.pinning->peer, "os.sched_setaffinity(0, {3})");
  EXPECT_EQ(examination_.pinning->both, "") << "all are near";
}

TEST_F(Judgement, the_advice_goes_by_caches_where_nothing_was_measured) {
  auto& cpus = examination_.facts.allowed;
  cpus = {core(0, {0}), core(1, {1, 2}), core(2, {1, 2})};
  examination_.measured = {};
  all();
  ASSERT_TRUE(examination_.pinning);
  EXPECT_FALSE(examination_.pinning->measured);
  EXPECT_EQ(examination_.pinning->pair.a, 1);
  EXPECT_EQ(examination_.pinning->both, "taskset -c 1,2");
  EXPECT_THAT(examination_.pinning->host, HasSubstr(".cpus = {1}"));
}

}  // namespace
}  // namespace ringmail::doctor

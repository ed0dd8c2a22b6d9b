// `ringmail doctor` as its users run it, on this machine and where this machine refuses it something.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "../transport/refuse_membarrier.hpp"
#include "doctor_machine.hpp"
#include "ringmail/transport/spin.hpp"

namespace ringmail::doctor {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsSupersetOf;

struct Result {
  int exit_code = -1;
  std::string out;
};

/// `before` runs in the process that becomes the doctor: what it is refused stays refused.
template <class Before>
Result run_after(Before&& before, std::vector<std::string> arguments) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], 1);
    ::close(ends[0]);
    ::close(ends[1]);
    std::vector<char*> words = {const_cast<char*>("ringmail"), const_cast<char*>("doctor")};
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    if (before()) ::execv(RINGMAIL_TOOL, words.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  Result result;
  char buffer[4096];
  for (ssize_t bytes = 0; (bytes = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    result.out.append(buffer, static_cast<std::size_t>(bytes));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

Result run(std::vector<std::string> arguments) {
  return run_after([] { return true; }, std::move(arguments));
}

json finding(const json& report, std::string_view id) {
  for (const json& each : report["findings"]) {
    if (each["id"] == id) return each;
  }
  return {};
}

std::string manual() {
  std::ifstream file(RINGMAIL_DOCTOR_MANUAL);
  return {std::istreambuf_iterator<char>(file), {}};
}

void collect_keys(const json& value, std::set<std::string>& keys) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      keys.insert(key);
      collect_keys(inner, keys);
    }
  } else if (value.is_array()) {
    for (const json& inner : value) collect_keys(inner, keys);
  }
}

TEST(Doctor, the_report_for_programs_has_the_keys_of_the_manual) {
  const Result result = run({"--seconds", "0.3", "--json"});
  EXPECT_EQ(result.exit_code, 0);
  const json report = json::parse(result.out);
  EXPECT_EQ(report["format"], 1);
  EXPECT_EQ(report["works"], true);
  EXPECT_GE(report["measured"]["seconds"], 0.3);

  std::set<std::string> keys;
  collect_keys(report, keys);
  EXPECT_THAT(keys,
              IsSupersetOf({"machine", "cpus", "kernel", "probes", "measured", "defaults", "pinning", "findings"}));
  for (const json& each : report["findings"]) keys.insert(each["id"]);
  const std::string text = manual();
  for (const std::string& key : keys) EXPECT_THAT(text, HasSubstr("`" + key + "`"));
}

TEST(Doctor, figures_between_two_cpus_are_in_order) {
  const json measured = json::parse(run({"--seconds", "0.3", "--json"}).out)["measured"];
  if (measured["pairs"] == 0) GTEST_SKIP() << "one CPU";
  for (const json& each : {measured["floor"][0], measured["wake"], measured["barrier"]}) {
    ASSERT_FALSE(each.contains("failure")) << each;
    EXPECT_GT(each["p50_ns"], 0);
    EXPECT_LE(each["p50_ns"], each["p99_ns"]);
    EXPECT_LE(each["least_block_ns"], each["greatest_block_ns"]);
    EXPECT_GT(each["blocks"], 0);
  }
}

TEST(Doctor, the_report_for_people_says_each_finding_within_130_columns) {
  const Result result = run({"--seconds", "0.1"});
  EXPECT_EQ(result.exit_code, 0);
  const json report = json::parse(run({"--seconds", "0", "--json"}).out);
  for (const json& each : report["findings"]) {
    EXPECT_THAT(result.out, HasSubstr(" " + each["id"].get<std::string>() + " "));
  }
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 130u) << line;
}

TEST(Doctor, without_time_it_only_asks) {
  const json report = json::parse(run({"--seconds", "0", "--json"}).out);
  EXPECT_EQ(report["measured"]["seconds"], 0);
  EXPECT_EQ(report["measured"]["floor"], json::array());
  EXPECT_GT(report["defaults"]["schedulers"], 0);
}

TEST(Doctor, a_machine_without_shared_memory_fails_and_is_told_why) {
  const Result result =
      run_after([] { return transport::test::refuse_call(SYS_memfd_create); }, {"--seconds", "0", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  const json report = json::parse(result.out);
  EXPECT_EQ(report["works"], false);
  EXPECT_EQ(finding(report, "memory")["level"], "error");
  EXPECT_THAT(finding(report, "memory")["text"], HasSubstr("Operation not permitted"));
  EXPECT_THAT(finding(report, "memory")["mend"], HasSubstr("seccomp"));
  EXPECT_EQ(finding(report, "system")["level"], "error");
}

TEST(Doctor, a_machine_without_futexes_fails) {
  const Result result =
      run_after([] { return transport::test::refuse_shared_futex_wait(); }, {"--seconds", "0", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(finding(json::parse(result.out), "futex")["level"], "error");
}

TEST(Doctor, refused_barriers_become_the_default_and_are_named) {
  const Result result = run_after([] { return transport::test::refuse_membarrier(); }, {"--seconds", "0.1", "--json"});
  EXPECT_EQ(result.exit_code, 0) << "slower, and works";
  const json report = json::parse(result.out);
  EXPECT_EQ(report["defaults"]["barriers"], "sequential");
  EXPECT_EQ(finding(report, "barrier")["level"], "warning");
  EXPECT_TRUE(report["measured"]["barrier"].contains("failure"));
}

TEST(Doctor, refused_pinning_is_named_in_place_of_figures) {
  const Result result =
      run_after([] { return transport::test::refuse_call(SYS_sched_setaffinity); }, {"--seconds", "0.1", "--json"});
  EXPECT_EQ(result.exit_code, 0);
  const json report = json::parse(result.out);
  if (report["measured"]["pairs"] == 0) GTEST_SKIP() << "one CPU";
  EXPECT_THAT(report["measured"]["floor"][0]["failure"], HasSubstr("Operation not permitted"));
  EXPECT_EQ(finding(report, "pinning")["level"], "warning");
}

TEST(Doctor, on_one_cpu_nobody_spins) {
  const Result result = run_after(
      [] {
        cpu_set_t allowed;
        if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
        int first = 0;
        while (!CPU_ISSET(static_cast<std::size_t>(first), &allowed)) ++first;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(first), &one);
        return sched_setaffinity(0, sizeof one, &one) == 0;
      },
      {"--seconds", "0.1", "--json"});
  EXPECT_EQ(result.exit_code, 0);
  const json report = json::parse(result.out);
  EXPECT_EQ(report["defaults"]["usable_cpus"], 1);
  EXPECT_EQ(report["defaults"]["schedulers"], 1);
  EXPECT_LT(report["defaults"]["spin_ns"], transport::SpinPolicy::default_break_even_ns);
  EXPECT_EQ(report["pinning"], nullptr);
  EXPECT_EQ(finding(report, "cpus")["level"], "warning");
}

TEST(Doctor, it_examines_the_tree_it_is_given) {
  test::Machine machine;
  machine.allow("0-1").cpu(0, "0-1", "0-1").cpu(1, "0-1", "0-1");
  machine.write("proc/self/mountinfo", "40 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
      .write("proc/self/cgroup", "0::/");
  machine.write("sys/fs/cgroup/cpu.max", "50000 100000");
  machine.write("sys/kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force");
  const Result result = run({"--seconds", "0", "--json", "--root", machine.root().string()});
  EXPECT_EQ(result.exit_code, 0);
  const json report = json::parse(result.out);
  EXPECT_EQ(report["cpus"]["quota"]["cpus"], 0.5);
  EXPECT_EQ(finding(report, "quota")["level"], "warning");
  EXPECT_EQ(finding(report, "siblings")["level"], "warning");
  EXPECT_EQ(finding(report, "huge_pages")["level"], "note");
}

TEST(Doctor, what_is_not_understood_exits_with_2) {
  const auto quiet = [] { return ::close(2) == 0; };
  EXPECT_EQ(run_after(quiet, {"--seconds", "soon"}).exit_code, 2);
  EXPECT_EQ(run_after(quiet, {"--seconds", "-1"}).exit_code, 2);
  EXPECT_EQ(run_after(quiet, {"now"}).exit_code, 2);
}

}  // namespace
}  // namespace ringmail::doctor

#include "kill_steps.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "deadline.hpp"
#include "sanitized.hpp"

namespace ringmail::transport::test {
namespace {

constexpr unsigned long long trap_flag = 0x100;

volatile std::uint64_t steps_left = 0;
std::uint64_t steps_given = 0;

// The processor has cleared the flag for the handler, and its return sets it again.
void on_step(int) {
  steps_left = steps_left - 1;
  if (steps_left == 0) syscall(SYS_kill, getpid(), SIGKILL);
}

/// Sanitizers multiply instructions and not states.
constexpr std::uint64_t most_kills_when_sanitized = 40;

}  // namespace

std::uint64_t wanted_kills() {
  const char* given = std::getenv("RINGMAIL_KILLS");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : 1;
}

void die_after(std::uint64_t steps) {
  struct sigaction action{};
  action.sa_handler = on_step;
  sigaction(SIGTRAP, &action, nullptr);
  steps_given = steps;
  steps_left = steps;
  __writeeflags(__readeflags() | trap_flag);
}

std::uint64_t live_on() {
  __writeeflags(__readeflags() & ~trap_flag);
  return steps_given - steps_left;
}

pid_t start_life(const std::function<void()>& life) {
  std::fflush(nullptr);
  const pid_t victim = fork();
  if (victim == 0) {
    start_watchdog();
    life();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  EXPECT_GT(victim, 0);
  return victim;
}

bool is_asleep(pid_t id) {
  std::ifstream file("/proc/" + std::to_string(id) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(") ");
  return name_end != std::string::npos && line[name_end + 2] == 'S';
}

void while_it_lives(pid_t victim, const std::function<void()>& asleep) {
  for (int polls = 1;; ++polls) {
    siginfo_t ended{};
    if (waitid(P_PID, static_cast<id_t>(victim), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid != 0) return;
    if (polls % 16 == 0 && is_asleep(victim)) asleep();
    look_away();
  }
}

bool killed(pid_t victim, const std::function<void()>& asleep) {
  while_it_lives(victim, asleep);
  int status = 0;
  EXPECT_EQ(waitpid(victim, &status, 0), victim);
  if (WIFEXITED(status)) {
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return false;
  }
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  return true;
}

void kill_at_every_instruction(const std::function<std::string_view(std::uint64_t)>& round,
                               const std::uint64_t& steps_of_a_life,
                               std::uint64_t most) {
  start_watchdog();
  ASSERT_EQ(round(never), "") << "a victim that nobody kills";
  const std::uint64_t steps = steps_of_a_life;
  ASSERT_GT(steps, 0u);
  if (sanitized) most = std::min(most, most_kills_when_sanitized);
  const std::uint64_t stride = (steps + most - 1) / most;

  std::vector<std::string> died_at(steps + 1);
  std::map<std::string, std::uint64_t> kills;
  const auto kill_after = [&](std::uint64_t step) {
    start_watchdog();
    SCOPED_TRACE("killed after instruction " + std::to_string(step));
    const std::string where(round(step));
    if (!where.empty()) ++kills[where];
    return where;
  };
  for (std::uint64_t step = 1; step <= steps && !testing::Test::HasFailure(); step += stride) {
    died_at[step] = kill_after(step);
  }
  for (std::uint64_t again = 1; again < wanted_kills(); ++again) {
    for (std::uint64_t step = 1; step <= steps && !testing::Test::HasFailure(); ++step) {
      if (!died_at[step].empty() && kills[died_at[step]] < wanted_kills()) kill_after(step);
    }
  }
  std::printf("%llu instructions; killed", static_cast<unsigned long long>(steps));
  for (const auto& [where, count] : kills) {
    std::printf(" at %s: %llu", where.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("\n");
}

}  // namespace ringmail::transport::test

#include "latency/far_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include "measuring/cpus.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;
using namespace ringmail::transport;

constexpr std::uint64_t spin_ns = 50'000;
constexpr std::uint64_t sleep_ns = 100'000'000;

/// Waits until `word` is no longer `value`. Whoever changes it calls futex_wake. Soon asleep: between its blocks this process
/// must leave the CPU to the far ends that are processes of their own.
std::uint32_t await_change(const std::atomic<std::uint32_t>& word, std::uint32_t value) {
  const std::uint64_t until = monotonic_ns() + spin_ns;
  while (true) {
    const std::uint32_t now = word.load(std::memory_order_acquire);
    if (now != value) return now;
    if (monotonic_ns() < until) {
      transport::pause();
    } else {
      futex_wait(word, value, sleep_ns);
    }
  }
}

}  // namespace

FarProcess::FarProcess(std::span<const std::unique_ptr<Scenario>> scenarios, const Block& block, int cpu)
    : mapping_(value_of(value_of(Segment::create("latency.control", page_bytes)).map(Mapping::Access::write))),
      control_(*new(mapping_.data()) Control) {
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (pid_ == 0) serve(scenarios, block, cpu, parent);
  watcher_ = std::thread([this] { watch(); });
}

FarProcess::~FarProcess() {
  stopping_.store(true);
  give_order(quit);
  // A far end that waits in the middle of a block, because the near end failed there, hears no order.
  if (std::uncaught_exceptions() > 0) kill(pid_, SIGKILL);
  watcher_.join();
}

void FarProcess::begin(std::size_t index) {
  std::uint32_t taken = control_.taken.load(std::memory_order_acquire);
  give_order(static_cast<std::uint32_t>(index));
  const std::uint32_t order = control_.order.load(std::memory_order_relaxed);
  while (taken != order) taken = await_change(control_.taken, taken);
}

void FarProcess::give_order(std::uint32_t what) {
  control_.order.store(++orders_ << 8 | what, std::memory_order_seq_cst);
  futex_wake(control_.order);
}

void FarProcess::serve(std::span<const std::unique_ptr<Scenario>> scenarios,
                       const Block& block,
                       int cpu,
                       pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it died before the line above
  try {
    pin_this_thread(cpu);
    std::uint32_t order = 0;
    while (true) {
      order = await_change(control_.order, order);
      const std::uint32_t what = order & 0xff;
      if (what == quit) _exit(0);
      control_.taken.store(order, std::memory_order_seq_cst);
      futex_wake(control_.taken);
      Scenario& scenario = *scenarios[what];
      scenario.far_end(scenario.messages(block.warm_up));
      scenario.far_end(scenario.messages(block.round_trips));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "latency: the far end: %s\n", error.what());
    _exit(1);
  }
}

void FarProcess::watch() {
  // The near end polls for an answer and would do so for ever.
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (stopping_.load()) return;
  std::fprintf(stderr, "latency: the far end has died (status %#x)\n", static_cast<unsigned>(status));
  _exit(1);
}

}  // namespace bench

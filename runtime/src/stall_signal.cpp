#include "stall_signal.hpp"

#include <execinfo.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "ringmail/runtime/clock.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "spare_signal.hpp"

namespace ringmail::runtime {
namespace {

// A signal handler reaches nothing else.
std::atomic<StackSample*> question{nullptr};
static_assert(std::atomic<StackSample*>::is_always_lock_free);

/// Nothing here allocates or locks: backtrace() has loaded what it loads before, and finds unwind tables without a lock since
/// glibc 2.35.
void answer(int) {
  const int error = errno;
  Scheduler* const here = Scheduler::current();
  StackSample* sample = question.load(std::memory_order_acquire);
  // Taken by whoever is asked, and by nobody else: the same signal may come from elsewhere.
  if (sample != nullptr && here != nullptr && sample->scheduler == here &&
      question.compare_exchange_strong(sample, nullptr, std::memory_order_acq_rel)) {
    sample->same_turn = here->turn_mark() == sample->turn_mark;
    if (const Cell* cell = here->current_cell(); cell != nullptr && sample->same_turn) {
      sample->actor = cell->id();
      sample->class_name = cell->class_name();
    }
    sample->depth = backtrace(sample->frames.data(), static_cast<int>(sample->frames.size()));
    sample->done.store(true, std::memory_order_release);
  }
  errno = error;
}

}  // namespace

std::expected<int, std::string> install_stall_signal(int wanted) {
  static std::mutex mutex;
  static std::vector<int> installed;
  const std::lock_guard lock(mutex);
  if (wanted == 0 ? !installed.empty() : std::ranges::find(installed, wanted) != installed.end()) {
    return wanted != 0 ? wanted : installed.front();
  }
  struct sigaction before{};
  const int number = wanted != 0 ? wanted : spare_signal();
  if (number == 0) return std::unexpected("each signal that could be used is handled by somebody");
  if (sigaction(number, nullptr, &before) != 0) return std::unexpected(std::string(std::strerror(errno)));
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    return std::unexpected("signal " + std::to_string(number) + " is handled by somebody");
  }
  // The first call loads the unwinder, which allocates.
  void* frames[4];
  static_cast<void>(backtrace(frames, 4));
  struct sigaction action{};
  action.sa_handler = &answer;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  if (sigaction(number, &action, nullptr) != 0) return std::unexpected(std::string(std::strerror(errno)));
  installed.push_back(number);
  return number;
}

void let_ask(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::shared_ptr<const StackSample> ask_for_stack(pthread_t thread,
                                                 int signal,
                                                 const Scheduler& scheduler,
                                                 std::uint64_t turn_mark,
                                                 std::chrono::nanoseconds timeout) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  auto sample = std::make_shared<StackSample>();
  sample->scheduler = &scheduler;
  sample->turn_mark = turn_mark;
  question.store(sample.get(), std::memory_order_release);
  if (pthread_kill(thread, signal) == 0) {
    const std::uint64_t until_ns = now_ns() + static_cast<std::uint64_t>(timeout.count());
    while (!sample->done.load(std::memory_order_acquire) && now_ns() < until_ns) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  if (sample->done.load(std::memory_order_acquire)) return sample;
  if (question.exchange(nullptr, std::memory_order_acq_rel) == nullptr) {
    // It has been taken and is being written: it must live on.
    static_cast<void>(new std::shared_ptr<StackSample>(std::move(sample)));
  }
  return nullptr;
}

}  // namespace ringmail::runtime

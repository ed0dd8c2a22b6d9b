#include "write_fault.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace ringmail::node {
namespace {

struct Range {
  std::atomic<std::uintptr_t> start{0};  // 0: free
  std::atomic<std::uintptr_t> end{0};
};

// Of as many lanes as a link can have. What finds no place has no line.
std::array<Range, 256> ranges;

// macOS reports such a fault as SIGBUS.
#ifdef __APPLE__
constexpr int write_fault = SIGBUS;
#else
constexpr int write_fault = SIGSEGV;
#endif
struct sigaction previous;

void on_fault(int number, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const Range& range : ranges) {
    if (address < range.start.load(std::memory_order_acquire) || address >= range.end.load(std::memory_order_relaxed))
      continue;
    constexpr char text[] =
        "ringmail: a received message was written to: its memory is the host's; change message.$copy()\n";
    static_cast<void>(!write(STDERR_FILENO, text, sizeof text - 1));
    signal(number, SIG_DFL);  // the same write faults again
    return;
  }
  // Node has a handler of its own, for WebAssembly.
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(number, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(number);
  signal(number, SIG_DFL);
}

}  // namespace

void explain_writes_to(const void* memory, std::size_t bytes) {
  static std::once_flag installed;
  std::call_once(installed, [] {
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(write_fault, &action, &previous);
  });
  const auto start = reinterpret_cast<std::uintptr_t>(memory);
  for (Range& range : ranges) {
    std::uintptr_t free = 0;
    // Taken with an end of 0, so that nobody finds an address in it yet.
    if (!range.start.compare_exchange_strong(free, start, std::memory_order_acq_rel)) continue;
    range.end.store(start + bytes, std::memory_order_release);
    return;
  }
}

void forget_writes_to(const void* memory) {
  for (Range& range : ranges) {
    if (range.start.load(std::memory_order_acquire) != reinterpret_cast<std::uintptr_t>(memory)) continue;
    range.end.store(0, std::memory_order_relaxed);
    range.start.store(0, std::memory_order_release);
  }
}

}  // namespace ringmail::node

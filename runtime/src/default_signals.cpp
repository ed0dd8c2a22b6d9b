#include "default_signals.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "ringmail/runtime/system.hpp"

namespace ringmail::runtime {
namespace {

constexpr std::array<int, 2> numbers{SIGINT, SIGTERM};

/// Of one process: a child of fork makes its own, and leaves its parent's mutex alone. Made once and never destroyed, and so is
/// the thread that reads the pipe: a handler that runs late, when the last system has gone, is heard too, and does not write into
/// somebody else's descriptor.
struct Watch {
  const pid_t pid = getpid();
  int out = -1;
  int in = -1;

  std::mutex mutex;
  std::vector<System*> systems;  // guarded by mutex
  bool is_ending = false;        // guarded by mutex
  bool has_thread = false;       // guarded by mutex
};

std::atomic<Watch*> current{nullptr};

void take(int number);

bool is_ours(int number) {
  struct sigaction now{};
  return sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == &take;
}

/// In a signal handler, too.
void give_back() {
  struct sigaction fatal{};
  fatal.sa_handler = SIG_DFL;
  for (const int number : numbers) {
    if (is_ours(number)) sigaction(number, &fatal, nullptr);
  }
}

/// The handler. The second signal is not for us; nor is the first, where it comes to a child of fork.
void take(int number) {
  const int error = errno;
  give_back();
  // Acquire: any thread may be the one that takes the signal, and another one has made the pipe.
  Watch* const watch = current.load(std::memory_order_acquire);
  if (watch == nullptr || watch->pid != getpid()) {
    raise(number);  // once this has returned
  } else {
    const auto byte = static_cast<unsigned char>(number);
    static_cast<void>(!write(watch->in, &byte, 1));
  }
  errno = error;
}

[[noreturn]] void die_of(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  struct sigaction fatal{};
  fatal.sa_handler = SIG_DFL;
  sigaction(number, &fatal, nullptr);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(number);
  _exit(128 + number);
}

[[noreturn]] void end_all(Watch& watch, int number) {
  std::unique_lock lock(watch.mutex);
  watch.is_ending = true;  // from here on nobody leaves, so each of them stays
  while (!watch.systems.empty()) {
    System& system = *watch.systems.back();
    watch.systems.pop_back();
    lock.unlock();
    system.log().info("signal {}: the system is being shut down; the next one ends the process", number);
    system.shutdown();
    system.log().flush();
    lock.lock();
  }
  die_of(number);
}

void watch_signals(Watch& watch) {
  unsigned char number = 0;
  while (read(watch.out, &number, 1) != 1) {
  }
  end_all(watch, number);
}

std::expected<Watch*, std::string> watch_of_this_process() {
  Watch* watch = current.load(std::memory_order_acquire);
  if (watch != nullptr && watch->pid == getpid()) return watch;
  auto made = std::make_unique<Watch>();
  int ends[2];
  if (pipe(ends) != 0) return std::unexpected(std::string("a pipe for signals: ") + std::strerror(errno));
  for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  made->out = ends[0];
  made->in = ends[1];
  if (current.compare_exchange_strong(watch, made.get(), std::memory_order_acq_rel)) return made.release();
  close(ends[0]);
  close(ends[1]);
  return watch;  // somebody else's, who was first
}

/// Of those that nobody handles, ignores, or has blocked to wait for them otherwise.
void install() {
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  struct sigaction action{};
  action.sa_handler = &take;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  for (const int number : numbers) {
    struct sigaction now{};
    if (sigaction(number, nullptr, &now) != 0 || sigismember(&blocked, number) == 1) continue;
    const bool is_default = (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL;
    // Ours already: this is a child of fork that makes a system of its own.
    if (is_default || is_ours(number)) sigaction(number, &action, nullptr);
  }
}

/// It takes no signal itself.
void start_thread(Watch& watch) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([&watch] { watch_signals(watch); }).detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

std::expected<void, std::string> DefaultSignals::enter(System& system) {
  const auto watch = watch_of_this_process();
  if (!watch) return std::unexpected(watch.error());
  Watch& here = **watch;
  const std::lock_guard lock(here.mutex);
  if (!here.has_thread) {
    try {
      start_thread(here);
    } catch (const std::system_error& error) {
      return std::unexpected(std::string("a thread for signals: ") + error.what());
    }
    here.has_thread = true;
  }
  if (here.systems.empty() && !here.is_ending) install();
  here.systems.push_back(&system);
  return {};
}

void DefaultSignals::leave(System& system) {
  Watch& watch = *current.load(std::memory_order_acquire);
  std::unique_lock lock(watch.mutex);
  if (watch.is_ending) {
    lock.unlock();
    while (true) pause();
  }
  std::erase(watch.systems, &system);
  if (watch.systems.empty()) give_back();
}

}  // namespace ringmail::runtime

#include "stall_detector.hpp"

#include <dlfcn.h>
#include <spdlog/spdlog.h>

#include <csignal>

#include "ringmail/runtime/clock.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/transport/park.hpp"
#include "stall_signal.hpp"
#include "type_text.hpp"

namespace ringmail::runtime {
namespace {

constexpr auto stack_timeout = std::chrono::milliseconds(500);

/// A function's name, where the program exports it, and what addr2line needs in any case.
std::string frame_text(const void* frame) {
  Dl_info info{};
  if (dladdr(frame, &info) == 0) return fmt::format("{}", frame);
  const auto offset = reinterpret_cast<std::uintptr_t>(frame) - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  return fmt::format("{} in {} ({}+{:#x})", frame, info.dli_sname != nullptr ? demangled(info.dli_sname) : "?",
                     info.dli_fname, offset);
}

std::string stack_text(const StackSample& sample) {
  std::string text;
  // The first two are the signal's.
  for (int i = 2; i < sample.depth; ++i) {
    text += fmt::format("\n  #{} {}", i - 2, frame_text(sample.frames[static_cast<std::size_t>(i)]));
  }
  return text;
}

}  // namespace

StallDetector::StallDetector(std::chrono::nanoseconds limit,
                             int signal,
                             std::vector<Watched> watched,
                             NameOf name_of,
                             std::shared_ptr<spdlog::logger> log)
    : limit_(limit), signal_(signal), name_of_(std::move(name_of)), log_(std::move(log)) {
  for (const Watched& whom : watched) watches_.push_back({.whom = whom});
  // Signals to the program are for its own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
#ifdef __linux__
  pthread_setname_np(thread_.native_handle(), "rm-stalls");
#endif
}

StallDetector::~StallDetector() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void StallDetector::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    for (Watch& watch : watches_) look(watch, now_ns());
    lock.lock();
    changed_.wait_for(lock, limit_ / 2, [this] { return ending_; });
  }
}

void StallDetector::look(Watch& watch, std::uint64_t now) {
  const std::uint64_t turn_mark = watch.whom.scheduler->turn_mark();
  const std::uint32_t park_word = watch.whom.scheduler->park_word();
  if (turn_mark != watch.turn_mark || park_word != watch.park_word || watch.since_ns == 0 ||
      transport::ParkWord::state(park_word) != transport::ParkState::awake) {
    if (watch.reported) {
      log_->warn("scheduler {} goes on, after {:.3f} s", watch.whom.scheduler->index(),
                 static_cast<double>(now - watch.since_ns) / 1e9);
    }
    watch = {.whom = watch.whom, .turn_mark = turn_mark, .park_word = park_word, .since_ns = now};
    return;
  }
  if (watch.reported || now - watch.since_ns < static_cast<std::uint64_t>(limit_.count())) return;
  watch.reported = true;
  report(watch, now);
}

void StallDetector::report(const Watch& watch, std::uint64_t now) {
  const Scheduler& scheduler = *watch.whom.scheduler;
  const double seconds = static_cast<double>(now - watch.since_ns) / 1e9;
  const auto sample =
      signal_ != 0 ? ask_for_stack(watch.whom.thread, signal_, scheduler, watch.turn_mark, stack_timeout) : nullptr;
  if (sample == nullptr) {
    log_->warn("scheduler {} has been in one turn for {:.3f} s, and does not say where: {}", scheduler.index(), seconds,
               signal_ != 0 ? "it blocks the signal, or the kernel keeps it" : "there is no signal to ask it with");
    return;
  }
  // It has come back just now.
  if (!sample->same_turn) return;
  if (!sample->actor) {
    log_->warn("scheduler {} has been busy outside of any handler for {:.3f} s, at{}", scheduler.index(), seconds,
               stack_text(*sample));
    return;
  }
  const std::string name = name_of_(sample->actor);
  log_->warn("scheduler {}: actor {:#x} of class {}{} has been in one handler for {:.3f} s, at{}", scheduler.index(),
             sample->actor.value(), demangled(sample->class_name), name.empty() ? "" : ", published as '" + name + "',",
             seconds, stack_text(*sample));
}

}  // namespace ringmail::runtime

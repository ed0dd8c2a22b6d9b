// The seam that hides the event loop's library: tasks from any thread, timers, and readiness of descriptors.
//
// Threads: post() may be called from any thread. Everything else belongs to the thread that calls run(), or to the one that
// creates the loop as long as run() has not been called. Callbacks may destroy the timer or the watch that called them.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct uv_loop_s;

namespace ringmail::runtime {

class ReactorLoop {
 public:
  static std::expected<std::unique_ptr<ReactorLoop>, std::string> create();
  ~ReactorLoop();
  ReactorLoop(const ReactorLoop&) = delete;
  ReactorLoop& operator=(const ReactorLoop&) = delete;

  /// Returns after quit(), once every timer and watch has been destroyed.
  void run();
  void quit();

  /// Tasks run in the order in which they were posted. False after quit(): the task is dropped.
  bool post(std::function<void()> task);

  uv_loop_s* native() { return loop_; }

 private:
  struct Async;
  ReactorLoop() = default;
  void run_tasks();

  uv_loop_s* loop_ = nullptr;
  Async* async_ = nullptr;  // freed by the loop, after it has closed it
  std::mutex mutex_;        // guards the two below
  std::vector<std::function<void()>> tasks_;
  bool open_ = false;
};

/// What is read of one control stream before the loop looks at the others.
inline constexpr int frames_a_turn = 16;

/// Calls back once, not before its time.
class LoopTimer {
 public:
  explicit LoopTimer(ReactorLoop& loop);
  ~LoopTimer();
  LoopTimer(const LoopTimer&) = delete;
  LoopTimer& operator=(const LoopTimer&) = delete;

  /// In place of what was set before.
  void set(std::chrono::nanoseconds delay, std::function<void()> task);
  void cancel();

 private:
  struct State;
  State* state_;  // freed by the loop, after it has closed the handle
};

/// Calls back while a descriptor is ready. The descriptor is not owned, and may be closed as soon as the watch is destroyed.
class LoopWatch {
 public:
  enum Events : unsigned { readable = 1, writable = 2 };

  /// Fails, with errno, for what cannot be polled (a file on disk). Sets O_NONBLOCK on the open description.
  static std::expected<std::unique_ptr<LoopWatch>, int> create(ReactorLoop& loop,
                                                               int descriptor,
                                                               std::function<void(unsigned ready)> task);
  ~LoopWatch();
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;

  /// In place of what was watched for before. An error or a hang-up is reported as readable: reading tells.
  void watch(unsigned events);
  void stop();

 private:
  struct State;
  explicit LoopWatch(State* state) : state_(state) {}

  State* state_;  // freed by the loop, after it has closed the handle
};

}  // namespace ringmail::runtime

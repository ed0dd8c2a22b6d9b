#include "reactor_loop.hpp"

#include <uv.h>

#include <cassert>
#include <utility>

namespace ringmail::runtime {
namespace {

template <class State>
void free_state(uv_handle_t* handle) {
  delete static_cast<State*>(handle->data);
}

}  // namespace

struct ReactorLoop::Async {
  uv_async_t handle;
};

std::expected<std::unique_ptr<ReactorLoop>, std::string> ReactorLoop::create() {
  std::unique_ptr<ReactorLoop> loop(new ReactorLoop);
  loop->loop_ = new uv_loop_t;
  if (const int result = uv_loop_init(loop->loop_); result != 0) {
    delete std::exchange(loop->loop_, nullptr);
    return std::unexpected(std::string("cannot make an event loop: ") + uv_strerror(result));
  }
  auto async = std::make_unique<Async>();
  const int result = uv_async_init(loop->loop_, &async->handle, [](uv_async_t* handle) {
    static_cast<ReactorLoop*>(handle->loop->data)->run_tasks();
  });
  if (result != 0) return std::unexpected(std::string("cannot make an event loop: ") + uv_strerror(result));
  loop->loop_->data = loop.get();
  loop->async_ = async.release();
  loop->async_->handle.data = loop->async_;
  loop->open_ = true;
  return loop;
}

ReactorLoop::~ReactorLoop() {
  if (loop_ == nullptr) return;
  quit();
  // What was closed is freed by the loop's next turn.
  uv_run(loop_, UV_RUN_DEFAULT);
  [[maybe_unused]] const int result = uv_loop_close(loop_);
  assert(result == 0);
  delete loop_;
}

void ReactorLoop::run() { uv_run(loop_, UV_RUN_DEFAULT); }

void ReactorLoop::quit() {
  // Dropped when the lock is free again: what a task holds may post on its way out.
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  if (!std::exchange(open_, false)) return;
  dropped.swap(tasks_);
  uv_close(reinterpret_cast<uv_handle_t*>(&async_->handle), free_state<Async>);
}

bool ReactorLoop::post(std::function<void()> task) {
  // Sent under the lock: the handle must not be closed in between.
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  tasks_.push_back(std::move(task));
  uv_async_send(&async_->handle);
  return true;
}

void ReactorLoop::run_tasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (auto& task : tasks) task();
}

struct LoopTimer::State {
  uv_timer_t handle;
  std::function<void()> task;
};

LoopTimer::LoopTimer(ReactorLoop& loop) : state_(new State) {
  uv_timer_init(loop.native(), &state_->handle);
  state_->handle.data = state_;
}

LoopTimer::~LoopTimer() { uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle), free_state<State>); }

void LoopTimer::set(std::chrono::nanoseconds delay, std::function<void()> task) {
  state_->task = std::move(task);
  // The loop counts whole milliseconds from the start of its turn: rounded up, or a deadline would come early.
  uv_update_time(state_->handle.loop);
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(delay).count();
  uv_timer_start(
      &state_->handle,
      [](uv_timer_t* handle) {
        // Moved out, since the task may set the timer again.
        const auto task = std::move(static_cast<State*>(handle->data)->task);
        task();
      },
      milliseconds > 0 ? static_cast<std::uint64_t>(milliseconds) : 0, 0);
}

void LoopTimer::cancel() { uv_timer_stop(&state_->handle); }

struct LoopWatch::State {
  static void on_ready(uv_poll_t* handle, int status, int ready);

  uv_poll_t handle;
  std::function<void(unsigned)> task;
  int events = 0;
};

std::expected<std::unique_ptr<LoopWatch>, int> LoopWatch::create(ReactorLoop& loop,
                                                                 int descriptor,
                                                                 std::function<void(unsigned)> task) {
  auto state = std::make_unique<State>();
  state->task = std::move(task);
  // A handle that could not be initialised needs no closing.
  if (const int result = uv_poll_init(loop.native(), &state->handle, descriptor); result != 0) {
    return std::unexpected(-result);
  }
  state->handle.data = state.get();
  return std::unique_ptr<LoopWatch>(new LoopWatch(state.release()));
}

LoopWatch::~LoopWatch() { uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle), free_state<State>); }

void LoopWatch::watch(unsigned events) {
  state_->events = ((events & readable) != 0 ? UV_READABLE : 0) | ((events & writable) != 0 ? UV_WRITABLE : 0);
  uv_poll_start(&state_->handle, state_->events, State::on_ready);
}

void LoopWatch::stop() { uv_poll_stop(&state_->handle); }

void LoopWatch::State::on_ready(uv_poll_t* handle, int status, int ready) {
  auto& state = *static_cast<State*>(handle->data);
  unsigned events = 0;
  if (status < 0) {
    // The library has stopped the watch, over an error of the socket that the next read takes away.
    uv_poll_start(handle, state.events, on_ready);
    events |= readable;
  }
  if ((ready & UV_READABLE) != 0) events |= readable;
  if ((ready & UV_WRITABLE) != 0) events |= writable;
  state.task(events);
}

}  // namespace ringmail::runtime

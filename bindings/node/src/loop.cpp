// The link in libuv's loop. Before each sleep the transport is asked whether there is reason for one, and its descriptor ends it.
#include "arguments.hpp"

namespace ringmail::node {
namespace {

constexpr std::uint64_t ns_in_a_ms = 1'000'000;

/// A turn of the loop, with its system call, takes as long as a message or two. So after the first call the link stays, and calls
/// JavaScript again for what comes before this time is up (decision 30). It is also the most by which that delays what else the loop
/// waits for.
constexpr std::uint64_t longest_stay_ns = 20'000;

template <class Handle>
Link* link_of(Handle* handle) {
  return static_cast<Link*>(handle->data);
}

void do_not_sleep(uv_idle_t* idle) {
  uv_idle_start(idle, [](uv_idle_t*) {});
}

}  // namespace

void call_back(napi_env env, napi_ref function, int argument) {
  napi_handle_scope scope = nullptr;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value called = nullptr;
  napi_value global = nullptr;
  const napi_value given = to_value(env, argument);
  napi_get_reference_value(env, function, &called);
  napi_get_global(env, &global);
  if (napi_make_callback(env, nullptr, global, called, 1, &given, nullptr) == napi_pending_exception) {
    napi_value error = nullptr;
    napi_get_and_clear_last_exception(env, &error);
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

bool Link::join_loop(napi_value ready) {
  uv_loop_t* loop = nullptr;
  const int descriptor = ringmail_descriptor(peer_);
  if (descriptor < 0 || napi_get_uv_event_loop(env_, &loop) != napi_ok) return false;
  if (uv_poll_init(loop, &poll_, descriptor) != 0) return false;
  uv_prepare_init(loop, &prepare_);
  uv_check_init(loop, &check_);
  uv_idle_init(loop, &idle_);
  uv_timer_init(loop, &timer_);
  poll_.data = prepare_.data = check_.data = idle_.data = timer_.data = this;
  handles_ = 5;
  uv_poll_start(&poll_, UV_READABLE, on_readable);
  uv_prepare_start(&prepare_, before_sleep);
  uv_check_start(&check_, after_sleep);
  // The descriptor alone keeps the process running, as a socket does.
  uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&idle_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&timer_));
  napi_create_reference(env_, ready, 1, &ready_);
  napi_add_async_cleanup_hook(env_, on_leaving, this, &hook_);
  return true;
}

void Link::before_sleep(uv_prepare_t* handle) {
  Link& link = *link_of(handle);
  if (!link.is_open()) return;
  std::int64_t longest_ns = 0;
  const int looked = ringmail_prepare(link.peer_, link.takes_mail_ ? 1 : 0, &longest_ns);
  if (looked == 0 && !link.is_ready_) {
    uv_idle_stop(&link.idle_);
    // Rounded up: the clock of the loop stands still within a turn.
    const auto longest_ms = (static_cast<std::uint64_t>(longest_ns) + ns_in_a_ms - 1) / ns_in_a_ms;
    uv_timer_start(&link.timer_, [](uv_timer_t*) {}, longest_ms, 0);
    return;
  }
  // An error shows again where JavaScript receives.
  if (looked != 2) link.is_ready_ = link.is_ready_ || looked != 0;
  do_not_sleep(&link.idle_);
}

void Link::on_readable(uv_poll_t* handle, int, int) {
  Link& link = *link_of(handle);
  if (!link.is_open()) return;
  ringmail_resume(link.peer_);
  link.is_ready_ = true;
}

void Link::after_sleep(uv_check_t* handle) {
  Link& link = *link_of(handle);
  if (!link.is_open() || !link.is_ready_) return;
  const std::uint64_t until_ns = uv_hrtime() + longest_stay_ns;
  do {
    link.is_ready_ = false;
    call_back(link.env_, link.ready_, link.receive_reply());
    // Who calls again wants a turn between.
  } while (link.is_open() && !link.is_ready_ && link.comes_before(until_ns));
}

bool Link::comes_before(std::uint64_t time_ns) {
  // Promises and ticks have had their turn when JavaScript was left. Of immediates, timers that are due, handles that close and of who
  // else does not want to sleep libuv knows, once this link's own wish is taken back.
  uv_idle_stop(&idle_);
  const bool would_sleep = uv_backend_timeout(idle_.loop) != 0;
  do_not_sleep(&idle_);  // before_sleep() decides
  if (!would_sleep) return false;
  constexpr int looks_without_clock = 4;
  while (uv_hrtime() < time_ns) {
    for (int looks = 0; looks < looks_without_clock; ++looks) {
      std::int64_t longest_ns = 0;
      const int looked = ringmail_prepare(peer_, takes_mail_ ? 1 : 0, &longest_ns);
      // An error shows again where JavaScript receives.
      if (looked != 2) return looked != 0;
    }
  }
  return false;
}

void Link::call_again() {
  if (handles_ == 0) return;
  is_ready_ = true;
  do_not_sleep(&idle_);
}

void Link::stop_watching() {
  if (handles_ == 0) return;
  uv_poll_stop(&poll_);
  // What it has published is handled before the process may end.
  uv_ref(reinterpret_cast<uv_handle_t*>(&idle_));
}

void Link::leave_loop() {
  if (ready_ == nullptr) return;
  napi_delete_reference(env_, ready_);
  ready_ = nullptr;
  const auto closed = [](uv_handle_t* handle) {
    Link& link = *link_of(handle);
    --link.handles_;
    link.delete_if_done();
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&check_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&idle_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
}

/// The environment ends, of a worker for one: its loop must be empty by then.
void Link::on_leaving(napi_async_cleanup_hook_handle, void* link) { static_cast<Link*>(link)->close(); }

void Link::delete_if_done() {
  if (handles_ != 0) return;
  if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
  hook_ = nullptr;
  if (is_dropped_) delete this;
}

}  // namespace ringmail::node

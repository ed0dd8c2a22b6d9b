#include "ringmail/runtime/remote_system.hpp"

#include <algorithm>
#include <utility>

#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {

void RemoteSystem::let_in(ActorId actor) {
  const std::lock_guard lock(mutex_);
  exported_.insert(actor.value());
}

void RemoteSystem::shut_out(ActorId actor) {
  const std::lock_guard lock(mutex_);
  exported_.erase(actor.value());
}

bool RemoteSystem::is_let_in(ActorId actor) const {
  const std::lock_guard lock(mutex_);
  return exported_.contains(actor.value());
}

bool RemoteSystem::link_ready() {
  const std::lock_guard lock(mutex_);
  ++ready_links_;
  changed_.notify_all();
  return ready_links_ == schedulers_;
}

void RemoteSystem::end(ExitReason reason) {
  const std::lock_guard lock(mutex_);
  if (end_) return;
  end_ = std::move(reason);
  exported_.clear();
  changed_.notify_all();
}

bool RemoteSystem::is_connected() const {
  const std::lock_guard lock(mutex_);
  return ready_links_ == schedulers_ && !end_;
}

bool RemoteSystem::has_ended() const {
  const std::lock_guard lock(mutex_);
  return end_.has_value();
}

bool RemoteSystem::wait_until_connected(std::uint64_t deadline_ns) {
  std::unique_lock lock(mutex_);
  while (ready_links_ != schedulers_ && !end_) {
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) return false;
    changed_.wait_for(lock, std::chrono::nanoseconds(std::min<std::uint64_t>(deadline_ns - now, 3'600'000'000'000)));
  }
  return !end_;
}

ExitReason RemoteSystem::wait_for_end() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return end_.has_value(); });
  return *end_;
}

}  // namespace ringmail::runtime

// How many messages of one source may be unhandled.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "io_hub.hpp"
#include "ringmail/runtime/io.hpp"

namespace ringmail::runtime {

/// Threads: take() is the reactor's; a credit may go from any thread.
class IoCredits : public std::enable_shared_from_this<IoCredits> {
 public:
  /// `resume` runs on the reactor's thread when there is a credit again after there was none.
  IoCredits(std::shared_ptr<IoHub> hub, std::uint32_t count, std::function<void()> resume)
      : hub_(std::move(hub)), resume_(std::move(resume)), left_(count) {}

  /// Null: there is none. `resume` follows.
  IoCredit take() {
    // Only this thread takes, so what is there stays there. Nothing is read on the strength of a credit but what its taker
    // gets from the kernel: the count alone is shared.
    if (left_.load(std::memory_order_relaxed) == 0) return nullptr;
    left_.fetch_sub(1, std::memory_order_relaxed);
    return IoCredit(static_cast<const void*>(this), [self = shared_from_this()](const void*) { self->give_back(); });
  }

 private:
  void give_back() {
    // Whoever ends the shortage says so; the reactor saw the 0 either before this, and is told, or sees the 1.
    if (left_.fetch_add(1, std::memory_order_relaxed) == 0) {
      hub_->post([self = shared_from_this()] { self->resume_(); });
    }
  }

  const std::shared_ptr<IoHub> hub_;
  const std::function<void()> resume_;
  std::atomic<std::uint32_t> left_;
};

}  // namespace ringmail::runtime

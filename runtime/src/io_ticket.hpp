// One wait of one handler for the reactor. Both hold it, so either may be done with it first.
#pragma once

#include <cassert>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "io_hub.hpp"
#include "ringmail/runtime/io_error.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/runtime/system.hpp"

namespace ringmail::runtime {

class IoTicket : public std::enable_shared_from_this<IoTicket> {
 public:
  explicit IoTicket(Scheduler& home) : home_(home) {}

  /// In the handler. Nothing: complete() was called.
  std::expected<void, IoErrorKind> wait(Deadline deadline) {
    Waiter waiter;
    waiter_ = &waiter;
    const Wake woken = home_.wait(waiter, deadline);
    waiter_ = nullptr;
    // It may have come in the same turn as the time-out.
    if (is_complete_) return {};
    switch (woken) {
      case Wake::timed_out: return std::unexpected(IoErrorKind::timed_out);
      case Wake::no_stack: return std::unexpected(IoErrorKind::no_stack);
      default: return std::unexpected(IoErrorKind::stopped);
    }
  }

  /// Once, from the reactor's thread, which ends before any scheduler is destroyed.
  void complete() {
    home_.post([self = shared_from_this()] {
      self->is_complete_ = true;
      if (self->waiter_ != nullptr) self->home_.wake(*self->waiter_, Wake::ready);
    });
  }

 private:
  Scheduler& home_;
  // The home thread's.
  Waiter* waiter_ = nullptr;  // lies on the stack of who waits, as long as it does
  bool is_complete_ = false;
};

/// A question to the reactor. The result is read by the handler only after complete(), by way of the scheduler's lock; if
/// nobody waits any more, it is destroyed with the last who holds the call.
template <class Result>
class IoCall : public IoTicket {
 public:
  using IoTicket::IoTicket;

  void finish(Result result) {
    result_.emplace(std::move(result));
    complete();
  }
  void fail(IoError error) {
    error_ = std::move(error);
    complete();
  }
  std::expected<Result, IoError> take() {
    if (!result_) return std::unexpected(std::move(error_));
    return std::move(*result_);
  }

 private:
  std::optional<Result> result_;
  IoError error_;
};

/// In a handler. `start(hub, call)` runs on the reactor's thread and sees to it that call->finish() or call->fail() is called once.
template <class Result, class Start>
std::expected<Result, IoError> io_call(std::string_view what, Deadline deadline, Start start) {
  Scheduler* const home = Scheduler::current();
  assert(home != nullptr && home->current_cell() != nullptr && "input and output are meant for handlers");
  const auto call = std::make_shared<IoCall<Result>>(*home);
  const std::shared_ptr<IoHub>& hub = home->system()->io();
  const bool posted = hub->post([hub, call, start = std::move(start)]() mutable {
    if (hub->has_ended()) return call->fail(io_error("the request", IoErrorKind::stopped));
    start(hub, call);
  });
  if (!posted) return std::unexpected(io_error(what, IoErrorKind::stopped));
  if (const auto woken = call->wait(deadline); !woken) return std::unexpected(io_error(what, woken.error()));
  return call->take();
}

}  // namespace ringmail::runtime

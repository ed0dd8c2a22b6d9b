// Waiting for the replacement of a peer's program: a handler suspends, any other thread blocks.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "ringmail/runtime/peer_keeper.hpp"
#include "ringmail/runtime/system.hpp"
#include "system_link.hpp"

namespace ringmail::runtime {
namespace {

/// Shared with the reactor, which may answer when nobody waits any more.
struct ReplaceAnswer {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<ReplaceOutcome> outcome;
  Waiter* waiter = nullptr;  // the scheduler's thread's alone; null: no handler waits

  std::optional<ReplaceOutcome> get() {
    const std::lock_guard lock(mutex);
    return outcome;
  }
};

std::unexpected<ReplaceError> not_replaced(ReplaceError::Kind kind, std::string text = {}) {
  return std::unexpected(ReplaceError{.kind = kind, .text = std::move(text)});
}

}  // namespace

ReplaceOutcome System::replace_peer(std::string_view name,
                                    const PeerReplacement& replacement,
                                    std::chrono::nanoseconds timeout) {
  return replace_peer(link_of(name), replacement, timeout);
}

ReplaceOutcome System::replace_peer(std::uint32_t link,
                                    const PeerReplacement& replacement,
                                    std::chrono::nanoseconds timeout) {
  using Kind = ReplaceError::Kind;
  {
    const std::lock_guard lock(links_mutex_);
    if (link == 0 || link > links_.size()) return not_replaced(Kind::not_found);
  }
  if (is_forked()) return not_replaced(Kind::not_found, "this process is a fork of the one that made the system");
  Scheduler* const here = Scheduler::current();
  if (here != nullptr && here->told_to_stop()) return not_replaced(Kind::stopped);
  if (here != nullptr && here->system() != this) {
    return not_replaced(Kind::impossible, "a handler of another system cannot wait for this one");
  }
  {
    // The reactor answers as long as the peer lives.
    Link& entry = link_entry(link);
    const std::lock_guard lock(entry.mutex);
    if (entry.end) return not_replaced(Kind::not_found);
  }

  const auto answer = std::make_shared<ReplaceAnswer>();
  reactor_->replace_peer(link, replacement, [answer, here](ReplaceOutcome outcome) {
    {
      const std::lock_guard lock(answer->mutex);
      answer->outcome = std::move(outcome);
      answer->changed.notify_all();
    }
    if (here == nullptr) return;
    here->post([answer, here] {
      if (answer->waiter != nullptr) here->wake(*answer->waiter, Wake::ready);
    });
  });

  if (here == nullptr) {
    std::unique_lock lock(answer->mutex);
    // Bounded, or adding it to the time of day would overflow.
    const auto longest = std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24 * 365));
    if (answer->changed.wait_for(lock, longest, [&] { return answer->outcome.has_value(); })) return *answer->outcome;
    return not_replaced(Kind::timed_out);
  }
  Waiter waiter;
  answer->waiter = &waiter;
  const Wake woken = here->wait(waiter, Deadline::after(timeout));
  answer->waiter = nullptr;
  // It may have come in the same turn as the end of the time.
  if (auto outcome = answer->get()) return *outcome;
  if (woken == Wake::no_stack) return not_replaced(Kind::timed_out, "there is no stack to wait on");
  return not_replaced(woken == Wake::stopped ? Kind::stopped : Kind::timed_out);
}

}  // namespace ringmail::runtime

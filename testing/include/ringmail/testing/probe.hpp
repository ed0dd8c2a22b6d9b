// An actor that keeps what it is sent, for a test to look at.
//
//     testing::Probe<Pong> probe(simulation.system());
//     pinger.send(Ping{probe.mailbox()});
//     auto pong = probe.expect<Pong>(10ms);               // std::expected<Pong, std::string>
//
// In a simulation, times are of its clock and cost none; in any other system, of the machine's, and the calling thread waits.
//
// Threads: those of a test, outside of handlers.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "ringmail/actors/actors.hpp"

namespace ringmail::testing {

namespace detail {

/// Waits as `system` does: by running it, if it is a simulation.
bool wait_until(System& system,
                std::unique_lock<std::mutex>& lock,
                std::condition_variable& changed,
                std::chrono::nanoseconds within,
                const std::function<bool()>& done);
std::string missed(std::string_view wanted, std::chrono::nanoseconds within, std::string_view instead);

template <class M, class... Ms>
concept OneOf = (std::same_as<M, Ms> || ...);

template <class... Ms>
struct Kept {
  struct Message {
    std::variant<Ms...> content;
    runtime::Address sender;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Message> messages;
};

}  // namespace detail

/// The actor of a probe: its mailbox takes each M of Ms, which are copied.
template <class... Ms>
class ProbeActor : public Actor {
 public:
  explicit ProbeActor(std::shared_ptr<detail::Kept<Ms...>> kept) : kept_(std::move(kept)) {}

  template <class M>
    requires detail::OneOf<M, Ms...>
  void on(const M& message) {
    const std::lock_guard lock(kept_->mutex);
    kept_->messages.push_back({message, ringmail::detail::this_sender()});
    kept_->changed.notify_all();
  }

 private:
  std::shared_ptr<detail::Kept<Ms...>> kept_;
};

template <class... Ms>
class Probe {
 public:
  explicit Probe(System& system, Placement where = Placement::round_robin())
      : system_(system), mailbox_(system.template spawn_on<ProbeActor<Ms...>>(where, kept_)) {}

  const Mailbox<ProbeActor<Ms...>>& mailbox() const { return mailbox_; }

  /// The next message, which is to be an M and to come within that time. An error says what came instead; that stays.
  template <class M>
    requires detail::OneOf<M, Ms...>
  std::expected<M, std::string> expect(std::chrono::nanoseconds within) {
    std::unique_lock lock(kept_->mutex);
    const auto any = [this] { return !kept_->messages.empty(); };
    if (!detail::wait_until(system_, lock, kept_->changed, within, any)) {
      return std::unexpected(detail::missed(name<M>(), within, {}));
    }
    if (!std::holds_alternative<M>(kept_->messages.front().content)) {
      return std::unexpected(detail::missed(name<M>(), within, name_of_first()));
    }
    return take<M>(kept_->messages.begin());
  }

  /// The next M, past others, which stay.
  template <class M>
    requires detail::OneOf<M, Ms...>
  std::expected<M, std::string> fish(std::chrono::nanoseconds within) {
    std::unique_lock lock(kept_->mutex);
    auto found = kept_->messages.end();
    const auto look = [&] {
      found = std::ranges::find_if(kept_->messages,
                                   [](const auto& message) { return std::holds_alternative<M>(message.content); });
      return found != kept_->messages.end();
    };
    if (!detail::wait_until(system_, lock, kept_->changed, within, look)) {
      return std::unexpected(detail::missed(name<M>(), within, kept_->messages.empty() ? "" : name_of_first()));
    }
    return take<M>(found);
  }

  /// Nothing comes for so long. An error says what has.
  std::expected<void, std::string> expect_none(std::chrono::nanoseconds time) {
    std::unique_lock lock(kept_->mutex);
    const auto any = [this] { return !kept_->messages.empty(); };
    if (!detail::wait_until(system_, lock, kept_->changed, time, any)) return {};
    return std::unexpected(detail::missed("silence", time, name_of_first()));
  }

  /// Who sent what was taken last. Nobody: no actor.
  template <class A>
  Mailbox<A> sender() const {
    return sender_ ? Mailbox<A>(system_.runtime(), sender_) : Mailbox<A>();
  }

  std::size_t waiting() const {
    const std::lock_guard lock(kept_->mutex);
    return kept_->messages.size();
  }

 private:
  template <class M>
  static std::string_view name() {
    return message_type<M>.name;
  }
  std::string_view name_of_first() const {
    return std::visit([]<class M>(const M&) { return name<M>(); }, kept_->messages.front().content);
  }
  template <class M, class Place>
  M take(Place place) {
    M message = std::move(std::get<M>(place->content));
    sender_ = place->sender;
    kept_->messages.erase(place);
    return message;
  }

  System& system_;
  std::shared_ptr<detail::Kept<Ms...>> kept_ = std::make_shared<detail::Kept<Ms...>>();
  Mailbox<ProbeActor<Ms...>> mailbox_;
  runtime::Address sender_;
};

}  // namespace ringmail::testing

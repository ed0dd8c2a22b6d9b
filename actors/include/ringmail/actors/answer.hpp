// Answering other than by returning: later by a promise, or through another actor; and asking without waiting.
//
//     ringmail::Later<Price> on(const GetPrice& get) {
//       waiting_.push_back(ringmail::this_actor::promise<Price>());    // answered when the price is known
//       return {};
//     }
//     ringmail::Later<Price> on(const GetOther& get) { return ringmail::this_actor::delegate(other_, GetPrice{get.id}, 1s); }
//
// Threads: everything here but Promise is meant for handlers.
#pragma once

#include <chrono>
#include <concepts>
#include <expected>
#include <memory>
#include <type_traits>
#include <utility>

#include "ringmail/actors/ask.hpp"
#include "ringmail/actors/this_actor.hpp"

namespace ringmail {

namespace detail {
/// Who asks, and the scheduler that an answer to him leaves from.
class OpenAnswer {
 public:
  OpenAnswer() = default;
  OpenAnswer(runtime::Scheduler& scheduler, const runtime::Asker& asker) : scheduler_(&scheduler), asker_(asker) {}
  OpenAnswer(OpenAnswer&& other) noexcept
      : scheduler_(other.scheduler_), asker_(std::exchange(other.asker_, runtime::Asker{})) {}
  OpenAnswer& operator=(OpenAnswer&& other) noexcept {
    std::swap(scheduler_, other.scheduler_);
    std::swap(asker_, other.asker_);
    return *this;
  }
  ~OpenAnswer() { refuse(AskError::failed); }

  explicit operator bool() const { return static_cast<bool>(asker_); }
  /// `object` is moved from and destroyed.
  void reply(const runtime::MessageType& type, void* object);
  void refuse(AskError error);

 private:
  runtime::Scheduler* scheduler_ = nullptr;
  runtime::Asker asker_;
};

OpenAnswer take_asker();
void ask_then(const runtime::Question& question,
              std::unique_ptr<runtime::AskContinuation> continuation,
              std::chrono::nanoseconds timeout);
}  // namespace detail

/// The answer that somebody waits for. Any thread may keep it and fulfil it, as long as the system lives. One that is destroyed
/// unfulfilled fails the ask. Where the message was sent and not asked, it is empty, and what it is given goes nowhere.
template <class R>
class Promise {
 public:
  Promise() = default;
  explicit Promise(detail::OpenAnswer answer) : answer_(std::move(answer)) {}

  /// Whether somebody waits who has not been answered.
  explicit operator bool() const { return static_cast<bool>(answer_); }

  template <class Value = R>
    requires std::convertible_to<Value, R>
  void fulfil(Value&& value) {
    detail::Room<Carrier<R>> room;
    ::new (room.place()) Carrier<R>(detail::carry<R>(R(std::forward<Value>(value))));
    answer_.reply(message_type<Carrier<R>>, room.place());
  }
  /// What the asker is told: `unreachable`, `no_handler` or, for all else, `failed`.
  void fail(AskError error = AskError::failed) { answer_.refuse(error); }

 private:
  detail::OpenAnswer answer_;
};

namespace this_actor {

/// The answer to the message that is being handled. What its handler returns then goes nowhere, so let it return Later<R>.
template <class R>
Promise<R> promise() {
  return Promise<R>(detail::take_asker());
}

/// Asks and goes on. `then` is called with a std::expected<R, AskError> in a turn of this actor, behind what waits for it already;
/// it may suspend like any handler. Not at all if the actor ends before.
template <class A, class M, class Then>
  requires Accepts<A, std::remove_cvref_t<M>>
void ask_then(const Mailbox<A>& whom, M&& message, std::chrono::nanoseconds timeout, Then&& then) {
  using Message = std::remove_cvref_t<M>;
  using R = ReplyMessage<Reply<A, Message>>;
  class Continuation final : public runtime::AskContinuation {
   public:
    explicit Continuation(Then&& given) : then_(std::forward<Then>(given)) {}
    void* place() { return room_.place(); }
    void run(std::expected<void, AskError> result) override {
      if (!result) {
        then_(std::expected<R, AskError>(std::unexpected(result.error())));
        return;
      }
      room_.filled();
      then_(std::expected<R, AskError>(std::move(detail::carried<R>(room_.get()))));
    }

   private:
    detail::Room<Carrier<R>> room_;
    std::decay_t<Then> then_;
  };
  auto continuation = std::make_unique<Continuation>(std::forward<Then>(then));
  detail::Room<Carrier<Message>> question;
  ::new (question.place()) Carrier<Message>(detail::carry<Message>(std::forward<M>(message)));
  void* const reply = continuation->place();
  detail::ask_then({.to = whom.address(),
                    .binding = &detail::binding_of<A, Message>,
                    .object = question.place(),
                    .reply_type = &message_type<Carrier<R>>,
                    .reply = reply},
                   std::move(continuation), timeout);
}

/// Asks `whom` in place of answering: its answer is the answer, its failure or the time-out the failure.
template <class A, class M>
  requires Accepts<A, std::remove_cvref_t<M>>
auto delegate(const Mailbox<A>& whom, M&& message, std::chrono::nanoseconds timeout) {
  using R = ReplyMessage<Reply<A, std::remove_cvref_t<M>>>;
  ask_then(whom, std::forward<M>(message), timeout,
           [promise = promise<R>()](std::expected<R, AskError> answer) mutable {
             if (answer) {
               promise.fulfil(std::move(*answer));
             } else {
               promise.fail(answer.error());
             }
           });
  return Later<R>();
}

}  // namespace this_actor
}  // namespace ringmail

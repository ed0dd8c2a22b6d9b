// Asking and waiting: one actor, or several at once.
//
// Any thread: a handler suspends, a plain thread blocks. What the handler of M answers is what comes back; Done where it
// returns nothing. Who is asked and ends before it has answered fails the ask at once. To ask and go on, see this_actor::ask_then.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include "ringmail/actors/mailbox.hpp"

namespace ringmail {

using runtime::AskError;

namespace detail {
std::expected<void, AskError> ask(runtime::System& system,
                                  const runtime::Address& to,
                                  const runtime::Binding& binding,
                                  void* object,
                                  const runtime::MessageType& reply_type,
                                  void* reply,
                                  std::chrono::nanoseconds timeout);
void ask(runtime::System& system,
         std::span<runtime::Question> questions,
         std::size_t answers,
         std::chrono::nanoseconds timeout);
}  // namespace detail

/// Sends a question and waits for the answer.
template <class A, class M>
  requires Accepts<A, std::remove_cvref_t<M>>
std::expected<ReplyMessage<Reply<A, std::remove_cvref_t<M>>>, AskError> ask(const Mailbox<A>& whom,
                                                                            M&& message,
                                                                            std::chrono::nanoseconds timeout) {
  using Message = std::remove_cvref_t<M>;
  using R = ReplyMessage<Reply<A, Message>>;
  if (whom.system() == nullptr) return std::unexpected(AskError::unreachable);
  detail::Room<Carrier<Message>> question;
  ::new (question.place()) Carrier<Message>(detail::carry<Message>(std::forward<M>(message)));
  detail::Room<Carrier<R>> answer;
  const auto asked = detail::ask(*whom.system(), whom.address(), detail::binding_of<A, Message>, question.place(),
                                 message_type<Carrier<R>>, answer.place(), timeout);
  if (!asked) return std::unexpected(asked.error());
  answer.filled();
  return std::move(detail::carried<R>(answer.get()));
}

template <class A, class M>
  requires(!Accepts<A, std::remove_cvref_t<M>>)
void ask(const Mailbox<A>&, M&&, std::chrono::nanoseconds) {
  static_assert(detail::never<M>, "this actor does not accept that message: it has no on(const M&) for it");
}

template <class A, class M>
using AnswerTo = std::expected<ReplyMessage<Reply<A, std::remove_cvref_t<M>>>, AskError>;

/// Sends the same question to each of them and waits until `answers` of them have answered, or so many cannot any more. What
/// came of each, in their order; the others are `abandoned`, and what they answer goes nowhere.
template <std::ranges::forward_range Mailboxes, class M>
auto ask_first(std::size_t answers, Mailboxes&& whom, const M& message, std::chrono::nanoseconds timeout) {
  using A = typename std::ranges::range_value_t<Mailboxes>::Actor;
  using R = ReplyMessage<Reply<A, M>>;
  struct Rooms {
    detail::Room<Carrier<M>> question;
    detail::Room<Carrier<R>> answer;
  };
  const auto count = static_cast<std::size_t>(std::ranges::distance(whom));
  const auto rooms = std::make_unique<Rooms[]>(count);
  std::vector<runtime::Question> questions;
  questions.reserve(count);
  runtime::System* system = nullptr;
  for (const Mailbox<A>& each : whom) {
    Rooms& room = rooms[questions.size()];
    ::new (room.question.place()) Carrier<M>(detail::carry<M>(message));
    if (each.system() != nullptr) system = each.system();
    questions.push_back({.to = each.address(),
                         .binding = &detail::binding_of<A, M>,
                         .object = room.question.place(),
                         .reply_type = &message_type<Carrier<R>>,
                         .reply = room.answer.place()});
  }
  std::vector<AnswerTo<A, M>> results;
  results.reserve(count);
  if (system == nullptr) {
    // Nobody but nobodies.
    for (std::size_t i = 0; i < count; ++i) {
      rooms[i].question.filled();
      results.emplace_back(std::unexpected(AskError::unreachable));
    }
    return results;
  }
  detail::ask(*system, questions, answers, timeout);
  for (std::size_t i = 0; i < count; ++i) {
    if (questions[i].result) {
      rooms[i].answer.filled();
      results.emplace_back(std::move(detail::carried<R>(rooms[i].answer.get())));
    } else {
      results.emplace_back(std::unexpected(questions[i].result.error()));
    }
  }
  return results;
}

/// Waits until each has answered or failed.
template <std::ranges::forward_range Mailboxes, class M>
auto ask_all(Mailboxes&& whom, const M& message, std::chrono::nanoseconds timeout) {
  return ask_first(SIZE_MAX, std::forward<Mailboxes>(whom), message, timeout);
}

/// The first answer, whose ever it is. An error: nobody answered, and this is what came of the last of them.
template <std::ranges::forward_range Mailboxes, class M>
auto ask_any(Mailboxes&& whom, const M& message, std::chrono::nanoseconds timeout) {
  auto results = ask_first(1, std::forward<Mailboxes>(whom), message, timeout);
  using Result = typename decltype(results)::value_type;
  Result last = std::unexpected(AskError::unreachable);
  for (Result& result : results) {
    last = std::move(result);
    if (last) break;
  }
  return last;
}

}  // namespace ringmail

// Where a message leaves from: the scheduler whose thread this is or, on a plain thread, one that is asked to.
#include "ringmail/actors/mailbox.hpp"

#include <algorithm>

#include "ringmail/actors/ask.hpp"
#include "ringmail/actors/group.hpp"
#include "ringmail/actors/this_actor.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::detail {

using runtime::Deadline;

namespace {

/// The scheduler of `system` whose handler this is, or null.
runtime::Scheduler* own_scheduler(runtime::System& system) {
  runtime::Scheduler* scheduler = runtime::Scheduler::current();
  return scheduler != nullptr && scheduler->system() == &system ? scheduler : nullptr;
}

/// A plain thread speaks through a scheduler: the actor's own or, for a peer, always the same, so that order is kept.
std::uint32_t speaker(const runtime::Address& to) { return to.is_local() ? to.actor.thread() : to.link; }

void destroy(const runtime::Binding& binding, void* object) {
  if (binding.type->destroy != nullptr) binding.type->destroy(object);
}

}  // namespace

std::expected<void, SendError> send(runtime::System& system,
                                    const runtime::Address& to,
                                    const runtime::Binding& binding,
                                    void* object,
                                    std::chrono::nanoseconds timeout) {
  if (runtime::Scheduler* scheduler = own_scheduler(system)) {
    return scheduler->send(to, binding, object, Deadline::after(timeout));
  }
  std::expected<void, SendError> result;
  const bool called = system.call(speaker(to), [&] {
    result = runtime::Scheduler::current()->send(to, binding, object, Deadline::after(timeout));
  });
  if (called) return result;
  destroy(binding, object);
  return std::unexpected(SendError::unreachable);
}

std::expected<BodyLoan, SendError> loan_large(runtime::System& system,
                                              const runtime::Address& to,
                                              std::size_t bytes,
                                              std::chrono::nanoseconds timeout) {
  if (runtime::Scheduler* scheduler = own_scheduler(system)) {
    return scheduler->loan_body(to, bytes, Deadline::after(timeout));
  }
  std::expected<BodyLoan, SendError> result = std::unexpected(SendError::unreachable);
  // The same that is to send it.
  system.call(speaker(to),
              [&] { result = runtime::Scheduler::current()->loan_body(to, bytes, Deadline::after(timeout)); });
  return result;
}

std::expected<void, AskError> ask(runtime::System& system,
                                  const runtime::Address& to,
                                  const runtime::Binding& binding,
                                  void* object,
                                  const runtime::MessageType& reply_type,
                                  void* reply,
                                  std::chrono::nanoseconds timeout) {
  if (runtime::Scheduler* scheduler = own_scheduler(system)) {
    return scheduler->ask(to, binding, object, reply_type, reply, Deadline::after(timeout));
  }
  const std::uint64_t deadline_ns = Deadline::after(timeout).at_ns();
  std::expected<void, AskError> result;
  const bool called = system.call(speaker(to), [&] {
    result = runtime::Scheduler::current()->ask(to, binding, object, reply_type, reply, deadline_ns);
  });
  if (called) return result;
  destroy(binding, object);
  return std::unexpected(AskError::unreachable);
}

void ask(runtime::System& system,
         std::span<runtime::Question> questions,
         std::size_t answers,
         std::chrono::nanoseconds timeout) {
  if (runtime::Scheduler* scheduler = own_scheduler(system)) {
    scheduler->ask(questions, answers, Deadline::after(timeout));
    return;
  }
  const std::uint64_t deadline_ns = Deadline::after(timeout).at_ns();
  const bool called = system.call(0, [&] { runtime::Scheduler::current()->ask(questions, answers, deadline_ns); });
  if (called) return;
  for (runtime::Question& question : questions) {
    destroy(*question.binding, question.object);
    question.result = std::unexpected(AskError::unreachable);
  }
}

void for_each_member(runtime::System& system,
                     const runtime::Group::Members& members,
                     void (*each)(void* context, const runtime::Member& member),
                     void* context) {
  if (own_scheduler(system) != nullptr) {
    for (const runtime::Member& member : members) each(context, member);
    return;
  }
  // Whom a scheduler speaks for is the same as in a send, so that what one thread sends and publishes stays in order.
  for (std::uint32_t index = 0; index < system.schedulers(); ++index) {
    const auto is_for_it = [&](const runtime::Member& member) {
      return speaker(member.address) % system.schedulers() == index;
    };
    if (std::ranges::none_of(members, is_for_it)) continue;
    system.call(index, [&] {
      for (const runtime::Member& member : members) {
        if (is_for_it(member)) each(context, member);
      }
    });
  }
}

void stop(runtime::System& system, const runtime::Address& whom) {
  if (system.is_forked()) return;
  if (!whom.is_local() && !whom.actor) {
    system.stop_peer(whom.link);
  } else if (runtime::Scheduler* scheduler = own_scheduler(system)) {
    scheduler->stop(whom);
  } else {
    runtime::Scheduler& speaking = system.scheduler(speaker(whom) % system.schedulers());
    speaking.post([&speaking, whom] { speaking.stop(whom); });
  }
}

}  // namespace ringmail::detail

// Questions and what becomes of them: asking and waiting, asking several at once, asking and going on.
#include <deque>

#include "ask_table.hpp"
#include "envelope.hpp"
#include "remote_lane.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"
#include "stored_object.hpp"

namespace ringmail::runtime {
namespace {

AskError ask_error(SendError error) {
  switch (error) {
    case SendError::unreachable: return AskError::unreachable;
    case SendError::stopped: return AskError::stopped;
    case SendError::full: return AskError::full;
    case SendError::too_long:
    case SendError::not_wire: break;
  }
  return AskError::wrong_type;
}

using OwnedAsk = std::unique_ptr<ContinuedAsk>;

/// A settled ask as a message to the actor that asked.
constexpr MessageType continuation_type{
    .size = sizeof(OwnedAsk),
    .alignment = alignof(OwnedAsk),
    .name = "an answer",
    .move =
        [](void* to, void* from) noexcept {
          ::new (to) OwnedAsk(std::move(*static_cast<OwnedAsk*>(from)));
          static_cast<OwnedAsk*>(from)->~OwnedAsk();
        },
    .destroy = [](void* object) noexcept { static_cast<OwnedAsk*>(object)->~OwnedAsk(); },
};

void run_continuation(Cell&, Message& message) {
  alignas(OwnedAsk) std::byte room[sizeof(OwnedAsk)];
  message.take(continuation_type, room);
  auto& taken = *std::launder(reinterpret_cast<OwnedAsk*>(room));
  const OwnedAsk ask = std::move(taken);
  taken.~OwnedAsk();
  // The answer is the continuation's from here on.
  ask->continuation->run(std::exchange(ask->answered, false) ? std::expected<void, AskError>()
                                                             : std::unexpected(ask->error));
}

constexpr Binding continuation_binding{.type = &continuation_type, .handler = &run_continuation};

}  // namespace

std::expected<void, AskError> Scheduler::write_question(const Question& question,
                                                        PendingAsk& pending,
                                                        Deadline& deadline) {
  const auto sent =
      send(question.to, *question.binding, question.object, pending.correlation, Admission::limited, deadline);
  if (!sent) return std::unexpected(ask_error(sent.error()));
  if (const RemoteLane* lane = question.to.is_local() ? nullptr : lane_of(question.to.link))
    pending.incarnation = lane->incarnation;
  return {};
}

std::expected<void, AskError> Scheduler::ask(const Address& to,
                                             const Binding& binding,
                                             void* object,
                                             const MessageType& reply_type,
                                             void* reply,
                                             Deadline deadline) {
  const Question question{.to = to, .binding = &binding, .object = object, .reply_type = &reply_type, .reply = reply};
  AskWait asking;
  PendingAsk pending(*asks_, question, &asking);
  if (const auto sent = write_question(question, pending, deadline); !sent) return sent;
  asking.waiter.what = WaitFor::answer;
  asking.waiter.whom = to;
  Wake woken = Wake::ready;
  // An actor of this scheduler that has ended refuses at once.
  if (!asking.is_over()) woken = wait(asking.waiter, deadline);
  // The answer may have come in the same turn as the time-out.
  if (pending.answered) return {};
  return std::unexpected(woken == Wake::stopped ? AskError::stopped : pending.error);
}

void Scheduler::ask(std::span<Question> questions, std::size_t answers, Deadline deadline) {
  AskWait asking;
  asking.unanswered = answers;
  asking.unsettled = questions.size();
  std::deque<PendingAsk> pending;
  for (const Question& question : questions) {
    PendingAsk& ask = pending.emplace_back(*asks_, question, &asking);
    if (const auto sent = write_question(question, ask, deadline); !sent) settle(ask, sent.error());
  }
  asking.waiter.what = WaitFor::answer;
  if (!questions.empty()) asking.waiter.whom = questions.front().to;
  Wake woken = Wake::ready;
  if (!asking.is_over()) woken = wait(asking.waiter, deadline);
  const AskError unsettled = woken == Wake::stopped ? AskError::stopped
                             : asking.is_over()     ? AskError::abandoned
                                                    : AskError::timed_out;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const PendingAsk& ask = pending[i];
    if (ask.answered) {
      questions[i].result = {};
    } else {
      questions[i].result = std::unexpected(ask.settled ? ask.error : unsettled);
    }
  }
}

void Scheduler::ask_then(const Question& question, std::unique_ptr<AskContinuation> continuation, Deadline deadline) {
  auto* ask = new ContinuedAsk(*asks_, question, std::move(continuation), current_cell_->id());
  ask->life = current_cell_->life_;
  const auto sent = write_question(question, *ask, deadline);
  // An actor of this scheduler that has ended has refused already. The ask is in the mailbox then, behind this handler.
  if (ask->settled) return;
  if (!sent) {
    settle(*ask, sent.error());
  } else if (deadline.at_ns() != no_deadline) {
    ask->timer = timers_.add(
        deadline.at_ns(),
        {.function = [](void* context, std::uint64_t) { current()->settled(*static_cast<ContinuedAsk*>(context)); },
         .context = ask});
  }
}

void Scheduler::settle(PendingAsk& ask, AskError error) {
  ask.error = error;
  settled(ask);
}

void Scheduler::settled(PendingAsk& ask) {
  ask.settled = true;
  if (ask.wait == nullptr) {
    continue_later(ask);
    return;
  }
  AskWait& asking = *ask.wait;
  if (ask.answered && asking.unanswered > 0) --asking.unanswered;
  --asking.unsettled;
  if (asking.is_over()) wake(asking.waiter, Wake::ready);
}

/// As mail, behind what waits already: a suspended or stopping actor takes it when it takes any.
void Scheduler::continue_later(PendingAsk& ask) {
  OwnedAsk owned(static_cast<ContinuedAsk*>(&ask));
  timers_.cancel(owned->timer);
  const ActorId owner = owned->owner;
  const Cell* const cell = find(owner);
  if (cell == nullptr || cell->life_ != owned->life) return;  // nobody is left who wants to know
  alignas(OwnedAsk) std::byte room[sizeof(OwnedAsk)];
  send_system({0, owner}, continuation_binding, ::new (room) OwnedAsk(std::move(owned)));
}

/// What a handler left to be done with an answer is about the object that it ran on, which is gone.
void Scheduler::discard_continuations(Cell& cell) {
  Envelope* rest = std::exchange(cell.first_, nullptr);
  cell.last_ = nullptr;
  cell.queued_ = 0;
  while (rest != nullptr) {
    Envelope* const envelope = std::exchange(rest, rest->next);
    envelope->next = nullptr;
    if (envelope->message.binding == &continuation_binding) {
      Message message = envelope->message;
      dead_letter(message, "the life that asked has ended");
    } else {
      append(cell, *envelope);
    }
  }
}

/// Whom an answer is for. Null: nobody, or he has it already.
PendingAsk* Scheduler::asked(std::uint32_t correlation, std::uint32_t link) const {
  PendingAsk* ask = asks_->find(correlation);
  return ask != nullptr && ask->asked.link == link && !ask->settled ? ask : nullptr;
}

void Scheduler::complete(std::uint32_t correlation, std::uint32_t link, const MessageType& type, void* object) {
  PendingAsk* ask = asked(correlation, link);
  if (ask == nullptr) {
    // Too late, or nobody asked: it goes nowhere.
    if (type.destroy != nullptr) type.destroy(object);
    return;
  }
  if (&type == ask->reply_type) {
    type.relocate(ask->reply, object);
    ask->answered = true;
  } else {
    if (type.destroy != nullptr) type.destroy(object);
    ask->error = AskError::wrong_type;
  }
  settled(*ask);
}

void Scheduler::complete_wire(std::uint32_t correlation, std::uint32_t link, const transport::Frame& frame) {
  PendingAsk* ask = asked(correlation, link);
  if (ask == nullptr) return;
  const MessageType& type = *ask->reply_type;
  // Copied before it is looked at: who wrote it may write on.
  if (!type.may_be(frame.head.type, frame.length)) {
    ask->answered = false;
  } else if (type.is_as_it_lies(frame.length)) {
    std::memcpy(ask->reply, frame.payload, frame.length);
    ask->answered = type.valid == nullptr || type.valid(static_cast<const std::byte*>(ask->reply), frame.length);
  } else {
    Envelope* const copy = EnvelopePool::make(frame.length);
    std::memcpy(copy->message.payload, frame.payload, frame.length);
    ask->answered = type.copy_from_wire(copy->message.payload, frame.length, ask->reply);
    EnvelopePool::free(copy);
  }
  if (!ask->answered) ask->error = AskError::wrong_type;
  settled(*ask);
}

void Scheduler::complete_refused(std::uint32_t correlation, std::uint32_t link, AskError error) {
  if (PendingAsk* ask = asked(correlation, link)) settle(*ask, error);
}

// --- Answers that another thread gives

void Scheduler::post_reply(const Asker& asker, const MessageType& type, void* object) {
  post([this, asker, stored = StoredObject(type, object)]() mutable {
    stored.hand_to([&](void* answer) { reply(asker, stored.type(), answer); });
  });
}

void Scheduler::post_refusal(const Asker& asker, transport::NoReply reason) {
  post([this, asker, reason] { refuse(asker, reason); });
}

}  // namespace ringmail::runtime

// The asks of one scheduler that have not been answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

/// What a refusal means to who asked. A peer may have written anything.
inline AskError ask_error(transport::NoReply reason) {
  switch (reason) {
    case transport::NoReply::no_handler: return AskError::no_handler;
    case transport::NoReply::failed: return AskError::failed;
    case transport::NoReply::stopped: return AskError::unreachable;
    case transport::NoReply::full: return AskError::full;
  }
  return AskError::failed;
}

class AskTable;

/// A handler that waits for one ask or for several: until so many are answered, or all are settled. Lies on its stack.
struct AskWait {
  Waiter waiter;
  std::size_t unanswered = 1;  ///< of those that it takes
  std::size_t unsettled = 1;   ///< of all
  bool is_over() const { return unanswered == 0 || unsettled == 0; }
};

/// In the table as long as it lives: on the asking handler's stack, or as a ContinuedAsk.
struct PendingAsk {
  PendingAsk(AskTable& table, const Question& question, AskWait* wait);
  PendingAsk(const PendingAsk&) = delete;
  ~PendingAsk();

  AskTable& table;
  AskWait* const wait;  ///< who waits; null: it is a ContinuedAsk
  std::uint32_t correlation = 0;
  std::uint32_t incarnation = 0;  ///< of the peer, when the question was written; 0: not yet
  Address asked;
  const MessageType* reply_type;
  void* reply;
  AskError error = AskError::timed_out;
  bool answered = false;
  bool settled = false;
};

/// One that nobody waits for: when it is settled, it is mail to the actor that asked. Until then the table owns it.
struct ContinuedAsk final : PendingAsk {
  ContinuedAsk(AskTable& table, const Question& question, std::unique_ptr<AskContinuation> to_run, ActorId asker)
      : PendingAsk(table, question, nullptr), continuation(std::move(to_run)), owner(asker) {}
  /// An answer that nobody has taken from the continuation's room goes with it.
  ~ContinuedAsk() {
    if (answered && reply_type->destroy != nullptr) reply_type->destroy(reply);
  }

  std::unique_ptr<AskContinuation> continuation;
  ActorId owner;
  std::uint32_t life = 0;  // of the owner: the next one has not asked
  TimerId timer;
};

/// Correlations count up, so that a late answer meets nobody; an entry lies where its correlation says, and the counter skips
/// the few places that an old ask still holds.
class AskTable {
 public:
  AskTable() : entries_(64, nullptr) {}
  ~AskTable() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      // Those on stacks and in mailboxes are gone by now.
      if (entries_[i] != nullptr) delete static_cast<ContinuedAsk*>(entries_[i]);
    }
  }

  void add(PendingAsk& ask) {
    if (count_ * 2 >= entries_.size()) grow();
    do {
      if (++last_ == 0) ++last_;
    } while (place(last_) != nullptr);
    ask.correlation = last_;
    place(last_) = &ask;
    ++count_;
  }

  PendingAsk* find(std::uint32_t correlation) {
    PendingAsk* ask = place(correlation);
    return ask != nullptr && ask->correlation == correlation ? ask : nullptr;
  }

  void remove(PendingAsk& ask) {
    place(ask.correlation) = nullptr;
    --count_;
  }

  bool empty() const { return count_ == 0; }

  template <class Function>
  void for_each(Function&& function) {
    for (PendingAsk* ask : entries_) {
      if (ask != nullptr) function(*ask);
    }
  }

 private:
  PendingAsk*& place(std::uint32_t correlation) { return entries_[correlation & (entries_.size() - 1)]; }

  void grow() {
    std::vector<PendingAsk*> old(entries_.size() * 2, nullptr);
    old.swap(entries_);
    for (PendingAsk* ask : old) {
      if (ask != nullptr) place(ask->correlation) = ask;  // distinct modulo n, so distinct modulo 2n
    }
  }

  std::vector<PendingAsk*> entries_;
  std::size_t count_ = 0;
  std::uint32_t last_ = 0;
};

inline PendingAsk::PendingAsk(AskTable& asks, const Question& question, AskWait* waiting)
    : table(asks), wait(waiting), asked(question.to), reply_type(question.reply_type), reply(question.reply) {
  table.add(*this);
}
inline PendingAsk::~PendingAsk() { table.remove(*this); }

}  // namespace ringmail::runtime

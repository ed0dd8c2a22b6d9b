// The asks of one scheduler that have not been answered.
#pragma once

#include <cstdint>
#include <vector>

#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::runtime {

/// What a refusal means to who asked. A peer may have written anything.
inline AskError ask_error(transport::NoReply reason) {
  switch (reason) {
    case transport::NoReply::no_handler: return AskError::no_handler;
    case transport::NoReply::failed: return AskError::failed;
    case transport::NoReply::stopped: return AskError::unreachable;
  }
  return AskError::failed;
}

class AskTable;

/// Lies on the asking handler's stack, and is in the table as long as it lives.
struct PendingAsk {
  PendingAsk(AskTable& table, const Address& whom, const MessageType& type, void* room);
  PendingAsk(const PendingAsk&) = delete;
  ~PendingAsk();

  bool is_settled() const { return answered || error != AskError::timed_out; }

  AskTable& table;
  Waiter waiter;
  std::uint32_t correlation = 0;
  std::uint32_t incarnation = 0;  ///< of the peer, when the question was written; 0: not yet
  Address asked;
  const MessageType* reply_type;
  void* reply;
  AskError error = AskError::timed_out;
  bool answered = false;
};

/// Correlations count up, so that a late answer meets nobody; an entry lies where its correlation says, and the counter skips
/// the few places that an old ask still holds.
class AskTable {
 public:
  AskTable() : entries_(64, nullptr) {}

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

inline PendingAsk::PendingAsk(AskTable& asks, const Address& whom, const MessageType& type, void* room)
    : table(asks), asked(whom), reply_type(&type), reply(room) {
  table.add(*this);
}
inline PendingAsk::~PendingAsk() { table.remove(*this); }

}  // namespace ringmail::runtime

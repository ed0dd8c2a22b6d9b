// Mailboxes with a limit: credits, as the sender's scheduler and as the mailbox's sees them, and limits that are kept where messages
// arrive. The rules stand in credits.hpp.
#include <algorithm>
#include <cassert>

#include "credits.hpp"
#include "local_ring.hpp"
#include "poll_set.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "scheduler_cells.hpp"

namespace ringmail::runtime {

// --- The sender's side

std::expected<void, SendError> Scheduler::take_credit(ActorId mailbox, Deadline& deadline) {
  CreditAccount& account = credits_->of(mailbox);
  if (account.line.empty()) {
    if (account.available == 0) ask_for_credit(mailbox, account);
    if (account.available > 0) {
      --account.available;
      return {};
    }
  }
  if (account.gone) {
    credits_->forget_if_over(mailbox);
    return {};
  }
  const bool may_wait = current_cell_ != nullptr && current_cell_->id_ != mailbox && !account.refused;
  if (!may_wait) return std::unexpected(SendError::full);
  return wait_for_credit(mailbox, account, deadline);
}

std::expected<void, SendError> Scheduler::wait_for_credit(ActorId mailbox, CreditAccount& account, Deadline& deadline) {
  Waiter waiter;
  waiter.what = WaitFor::room;
  waiter.whom = {0, mailbox};
  account.line.line_up(waiter);
  std::expected<void, SendError> result = std::unexpected(SendError::full);
  while (true) {
    const Wake woken = wait(waiter, deadline.at_ns());
    if (woken == Wake::stopped) result = std::unexpected(SendError::stopped);
    if (woken != Wake::ready) break;
    if (account.gone || account.available > 0) {
      result = {};
      if (!account.gone) --account.available;
      break;
    }
    if (account.refused) break;
    ask_for_credit(mailbox, account);
  }
  account.line.leave(waiter);
  if (!account.line.empty() && account.available == 0) ask_for_credit(mailbox, account);
  credits_changed(mailbox, account);
  credits_->forget_if_over(mailbox);
  return result;
}

void Scheduler::ask_for_credit(ActorId mailbox, CreditAccount& account) {
  if (account.gone || std::exchange(account.asked, true)) return;
  if (mailbox.thread() == index_) {
    take_credit_request(mailbox, index_);
  } else if (!tell_elsewhere(mailbox, Operation::credit_request, ActorId(index_, 0, 0))) {
    account.gone = true;
  }
}

/// After a change that may be good for the first in line, or for who waits elsewhere.
void Scheduler::credits_changed(ActorId mailbox, CreditAccount& account) {
  if (!account.line.empty()) {
    if (account.available > 0 || account.gone || account.refused) wake(*account.line.first, Wake::ready);
  } else if (account.is_wanted && account.available > 0) {
    credits_->give_back_later(mailbox);
  }
}

void Scheduler::take_credit_notice(ActorId mailbox, std::uint64_t word) {
  CreditAccount* const account = credits_->find(mailbox);
  if (account == nullptr) return;  // it had gone before
  const CreditNotice notice = CreditNotice::from(word);
  account->available += notice.credits;
  account->is_wanted = notice.is_wanted;
  account->gone = account->gone || notice.gone;
  // Who is refused stays in line there, and hears when there is room.
  if (notice.refused || notice.credits > 0) account->refused = notice.refused;
  if (notice.credits > 0) account->asked = false;
  credits_changed(mailbox, *account);
}

/// A message that had one was not sent.
void Scheduler::keep_credit(ActorId mailbox) {
  if (CreditAccount* const account = credits_->find(mailbox)) {
    ++account->available;
    credits_changed(mailbox, *account);
  }
}

void Scheduler::give_back_credits() {
  for (const ActorId mailbox : credits_->take_to_give_back()) {
    CreditAccount* const account = credits_->find(mailbox);
    if (account == nullptr || !account->is_wanted || !account->line.empty() || account->available == 0) continue;
    const std::uint32_t unused = std::exchange(account->available, 0);
    if (mailbox.thread() == index_) {
      take_credits_back(mailbox, unused);
    } else {
      tell_elsewhere(mailbox, Operation::credit_return, ActorId(), unused);
    }
  }
}

// --- The mailbox's side

void Scheduler::notify(std::uint32_t holder, ActorId mailbox, const CreditNotice& notice) {
  if (holder == index_) {
    take_credit_notice(mailbox, notice.word());
  } else {
    tell_elsewhere(ActorId(holder, 0, 0), Operation::credit_notice, mailbox, notice.word());
  }
}

void Scheduler::take_credit_request(ActorId mailbox, std::uint32_t from) {
  Cell* const cell = find(mailbox);
  if (cell == nullptr) {
    notify(from, mailbox, {.gone = true});
    return;
  }
  CellBound& bound = *cell->bound_;
  if (std::ranges::find(bound.holders, from) == bound.holders.end()) bound.holders.push_back(from);
  bound.waiting.push_back(from);
  offer_room(*cell, Offer::all);
  if (std::ranges::find(bound.waiting, from) == bound.waiting.end()) return;
  call_in_credits(*cell);
  if (bound.limit.overflow == Overflow::fail) notify(from, mailbox, {.refused = true, .is_wanted = true});
}

/// Whoever has some that he does not need is to give them back.
void Scheduler::call_in_credits(Cell& cell) {
  if (cell.bound_->promised == 0) return;
  for (const std::uint32_t holder : cell.bound_->holders) {
    if (std::ranges::find(cell.bound_->waiting, holder) != cell.bound_->waiting.end()) continue;
    notify(holder, cell.id_, {.is_wanted = true});
  }
}

void Scheduler::offer_room(Cell& cell, Offer offer) {
  CellBound& bound = *cell.bound_;
  std::uint32_t room = bound.room(cell.queued_);
  if (room == 0 || bound.waiting.empty()) return;
  if (offer == Offer::quarters && cell.queued_ > 0 && room < bound.limit.capacity / 4) return;
  if (bound.peers_wait && (bound.peers_turn = !bound.peers_turn)) return;
  while (room > 0 && !bound.waiting.empty()) {
    const std::uint32_t share = std::max<std::uint32_t>(1, room / static_cast<std::uint32_t>(bound.waiting.size() + 1));
    const std::uint32_t holder = bound.waiting.front();
    bound.waiting.erase(bound.waiting.begin());
    bound.promised += share;
    room -= share;
    notify(holder, cell.id_, {.credits = share, .is_wanted = bound.is_wanted()});
  }
}

void Scheduler::take_credits_back(ActorId mailbox, std::uint32_t credits) {
  Cell* const cell = find(mailbox);
  if (cell == nullptr) return;
  assert(cell->bound_->promised >= credits);
  cell->bound_->promised -= credits;
  offer_room(*cell, Offer::all);
}

void Scheduler::say_gone(const Cell& cell) {
  for (const std::uint32_t holder : cell.bound_->holders) notify(holder, cell.id_, {.gone = true});
  credits_->forget_if_over(cell.id_);
}

// --- Peers

/// Whether mail of a peer has to stay in its ring for now.
bool Scheduler::must_stay_in_ring(ActorId mailbox, const transport::Frame* frame) {
  Cell* const cell = find(mailbox);
  if (cell == nullptr || cell->bound_ == nullptr || cell->state_ >= Cell::State::ending) return false;
  CellBound& bound = *cell->bound_;
  // A handler may wait for just this message.
  bool is_awaited = false;
  for (const Waiter* waiter = cell->waiter_; waiter != nullptr; waiter = waiter->next_of_cell) {
    if (!waiter->waiting || waiter->wanted == nullptr) continue;
    is_awaited = is_awaited || frame == nullptr || waiter->wanted->may_be(frame->head.type, frame->length);
  }
  if (is_awaited || bound.room(cell->queued_) > 0) {
    bound.peers_wait = false;
    return false;
  }
  if (!std::exchange(bound.peers_wait, true)) call_in_credits(*cell);
  return true;
}

// --- Limits that are kept on arrival

/// False: the message is gone.
bool Scheduler::admit(Cell& cell, Message& message) {
  const MailboxLimit& limit = cell.bound_->limit;
  if (limit.needs_credit() || message.admission == Admission::exempt || cell.queued_ < limit.capacity) return true;
  switch (limit.overflow) {
    case Overflow::keep_latest: drop_oldest(cell); return true;
    case Overflow::dead_letters:
      dead_letter(message, "the actor's mailbox is full", transport::NoReply::full);
      return false;
    default: drop(message); return false;
  }
}

void Scheduler::drop_oldest(Cell& cell) {
  for (Envelope *previous = nullptr, *envelope = cell.first_; envelope != nullptr;
       previous = envelope, envelope = envelope->next) {
    if (envelope->message.admission == Admission::exempt) continue;
    (previous == nullptr ? cell.first_ : previous->next) = envelope->next;
    if (cell.last_ == envelope) cell.last_ = previous;
    --cell.queued_;
    if (cell.state_ == Cell::State::ready) --backlog_;
    Message message = envelope->message;
    drop(message);
    return;
  }
}

void Scheduler::drop(Message& message) {
  ++counters_.dropped;
  const Asker asker = message.asker;
  const Receipt receipt = message.receipt();
  message.discard();
  refuse(asker, transport::NoReply::full);
  if (receipt.number != 0) finish(asker.address.link, receipt);
}

}  // namespace ringmail::runtime

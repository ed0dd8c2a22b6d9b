// What a scheduler may still send to mailboxes that are limited at the sender: `block` and `fail`.
//
// Such a mailbox gives out credits, one a message, to the schedulers of its process. A scheduler's credits are its actors' in the
// order in which they asked. Its rules, with what breaks without each:
//   1. queued + credits that are out <= capacity, always. Else memory is not bounded.
//   2. Who has no credit asks once, and waits at his own scheduler, in line. Else whoever asks most gets most, and who gives up
//      leaves something behind elsewhere.
//   3. Asking, giving and giving back are control frames: they wait for no room and run no handler. Else a full ring would keep
//      out what would empty it.
//   4. Nobody gets all the room there is while others may come, and who is given some while others wait gives back at the end of
//      the loop's turn what he has not used. Who has more from before is told so when somebody has to wait. Else a sender that
//      had much to say once would keep the others waiting for ever.
//   5. Room is offered in quarters of the capacity, but all of it when the queue is empty, the actor suspends, or somebody asks.
//      Without the first each message of a full mailbox costs a round trip; without the second who waits may wait for ever, for
//      instance an actor in receive() for just the message that finds no room.
//   6. An actor that ends says so to all who ever asked; they send on, and it becomes a dead letter. Else they wait for nobody.
//   7. What cannot wait (a delayed send) takes a credit that is there or becomes a dead letter; what the runtime itself has to say
//      (Down, Exit, answers, data of sockets) needs none. Else an actor that is flooded could not learn that a child has died.
//   8. To one's own full mailbox a send fails at once: nobody else could make room.
//   9. Peers have no credits: where their mail finds no room it stays in its ring, which is not read on until there is some, so
//      that they wait for room in it. Answers come by another ring, so who waits for one gets it. All else that the peer sends
//      to this scheduler waits behind.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "wait_line.hpp"

namespace ringmail::runtime {

/// One scheduler's credits for one mailbox.
struct CreditAccount {
  std::uint32_t available = 0;
  bool asked = false;      // and has not been given any since
  bool refused = false;    // the mailbox is full and makes nobody wait
  bool is_wanted = false;  // others wait for what is not used
  bool gone = false;       // the actor has ended
  WaitLine line;
};

/// What a mailbox says to who has asked it, in one word.
struct CreditNotice {
  std::uint32_t credits = 0;
  bool refused = false;
  bool is_wanted = false;
  bool gone = false;

  std::uint64_t word() const {
    return credits | std::uint64_t{refused} << 32 | std::uint64_t{is_wanted} << 33 | std::uint64_t{gone} << 34;
  }
  static CreditNotice from(std::uint64_t word) {
    return {.credits = static_cast<std::uint32_t>(word),
            .refused = (word >> 32 & 1) != 0,
            .is_wanted = (word >> 33 & 1) != 0,
            .gone = (word >> 34 & 1) != 0};
  }
};

/// The accounts of one scheduler. References are good until forget_if_over().
class CreditTable {
 public:
  CreditAccount& of(ActorId mailbox) { return accounts_[mailbox.value()]; }
  CreditAccount* find(ActorId mailbox) {
    const auto found = accounts_.find(mailbox.value());
    return found != accounts_.end() ? &found->second : nullptr;
  }
  /// Of an actor that has ended, and nobody is in line any more.
  void forget_if_over(ActorId mailbox) {
    const CreditAccount* const account = find(mailbox);
    if (account != nullptr && account->gone && account->line.empty()) accounts_.erase(mailbox.value());
  }

  /// To be given back at the end of the turn, unless they are used.
  void give_back_later(ActorId mailbox) { to_give_back_.push_back(mailbox); }
  bool has_to_give_back() const { return !to_give_back_.empty(); }
  std::vector<ActorId> take_to_give_back() { return std::exchange(to_give_back_, {}); }

 private:
  std::unordered_map<std::uint64_t, CreditAccount> accounts_;
  std::vector<ActorId> to_give_back_;
};

}  // namespace ringmail::runtime

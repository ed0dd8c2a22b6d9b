// The rings that a scheduler polls. So many at most that polling them costs a few lines each turn; beyond that a ring that has
// been quiet is cold: its producer sets a bit when it publishes, and the bits are what is polled.
//
// SYNC(cold). Going cold: mark, then poll once more (a producer that published before it saw the mark is seen by that poll).
// Coming back: clear the bit, unmark, and poll with the others from then on. The bit is never cleared otherwise: clearing it
// when the ring goes cold would lose one that was set for that very mark. One that is set late, by a producer who saw a mark
// that is no more, costs a needless look.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

#include "kept_mail.hpp"
#include "ringmail/runtime/address.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/ring_consumer.hpp"

namespace ringmail::runtime {

struct RemoteLane;

/// A ring into a scheduler.
struct Inlet {
  enum class Source : std::uint8_t { local, mail, control };

  transport::RingConsumer* ring = nullptr;
  transport::Doorbell* bell = nullptr;  ///< of its producer, for when it waits for room
  Source source = Source::local;
  RemoteLane* lane = nullptr;  ///< of mail and control
  std::uint8_t pace = 0;       // how many of its frames go by between two looks at the clock
  std::uint32_t quiet_polls = 0;
  std::uint32_t number = 0;  ///< in the set: its bit is the same
  KeptMail* kept = nullptr;  ///< of mail that outlives this host
  ActorId waits_for{};       ///< the actor whose mailbox has no room for the next frame
  bool cold = false;
  bool stops = false;        ///< its lane was told to stop, and reads what was sent before
  bool held = false;         ///< by a simulator: its frames are still on their way
  bool runs_ahead = false;   ///< of those whose messages went on from here: what came before waits there
  bool may_go_cold = true;   ///< not if its producer cannot set the bit
  bool rings_itself = true;  ///< its producer wakes this scheduler by the bell, and by nobody's help

  /// Whether there is a frame that can be taken.
  bool has_frame() const { return !waits_for && !held && !runs_ahead && !ring->empty(); }

  void store_cursor() {
    const bool is_waited_for =
        kept != nullptr ? ring->finish_through(kept->finished(), kept->sequence()) : ring->store_cursor();
    if (is_waited_for) bell->ring();
  }
};

/// A ring from another scheduler of this process: the inlet owns its end. Aligned as a LocalOutlet is.
struct alignas(transport::isolation_bytes) LocalInlet : Inlet {
  transport::RingConsumer consumer;
  transport::Doorbell doorbell;

  LocalInlet(transport::RingConsumer ring_end, transport::Bell& producer) : consumer(ring_end), doorbell(producer) {
    ring = &consumer;
    bell = &doorbell;
  }
};

class PollSet {
 public:
  // docs/decisions/0006: so many cost a round trip nothing that can be measured; four times as many double it.
  static constexpr std::size_t max_hot = 16;
  // Polls without a frame, after which a ring may go cold: they cost about what the barrier costs that it takes then. So going
  // cold never costs more than twice what polling on would have.
  static constexpr std::uint32_t quiet_limit = 1024;

  /// `ordering`: as the scheduler's.
  explicit PollSet(transport::Bell& bell, transport::Ordering ordering = transport::Ordering::sequential)
      : bell_(bell), ordering_(ordering) {}

  void add(Inlet& inlet) {
    std::uint32_t number = 0;
    while (number < all_.size() && all_[number] != nullptr) ++number;
    if (number == all_.size()) all_.push_back(nullptr);
    all_[number] = &inlet;
    inlet.number = number;
    inlet.cold = false;
    inlet.quiet_polls = 0;
    hot_.push_back(&inlet);
  }

  void remove(Inlet& inlet) {
    std::erase(hot_, &inlet);
    all_[inlet.number] = nullptr;
  }

  std::size_t hot_count() const { return hot_.size(); }
  Inlet& hot(std::size_t index) { return *hot_[index]; }
  std::size_t size() const {
    std::size_t count = 0;
    for (const Inlet* inlet : all_) count += inlet != nullptr ? 1 : 0;
    return count;
  }

  /// Counts an empty poll of a hot ring; too many, in a set that is too large, and it goes cold. True if it did.
  bool note_quiet(Inlet& inlet) {
    if (hot_.size() <= max_hot || inlet.number >= transport::pending_rings || !inlet.may_go_cold) return false;
    if (++inlet.quiet_polls < quiet_limit) return false;
    inlet.ring->mark_cold(inlet.number + 1);
    // SYNC(cold): the barrier that asymmetric producers leave to this side.
    const bool ordered = transport::barrier_before_look(ordering_);
    if (!ordered || !inlet.ring->empty()) {
      inlet.ring->mark_cold(0);
      inlet.quiet_polls = 0;
      return false;
    }
    inlet.cold = true;
    std::erase(hot_, &inlet);
    return true;
  }

  bool has_pending() const {
    for (std::size_t word = 0; word < words(); ++word) {
      if (bell_.pending[word].load(std::memory_order_seq_cst) != 0) return true;
    }
    return false;
  }

  /// Makes the cold rings hot again whose bit is set.
  void take_pending() {
    for (std::size_t word = 0; word < words(); ++word) {
      if (bell_.pending[word].load(std::memory_order_relaxed) == 0) continue;
      std::uint64_t bits = bell_.pending[word].exchange(0, std::memory_order_seq_cst);
      for (; bits != 0; bits &= bits - 1) {
        const std::size_t number = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        if (number < all_.size() && all_[number] != nullptr) warm_up(*all_[number]);
      }
    }
  }

  /// The net under the bits, once in a while: polls all cold rings.
  void poll_cold() {
    for (Inlet* inlet : all_) {
      if (inlet != nullptr && inlet->cold && !inlet->ring->empty()) warm_up(*inlet);
    }
  }

  /// Whether a hot ring has a frame that can be taken.
  bool any_hot() const {
    for (const Inlet* inlet : hot_) {
      if (inlet->has_frame()) return true;
    }
    return false;
  }

  /// Whether there is a frame whose producer sleeps. Not of those who ring through the reactor: they may sleep before it has rung.
  bool any_from_sleeper() const {
    return std::ranges::any_of(all_, [](const Inlet* inlet) {
      return inlet != nullptr && inlet->rings_itself && inlet->has_frame() && inlet->bell->is_asleep();
    });
  }

  void warm_up(Inlet& inlet) {
    if (!inlet.cold) return;
    inlet.ring->mark_cold(0);
    inlet.cold = false;
    inlet.quiet_polls = 0;
    hot_.push_back(&inlet);
  }

 private:
  std::size_t words() const { return cold_possible() ? (all_.size() + 63) / 64 : 0; }
  bool cold_possible() const { return all_.size() > max_hot; }

  transport::Bell& bell_;
  const transport::Ordering ordering_;
  std::vector<Inlet*> all_;  // by number
  std::vector<Inlet*> hot_;
};

}  // namespace ringmail::runtime

// How many messages may wait at an actor, and what becomes of one more.
#pragma once

#include <cstdint>

namespace ringmail::runtime {

enum class Overflow : std::uint8_t {
  block,         ///< the sender waits for room: a handler suspends, a plain thread blocks, until its deadline
  fail,          ///< the send fails with `full`
  drop_newest,   ///< it is forgotten; who asked is told `full`
  keep_latest,   ///< the one that has waited longest is forgotten in its place. With a capacity of 1: the latest value
  dead_letters,  ///< it becomes a dead letter
};

struct MailboxLimit {
  std::uint32_t capacity = 0;  ///< 0: no limit
  Overflow overflow = Overflow::block;

  constexpr bool is_limited() const { return capacity != 0; }
  /// Whether it is kept at the sender. The others are kept where messages arrive, and cost the sender nothing.
  constexpr bool needs_credit() const {
    return is_limited() && (overflow == Overflow::block || overflow == Overflow::fail);
  }
};

}  // namespace ringmail::runtime

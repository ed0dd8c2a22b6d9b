// What names an actor: in this process, and across a link.
#pragma once

#include <cstdint>
#include <functional>

namespace ringmail::runtime {

/// An actor of one process. In the top bits stands which of the lanes into its scheduler it is sent to on, and then the scheduler,
/// where a peer finds it, too (transport::lane_of()), so that a sender needs no look-up; the next bit says whether who sends to
/// it needs a credit. The generation tells an actor from the next one in the same slot. 0 is nobody.
class ActorId {
 public:
  static constexpr unsigned slot_bits = 24;
  static constexpr unsigned generation_bits = 27;
  static constexpr unsigned thread_bits = 8;
  static constexpr unsigned lane_bits = 4;
  static_assert(slot_bits + generation_bits + 1 + thread_bits + lane_bits == 64);

  constexpr ActorId() = default;
  explicit constexpr ActorId(std::uint64_t value) : value_(value) {}
  constexpr ActorId(std::uint32_t thread,
                    std::uint32_t generation,
                    std::uint32_t slot,
                    bool needs_credit = false,
                    std::uint32_t lane = 0)
      : value_(std::uint64_t{lane} << (slot_bits + generation_bits + 1 + thread_bits) |
               std::uint64_t{thread} << (slot_bits + generation_bits + 1) |
               std::uint64_t{needs_credit} << (slot_bits + generation_bits) |
               std::uint64_t{generation & ((1u << generation_bits) - 1)} << slot_bits |
               (slot & ((1u << slot_bits) - 1))) {}

  constexpr std::uint64_t value() const { return value_; }
  constexpr std::uint32_t thread() const {
    return static_cast<std::uint32_t>(value_ >> (slot_bits + generation_bits + 1)) & ((1u << thread_bits) - 1);
  }
  /// 0: the one that all actors of its scheduler share.
  constexpr std::uint32_t lane() const {
    return static_cast<std::uint32_t>(value_ >> (slot_bits + generation_bits + 1 + thread_bits));
  }
  constexpr bool needs_credit() const { return (value_ >> (slot_bits + generation_bits) & 1) != 0; }
  constexpr std::uint32_t generation() const {
    return static_cast<std::uint32_t>(value_ >> slot_bits) & ((1u << generation_bits) - 1);
  }
  constexpr std::uint32_t slot() const { return static_cast<std::uint32_t>(value_) & ((1u << slot_bits) - 1); }
  explicit constexpr operator bool() const { return value_ != 0; }
  friend constexpr bool operator==(ActorId, ActorId) = default;

 private:
  std::uint64_t value_ = 0;
};

/// An actor of this process, or one behind a link. Links are numbered from 1 and no number is used twice.
struct Address {
  std::uint32_t link = 0;  ///< 0: this process
  ActorId actor;           ///< 0 behind a link: the peer itself

  constexpr bool is_local() const { return link == 0; }
  explicit constexpr operator bool() const { return link != 0 || actor; }
  friend constexpr bool operator==(const Address&, const Address&) = default;
};

}  // namespace ringmail::runtime

template <>
struct std::hash<ringmail::runtime::Address> {
  std::size_t operator()(const ringmail::runtime::Address& address) const noexcept {
    return std::hash<std::uint64_t>{}(address.actor.value() * 0x9e3779b97f4a7c15u ^ address.link);
  }
};

// Messages that are sent later, once or again and again: those of one scheduler, whose thread alone uses them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "ringmail/runtime/scheduler.hpp"
#include "stored_object.hpp"

namespace ringmail::runtime {

struct DelayedSend {
  ActorId owner{};
  std::uint32_t life = 0;  // of the owner: it ends with that
  Address to{};
  const Binding* binding = nullptr;
  std::optional<StoredObject> kept{};  // none: the slot is free
  CopyObject copy = nullptr;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;  // 0: once
  std::uint64_t sequence = 0;
  std::uint32_t slot = 0;
  TimerId timer{};
};

/// Slots that are used again; a sequence is not, so that a timer that has run cancels nothing.
class DelayedSends {
 public:
  DelayedSends() = default;
  DelayedSends(const DelayedSends&) = delete;
  DelayedSends& operator=(const DelayedSends&) = delete;

  /// Takes the object. The slot stays where it is until drop().
  SendTimer add(DelayedSend&& send, void* object);
  DelayedSend& at(std::uint32_t slot) { return slots_[slot]; }
  /// Null: it has been sent, or cancelled.
  DelayedSend* find(SendTimer timer);
  /// Ends it, and its object if it is still there.
  void drop(DelayedSend& send);

 private:
  std::deque<DelayedSend> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace ringmail::runtime

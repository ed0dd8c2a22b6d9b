// A ring between two schedulers of one process, and how a C++ object travels in a frame of it.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "ringmail/runtime/message.hpp"
#include "ringmail/transport/ring_consumer.hpp"
#include "ringmail/transport/ring_producer.hpp"

namespace ringmail::runtime {

/// The memory of one ring. Outlives both its ends.
class LocalRing {
 public:
  static constexpr std::uint64_t capacity = 256 * 1024;

  /// `bytes`: a power of two, a page at least.
  explicit LocalRing(std::uint64_t bytes = capacity)
      : bytes_(bytes), data_(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{transport::page_bytes}))) {
    std::memset(data_.get(), 0, bytes);
  }

  transport::RingProducer producer() {
    return transport::RingProducer({.data = data_.get(), .capacity = bytes_, .own = &producer_, .other = &consumer_});
  }
  transport::RingConsumer consumer() {
    return transport::RingConsumer({.data = data_.get(), .capacity = bytes_, .other = &producer_, .own = &consumer_},
                                   transport::RingKind::local);
  }

 private:
  struct Free {
    void operator()(std::byte* data) const { ::operator delete(data, std::align_val_t{transport::page_bytes}); }
  };
  const std::uint64_t bytes_;
  std::unique_ptr<std::byte, Free> data_;
  transport::ProducerBlock producer_;
  transport::ConsumerBlock consumer_;
};

/// The payload of a local frame: a pointer that says what the object is, and the object at the next aligned place. Payloads
/// are aligned to 32 bytes; what is more strictly aligned travels in a box.
struct LocalPayload {
  static constexpr std::size_t max_alignment = 32;

  static std::uint32_t object_offset(const MessageType& type) {
    return type.alignment <= sizeof(void*) ? static_cast<std::uint32_t>(sizeof(void*)) : type.alignment;
  }
  /// What stands before a message's object. Bindings are aligned, so the low bits are free.
  static const void* word(const Binding& binding, Admission admission) {
    static_assert(alignof(Binding) >= 4);
    return reinterpret_cast<const std::byte*>(&binding) + static_cast<std::size_t>(admission);
  }
  static const Binding* binding(std::uintptr_t word) {
    return reinterpret_cast<const Binding*>(word & ~std::uintptr_t{3});
  }
  static Admission admission(std::uintptr_t word) { return static_cast<Admission>(word & 3); }

  static std::uint32_t bytes(const MessageType& type) { return object_offset(type) + type.size; }
};

/// What the schedulers of one process say to each other beside messages: the type of a FrameKind::local_control.
enum class Operation : std::uint32_t {
  reply,
  refuse,
  stop,
  monitor,
  demonitor,
  link,
  unlink,
  exit,  ///< to whom is linked: a Farewell
  child_started,
  child_down,  ///< to the parent: a Farewell
  restart,
  close,
  remove,
  // Of mailboxes with a limit. credits.hpp
  credit_request,  ///< of a scheduler, to a mailbox
  credit_notice,   ///< the answer: a CreditNotice
  credit_return,
};

/// What those operations carry a C++ object for, behind a pointer to its type.
constexpr bool has_object(Operation operation) {
  return operation == Operation::reply || operation == Operation::exit || operation == Operation::child_down;
}

}  // namespace ringmail::runtime

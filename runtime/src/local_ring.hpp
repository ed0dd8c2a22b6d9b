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

/// The frame of a message within a process. Where one between processes has type and correlation it has one word: whose
/// handler it is for, which says what the object is, and the admission. The payload is the object and nothing else, so that one
/// of up to 32 bytes is one line; what is more strictly aligned than payloads are travels in a box. Behind the object of a
/// question stands its correlation: there is one where the payload is longer than the object.
struct LocalFrame {
  static transport::FrameHead head(const Binding& binding, Admission admission, ActorId target, ActorId sender) {
    // Bindings are aligned, so the low bits are free.
    static_assert(alignof(Binding) >= 4);
    const std::uint64_t word = reinterpret_cast<std::uintptr_t>(&binding) + static_cast<std::uint64_t>(admission);
    return {.kind = transport::FrameKind::local,
            .type = static_cast<std::uint32_t>(word),
            .correlation = static_cast<std::uint32_t>(word >> 32),
            .target = target.value(),
            .sender = sender.value()};
  }
  static const Binding& binding(const transport::FrameHead& head) {
    const std::uint64_t word = std::uint64_t{head.correlation} << 32 | head.type;
    return *reinterpret_cast<const Binding*>(static_cast<std::uintptr_t>(word & ~std::uint64_t{3}));
  }

  static std::uint32_t bytes(const MessageType& type, std::uint32_t correlation) {
    return correlation == 0 ? type.size : correlation_offset(type) + static_cast<std::uint32_t>(sizeof correlation);
  }
  /// 0: nobody has one.
  static void put_correlation(const MessageType& type, std::byte* payload, std::uint32_t correlation) {
    if (correlation != 0) std::memcpy(payload + correlation_offset(type), &correlation, sizeof correlation);
  }

  /// The ring's memory is this process's own, and the frame is the consumer's until it advances.
  static Message message(transport::RingConsumer& ring, const transport::Frame& frame) {
    const Binding& binding = LocalFrame::binding(frame.head);
    const MessageType& type = *binding.type;
    std::uint32_t correlation = 0;
    if (frame.length != type.size)
      std::memcpy(&correlation, frame.payload + correlation_offset(type), sizeof correlation);
    return {.binding = &binding,
            .payload = const_cast<std::byte*>(frame.payload),
            .length = type.size,
            .type = type.id,
            .asker = {.address = {0, ActorId(frame.head.sender)}, .correlation = correlation},
            .target = ActorId(frame.head.target),
            .admission = static_cast<Admission>(frame.head.type & 3),
            .ring = &ring};
  }

 private:
  static std::uint32_t correlation_offset(const MessageType& type) {
    constexpr std::uint32_t alignment = alignof(std::uint32_t);
    return (type.size + alignment - 1) & ~(alignment - 1);
  }
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

/// Of those that carry a C++ object. What it is stands in place of the sender: a pointer.
constexpr bool has_object(Operation operation) {
  return operation == Operation::reply || operation == Operation::exit || operation == Operation::child_down;
}
inline std::uint64_t object_word(const MessageType& type) { return reinterpret_cast<std::uintptr_t>(&type); }
inline const MessageType& object_type(const transport::FrameHead& head) {
  return *reinterpret_cast<const MessageType*>(static_cast<std::uintptr_t>(head.sender));
}

}  // namespace ringmail::runtime

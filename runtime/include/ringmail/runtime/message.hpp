// A message within a process: what its type knows, and where it lies until a handler takes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/body.hpp"

namespace ringmail::transport {
class RingConsumer;
}

namespace ringmail::runtime {

class Cell;
struct Message;
struct Envelope;

/// What the runtime knows of a type of message. One object a type, of static storage: its address is the type's identity
/// within the process, `id` its identity between processes.
struct MessageType {
  std::uint32_t id = 0;  ///< 0: never leaves the process
  std::uint32_t size = 0;
  std::uint32_t alignment = 1;
  std::string_view name;
  void (*move)(void* to,
               void* from) noexcept = nullptr;       ///< constructs `to` from `from` and destroys `from`; null: memcpy
  void (*destroy)(void* object) noexcept = nullptr;  ///< null: nothing to do

  // Between processes, where a message is more than the bytes of the object: one of variable length, and any that another
  // version of it wrote.
  std::uint32_t (*wire_length)(const void* object) = nullptr;  ///< of variable length; null: always `size`
  void (*write)(const void* object, std::byte* bytes) = nullptr;
  bool (*valid)(const std::byte* bytes, std::uint32_t length) = nullptr;           ///< null: any `size` bytes will do
  bool (*read)(const std::byte* bytes, std::uint32_t length, void* to) = nullptr;  ///< constructs it, of any version
  /// Of a message that may have a body: where in the object that is, a Body. It goes beside the message. 0: it never has one.
  std::uint32_t body_offset = 0;

  bool may_have_body() const { return body_offset != 0; }
  Body& body_of(void* object) const {
    return *std::launder(reinterpret_cast<Body*>(static_cast<std::byte*>(object) + body_offset));
  }

  /// Whether a frame of another process that says so can be one. A type without an id never is: bytes are no objects.
  bool may_be(std::uint32_t frame_type, std::uint32_t length) const {
    return id != 0 && frame_type == id && (length == size || read != nullptr);
  }
  /// Whether so many bytes of another process are the object as it lies here.
  bool is_as_it_lies(std::uint32_t length) const { return write == nullptr && length == size; }

  std::uint32_t length_between_processes(const void* object) const {
    return wire_length != nullptr ? wire_length(object) : size;
  }
  /// Constructs it from bytes that nobody changes meanwhile, if they are one.
  bool copy_from_wire(const std::byte* bytes, std::uint32_t length, void* to) const {
    if (!is_as_it_lies(length)) return read != nullptr && read(bytes, length, to);
    if (valid != nullptr && !valid(bytes, length)) return false;
    std::memcpy(to, bytes, length);
    return true;
  }
  /// Destroys the object.
  void move_to_wire(std::byte* bytes, void* object) const {
    if (write != nullptr) {
      write(object, bytes);
      destroy(object);
    } else {
      std::memcpy(bytes, object, size);
    }
  }

  void relocate(void* to, void* from) const noexcept {
    if (move != nullptr) {
      move(to, from);
    } else if (size == sizeof(std::uint64_t)) {
      std::memcpy(to, from,
                  sizeof(std::uint64_t));  // inline: most are small, and a call for one word is most of its cost
    } else {
      std::memcpy(to, from, size);
    }
  }
};

/// Takes the message (Message::take) before it runs anything that may suspend, or holds it (HeldMessage) meanwhile.
using Handler = void (*)(Cell& cell, Message& message);

/// A type of message and who handles it: known to the sender at compile time, so that nothing is looked up.
struct Binding {
  const MessageType* type = nullptr;
  Handler handler = nullptr;
};

/// Whom to answer. Plain value; may be kept.
struct Asker {
  Address address;
  std::uint32_t correlation = 0;  ///< 0: nobody waits
  std::uint32_t incarnation = 0;  ///< of the peer behind a link: its successor counts its questions anew
  explicit operator bool() const { return correlation != 0; }
};

/// What a message has to do with the limit of the mailbox that it is sent to.
enum class Admission : std::uint8_t {
  limited,   ///< counts
  credited,  ///< counts, and its sender had a credit for it
  exempt,    ///< does not count: it is the runtime's own
};

/// Of a message that came over a link which outlives this host: whom to tell that it has been handled.
struct Receipt {
  std::uint16_t lane = 0;    ///< the scheduler that has read it
  std::uint32_t number = 0;  ///< of the message, on that lane; 0: nobody wants to know
};

struct Message {
  const Binding* binding = nullptr;  ///< null: from another process, to be looked up by `type`
  std::byte* payload = nullptr;
  std::uint32_t length = 0;
  std::uint32_t type = 0;
  Asker asker;  ///< its address is the sender's, whether or not somebody waits
  ActorId target;
  Admission admission = Admission::limited;
  bool has_body = false;                    ///< from another process; it lies behind the payload
  std::uint16_t receipt_lane = 0;           ///< of receipt()
  std::uint32_t receipt_number = 0;         ///< likewise
  transport::RingConsumer* ring = nullptr;  ///< the frame that it lies in, or
  Envelope* envelope = nullptr;             ///< the node; neither once it has been taken

  /// Moves the object to `to`, which has room for its type, and gives the storage back.
  void take(const MessageType& as, void* to) {
    if (binding == nullptr && as.read != nullptr && !as.is_as_it_lies(length)) [[unlikely]] {
      as.read(payload, length, to);  // it is valid: that was looked at when it was given to this handler
      if (has_body && as.may_have_body()) as.body_of(to) = std::move(body());
    } else if (as.id != 0 && binding != nullptr && binding->type != &as) [[unlikely]] {
      take_other(as, to);
    } else {
      as.relocate(to, payload);
    }
    release_storage();
  }
  /// Takes the bytes out of the ring, where who wrote them may write on while they are looked at.
  void copy_out();
  /// Destroys what was not taken.
  void discard();
  Receipt receipt() const { return {.lane = receipt_lane, .number = receipt_number}; }
  bool is_taken() const { return ring == nullptr && envelope == nullptr; }

  static std::size_t body_offset(std::size_t length) { return (length + alignof(Body) - 1) & ~(alignof(Body) - 1); }
  /// If it has one.
  Body& body() const { return *std::launder(reinterpret_cast<Body*>(payload + body_offset(length))); }

 private:
  void take_other(const MessageType& as, void* to);
  void drop_body();
  void release_storage();
};

/// A message whose bytes came from another process, were copied out and found to be one: they stay as they are until the end of
/// this, on the thread that made it. With assertions they are overwritten then, for those who kept a view.
class HeldMessage {
 public:
  explicit HeldMessage(Message& message);
  HeldMessage(const HeldMessage&) = delete;
  HeldMessage& operator=(const HeldMessage&) = delete;
  ~HeldMessage();

  std::span<const std::byte> bytes() const { return {message_.payload, message_.length}; }

 private:
  Message message_;
};

}  // namespace ringmail::runtime

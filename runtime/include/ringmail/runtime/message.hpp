// A message within a process: what its type knows, and where it lies until a handler takes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
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
  bool (*valid)(const std::byte* bytes) = nullptr;   ///< of bytes that another process wrote; null: any will do
  /// Of a message that may have a body: where in the object that is, a Body. Between processes only the message, which the object
  /// begins with, and the bytes of the body are sent. 0: it never has one.
  std::uint32_t body_offset = 0;
  std::uint32_t message_size = 0;  ///< of one with a body

  bool may_have_body() const { return body_offset != 0; }
  Body& body_of(void* object) const {
    return *std::launder(reinterpret_cast<Body*>(static_cast<std::byte*>(object) + body_offset));
  }
  /// Between processes.
  std::uint32_t wire_size() const { return may_have_body() ? message_size : size; }

  /// Whether a frame of another process that says so can be one. A type without an id never is: bytes are no objects.
  bool may_be(std::uint32_t frame_type, std::uint32_t length) const {
    return id != 0 && frame_type == id && length == wire_size();
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

/// Takes the message (Message::take) before it runs anything that may suspend.
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

struct Message {
  const Binding* binding = nullptr;  ///< null: from another process, to be looked up by `type`
  std::byte* payload = nullptr;
  std::uint32_t length = 0;
  std::uint32_t type = 0;
  Asker asker;  ///< its address is the sender's, whether or not somebody waits
  ActorId target;
  Admission admission = Admission::limited;
  bool has_body = false;                    ///< from another process; it lies behind the payload
  transport::RingConsumer* ring = nullptr;  ///< the frame that it lies in, or
  Envelope* envelope = nullptr;             ///< the node; neither once it has been taken

  /// Moves the object to `to`, which has room for its type, and gives the storage back.
  void take(const MessageType& as, void* to) {
    if (as.may_have_body() && binding == nullptr) {
      take_from_wire(as, to);
    } else {
      as.relocate(to, payload);
    }
    release_storage();
  }
  /// Only the bytes that another process could have sent: an object with a body becomes one without, or the other way round.
  void make_wire();
  /// Takes the bytes out of the ring, where who wrote them may write on while they are looked at.
  void copy_out();
  /// Destroys what was not taken.
  void discard();
  bool is_taken() const { return ring == nullptr && envelope == nullptr; }

  static std::size_t body_offset(std::size_t length) { return (length + alignof(Body) - 1) & ~(alignof(Body) - 1); }
  /// If it has one.
  Body& body() const { return *std::launder(reinterpret_cast<Body*>(payload + body_offset(length))); }

 private:
  void take_from_wire(const MessageType& as, void* to);
  void drop_body();
  void release_storage();
};

}  // namespace ringmail::runtime

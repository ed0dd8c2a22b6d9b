// A message that waits at its actor: taken out of its ring, so that it is nobody else's obstacle.
#pragma once

#include <cstddef>
#include <new>

#include "ringmail/runtime/message.hpp"
#include "sanitizers.hpp"

namespace ringmail::runtime {

struct Envelope {
  Envelope* next = nullptr;
  Message message;
};

/// The objects lie behind the node at this offset. Nodes of small messages are pooled by thread: made and freed by the
/// scheduler that owns the actor.
class EnvelopePool {
 public:
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t object_offset = 128;
  static_assert(sizeof(Envelope) <= object_offset);
  static constexpr std::size_t pooled_bytes = 256;  // of an object
  static constexpr std::size_t keep = 4096;         // idle nodes

  static Envelope* make(std::size_t object_bytes) {
    Envelope* const envelope = node(object_bytes);
    envelope->message = Message{.payload = object(envelope),
                                .length = static_cast<std::uint32_t>(object_bytes),
                                .asker = {},
                                .target = {},
                                .envelope = envelope};
    return envelope;
  }

  /// With a message that is yet to be assigned, its `payload`, `length` and `envelope` among it.
  static Envelope* node(std::size_t object_bytes) {
    Pool& pool = local();
    Envelope* const envelope = pool.first;
    if (object_bytes <= pooled_bytes && envelope != nullptr) [[likely]] {
      pool.first = envelope->next;
      --pool.count;
      envelope->next = nullptr;
      sanitizers::allow(object(envelope), pooled_bytes);
      return envelope;
    }
    return allocate(object_bytes);
  }
  static std::byte* object(Envelope* envelope) { return reinterpret_cast<std::byte*>(envelope) + object_offset; }

  static void free(Envelope* envelope) noexcept {
    Pool& pool = local();
    if (envelope->message.length <= pooled_bytes && pool.count < keep) {
      if (!pool.is_kept) [[unlikely]]
        keep_pool(pool);
      // Who has kept a view of it is told so.
      sanitizers::forbid(object(envelope), pooled_bytes);
      envelope->next = pool.first;
      pool.first = envelope;
      ++pool.count;
      return;
    }
    ::operator delete(envelope, std::align_val_t{alignment});
  }

 private:
  static Envelope* allocate(std::size_t object_bytes) {
    const std::size_t bytes = object_offset + (object_bytes <= pooled_bytes ? pooled_bytes : object_bytes);
    return new (::operator new(bytes, std::align_val_t{alignment})) Envelope;
  }

  /// Has no destructor, so that nobody has to look whether it was constructed: a message would pay for that four times.
  struct Pool {
    Envelope* first = nullptr;
    std::size_t count = 0;
    bool is_kept = false;  // it will be emptied
  };
  static Pool& local() {
    static constinit thread_local Pool pool;
    return pool;
  }

  /// Empties the pool at the thread's end.
  struct Keeper {
    ~Keeper() {
      Pool& pool = local();
      while (pool.first != nullptr) {
        Envelope* next = pool.first->next;
        ::operator delete(pool.first, std::align_val_t{alignment});
        pool.first = next;
      }
      pool.count = keep;  // what a later destructor of this thread frees is given back at once
    }
  };
  static void keep_pool(Pool& pool) {
    static_cast<void>(keeper());
    pool.is_kept = true;
  }
  static Keeper& keeper() {
    thread_local Keeper keeper;
    return keeper;
  }
};

}  // namespace ringmail::runtime

// An object that waits: for room in a ring, for its time, for another thread.
#pragma once

#include <utility>

#include "envelope.hpp"

namespace ringmail::runtime {

class StoredObject {
 public:
  StoredObject(const MessageType& type, void* object) : type_(&type), envelope_(EnvelopePool::make(type.size)) {
    type.relocate(envelope_->message.payload, object);
  }
  StoredObject(StoredObject&& other) noexcept
      : type_(other.type_), envelope_(std::exchange(other.envelope_, nullptr)) {}
  StoredObject& operator=(StoredObject&& other) noexcept {
    std::swap(type_, other.type_);
    std::swap(envelope_, other.envelope_);
    return *this;
  }
  ~StoredObject() {
    if (envelope_ == nullptr) return;
    if (type_->destroy != nullptr) type_->destroy(envelope_->message.payload);
    EnvelopePool::free(envelope_);
  }

  const MessageType& type() const { return *type_; }
  const void* object() const { return envelope_->message.payload; }

  /// `taker` moves from the object that it is given, and destroys it.
  template <class Taker>
  void hand_to(Taker&& taker) {
    Envelope* const envelope = std::exchange(envelope_, nullptr);
    taker(static_cast<void*>(envelope->message.payload));
    EnvelopePool::free(envelope);
  }

  void move_to(void* place) {
    type_->relocate(place, envelope_->message.payload);
    EnvelopePool::free(std::exchange(envelope_, nullptr));
  }

 private:
  const MessageType* type_;
  Envelope* envelope_;
};

}  // namespace ringmail::runtime

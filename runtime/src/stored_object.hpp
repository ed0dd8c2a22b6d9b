// An object that waits for room in a ring.
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
  StoredObject& operator=(StoredObject&&) = delete;
  ~StoredObject() {
    if (envelope_ == nullptr) return;
    if (type_->destroy != nullptr) type_->destroy(envelope_->message.payload);
    EnvelopePool::free(envelope_);
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

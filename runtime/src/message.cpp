#include "ringmail/runtime/message.hpp"

#include <memory>

#include "envelope.hpp"
#include "ringmail/transport/ring_consumer.hpp"

namespace ringmail::runtime {

void Message::copy_out() {
  if (ring == nullptr) return;
  Envelope* node = EnvelopePool::make(length);
  std::memcpy(node->message.payload, payload, length);
  payload = node->message.payload;
  std::exchange(ring, nullptr)->advance();
  envelope = node;
}

void Message::discard() {
  if (is_taken()) return;
  if (binding != nullptr && binding->type->destroy != nullptr) binding->type->destroy(payload);
  release_storage();
}

void Message::take_from_wire(const MessageType& as, void* to) {
  std::memcpy(to, payload, length);
  ::new (static_cast<std::byte*>(to) + as.body_offset) Body(has_body ? std::move(body()) : Body());
}

void Message::make_wire() {
  const MessageType& type = *std::exchange(binding, nullptr)->type;
  if (type.may_have_body()) std::destroy_at(&type.body_of(payload));
  length = type.wire_size();
}

void Message::drop_body() {
  std::destroy_at(&body());
  has_body = false;
}

void Message::release_storage() {
  if (has_body) [[unlikely]]
    drop_body();
  if (ring != nullptr) ring->advance();
  ring = nullptr;
  payload = nullptr;
  // Last: a message that lies in an envelope goes with it.
  Envelope* node = std::exchange(envelope, nullptr);
  if (node != nullptr) EnvelopePool::free(node);
}

}  // namespace ringmail::runtime

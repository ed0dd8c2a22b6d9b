#include "ringmail/runtime/message.hpp"

#include <cassert>
#include <cstring>
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

/// The same message with a body, of one without, or the other way round.
void Message::take_other(const MessageType& as, void* to) {
  const MessageType& is = *binding->type;
  if (is.may_have_body()) std::destroy_at(&is.body_of(payload));
  // The message is what the object begins with.
  (is.may_have_body() ? as : is).relocate(to, payload);
  if (as.may_have_body()) ::new (static_cast<std::byte*>(to) + as.body_offset) Body();
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

HeldMessage::HeldMessage(Message& message) : message_(message) {
  assert(message.binding == nullptr && message.ring == nullptr && "bytes that nobody writes any more");
  message.envelope = nullptr;
}

HeldMessage::~HeldMessage() {
#ifndef NDEBUG
  std::memset(message_.payload, 0xdd, message_.length);
#endif
  message_.discard();
}

}  // namespace ringmail::runtime

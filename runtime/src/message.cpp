#include "ringmail/runtime/message.hpp"

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

void Message::release_storage() {
  if (ring != nullptr) ring->advance();
  ring = nullptr;
  payload = nullptr;
  // Last: a message that lies in an envelope goes with it.
  Envelope* node = std::exchange(envelope, nullptr);
  if (node != nullptr) EnvelopePool::free(node);
}

}  // namespace ringmail::runtime

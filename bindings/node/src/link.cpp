#include "link.hpp"

#include <functional>

#include "write_fault.hpp"

namespace ringmail::node {
namespace {

constexpr std::uint32_t lane_mask = 0xff;  // of a message's `lane`

}  // namespace

void Link::adopt(ringmail_peer* peer) {
  peer_ = peer;
  look_for_restart();
}

/// JavaScript then asks for the rings anew. Those of the host before stay mapped: there may be views of them.
void Link::look_for_restart() {
  void* memory = nullptr;
  std::uint64_t bytes = 0;
  if (ringmail_ring_memory(peer_, 0, 0, &memory, &bytes) != 0 || memory == first_ring_) return;
  first_ring_ = memory;
  ringmail_pin(peer_);
  ++head_.life;
}

void Link::close() {
  take_back(lent_payload_);
  take_back(lent_loan_);
  for (auto& [number, loan] : body_loans_) take_back(loan.buffer);
  body_loans_.clear();
  for (napi_ref& ring : rings_) take_back(ring);
  for (const void* memory : read_only_) forget_writes_to(memory);
  read_only_.clear();
  rings_.clear();
  leave_loop();  // it watches a descriptor of the peer's
  ringmail_detach(peer_);
  peer_ = nullptr;
}

void Link::drop() {
  is_dropped_ = true;
  close();
  delete_if_done();
}

/// Where a payload lies in its ring's memory, of which JavaScript has one object for all messages.
std::uint32_t Link::offset_in_ring(std::uint32_t lane, bool outgoing, const void* payload) {
  void* memory = nullptr;
  std::uint64_t bytes = 0;
  if (ringmail_ring_memory(peer_, lane, outgoing ? 1 : 0, &memory, &bytes) != 0) return 0;
  return static_cast<std::uint32_t>(static_cast<const char*>(payload) - static_cast<const char*>(memory));
}

bool Link::lies_in_ring(std::uint32_t lane, const void* payload) {
  void* memory = nullptr;
  std::uint64_t bytes = 0;
  if (ringmail_ring_memory(peer_, lane, 1, &memory, &bytes) != 0) return false;
  return !std::less<const void*>()(payload, memory) &&
         std::less<const void*>()(payload, static_cast<const char*>(memory) + bytes);
}

void Link::describe(const ringmail_message& message, bool in_mail, Head& head) {
  head = {.kind = message.kind,
          .type = message.type,
          .correlation = message.correlation,
          .length = message.length,
          .redelivered = message.redelivered,
          .lane = message.lane & lane_mask,
          .attempt = message.attempt,
          .offset = in_mail ? offset_in_ring(message.lane, false, message.payload) : 0,
          .target = message.target,
          .sender = message.sender,
          .stride = 0,
          .count = 1,
          .life = head.life};
}

int Link::receive() {
  const int result = ringmail_receive(peer_, &in_hand_);
  if (result != 1) return result;
  if (in_hand_.kind == RINGMAIL_RESTARTED) look_for_restart();
  describe(in_hand_, in_hand_.kind == RINGMAIL_MESSAGE, head_);
  return result;
}

int Link::receive_more(std::uint32_t most) {
  const int result = ringmail_receive_more(peer_, most, &head_.stride);
  if (result > 0) head_.count = static_cast<std::uint32_t>(result);
  return result;
}

int Link::receive_reply() {
  const int result = ringmail_receive_reply(peer_, &reply_);
  if (result == 1) describe(reply_, false, reply_head_);
  return result;
}

int Link::release() {
  take_back(lent_payload_);
  return ringmail_release(peer_);
}

int Link::release_and_receive() {
  const int result = release();
  return result < 0 ? result : receive();
}

int Link::loan(ringmail_mailbox target, std::uint32_t length) {
  const int result = ringmail_loan(peer_, target, length, 0, &loaned_);
  if (result != 0) return result;
  look_for_restart();  // which it may be told of later
  loaned_length_ = length;
  const auto lane = static_cast<std::uint32_t>(target >> 52) & 0xff;
  // A host that wants it exactly once has it go by the lane of the message in hand.
  reply_head_.lane = lies_in_ring(lane, loaned_) ? lane : in_hand_.lane & lane_mask;
  reply_head_.offset = offset_in_ring(reply_head_.lane, true, loaned_);
  return 0;
}

napi_value Link::payload() {
  // Memory that cannot be written: write_fault.hpp says what happens to who does.
  const std::size_t bytes = std::size_t{head_.count - 1} * head_.stride + in_hand_.length;
  return lend(const_cast<void*>(in_hand_.payload), bytes, lent_payload_);
}

napi_value Link::loaned() { return lend(loaned_, loaned_length_, lent_loan_); }

int Link::end_loan(std::uint32_t type) {
  take_back(lent_loan_);
  loaned_ = nullptr;
  return type != 0 ? ringmail_publish(peer_, type) : ringmail_cancel(peer_);
}

napi_value Link::ring(std::uint32_t lane, bool outgoing) {
  void* memory = nullptr;
  std::uint64_t bytes = 0;
  napi_value buffer = nullptr;
  if (ringmail_ring_memory(peer_, lane, outgoing ? 1 : 0, &memory, &bytes) != 0) return nullptr;
  if (napi_create_external_arraybuffer(env_, memory, bytes, nullptr, nullptr, &buffer) != napi_ok) return nullptr;
  napi_create_reference(env_, buffer, 1, &rings_.emplace_back());
  if (!outgoing) {
    explain_writes_to(memory, bytes);
    read_only_.push_back(memory);
  }
  return buffer;
}

napi_value Link::lend(void* memory, std::size_t bytes, napi_ref& lent) {
  take_back(lent);
  napi_value buffer = nullptr;
  if (napi_create_external_arraybuffer(env_, memory, bytes, nullptr, nullptr, &buffer) != napi_ok) return nullptr;
  napi_create_reference(env_, buffer, 1, &lent);
  return buffer;
}

void Link::take_back(napi_ref& lent) {
  if (lent == nullptr) return;
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env_, &scope);
  napi_value buffer = nullptr;
  if (napi_get_reference_value(env_, lent, &buffer) == napi_ok && buffer != nullptr)
    napi_detach_arraybuffer(env_, buffer);
  napi_delete_reference(env_, lent);
  lent = nullptr;
  napi_close_handle_scope(env_, scope);
}

}  // namespace ringmail::node

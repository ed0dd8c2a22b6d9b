// What a message of mail leads to, published by one store with its acknowledgement. docs/spec/ring.md, Exactly once
//
// While a message is held, all that is sent and answered goes into the ring of mail that the message's lane has to the host, whoever
// it is for, and stays in the open batch. The acknowledgement stands before it, so that release() need not wait for room. Who fails
// in between publishes nothing of it.
#include <cstring>

#include "peer_link.hpp"
#include "ringmail/transport/acknowledged.hpp"

namespace ringmail::transport {
namespace {

constexpr std::uint64_t acknowledgement_bytes = frame_bytes(sizeof(std::uint64_t));

}  // namespace

/// What was sent before has nothing to do with this message, and does not share its fate.
void PeerLink::begin_batch(PeerLane& lane, const RingConsumer& ring) {
  if (&ring != &lane.mail_in || lane.met) return;
  flush();
  batch_ = {.lane = &lane};
}

void PeerLink::publish_all_but_batch() {
  for (PeerLane& lane : lanes_) {
    if (&lane != batch_.lane) lane.publish();
  }
}

void PeerLink::end_batch() {
  dirty_ = dirty_ || batch_.lane->mail_out.has_open_batch();
  batch_ = {};
}

/// Makes sure that another frame of `length` may go into the batch, and that an acknowledgement is in there.
int PeerLink::join_batch(std::uint32_t length, std::uint64_t deadline_ns) {
  PeerLane& lane = *batch_.lane;
  RingProducer& ring = lane.mail_out;
  if (ring.end() != batch_.end) batch_.bytes += std::exchange(batch_.loaned, 0);
  // With this it fits into the ring as soon as the host has read what is published, whatever padding it takes.
  const std::uint64_t most = ring.capacity() / 4 - acknowledgement_bytes;
  if (batch_.bytes + frame_bytes(length) > most) {
    return fail(RINGMAIL_ETOOLONG,
                "what is sent for one message is more than a quarter of the ring (%llu bytes), and the host wants it "
                "exactly once",
                static_cast<unsigned long long>(most));
  }
  if (!batch_.has_acknowledgement) {
    const std::uint64_t position = held_ring_->position_behind(held_count_);
    std::byte* room = ring.try_loan(sizeof position);
    if (room == nullptr) {
      if (const int result = wait_for_room(lane, ring, sizeof position, deadline_ns, &room); result != 0) return result;
    }
    std::memcpy(room, &position, sizeof position);
    ring.commit({.kind = FrameKind::signal, .type = signal_acknowledge});
    batch_.has_acknowledgement = true;
  }
  batch_.end = ring.end();
  batch_.loaned = frame_bytes(length);
  return 0;
}

/// By mail, for with what else the message leads to it is published by one store.
int PeerLink::answer_in_batch(FrameHead head, const void* payload, std::uint32_t length) {
  if (const int result = join_batch(length, UINT64_MAX); result != 0) return result;
  PeerLane& lane = *batch_.lane;
  std::byte* room = lane.mail_out.try_loan(length);
  if (room == nullptr) {
    if (const int result = wait_for_room(lane, lane.mail_out, length, UINT64_MAX, &room); result != 0) return result;
  }
  if (length != 0) std::memcpy(room, payload, length);
  lane.mail_out.commit(head);
  return 0;
}

int PeerLink::refuse_ask() {
  return fail(
      RINGMAIL_EREFUSED,
      "a message is in hand, and what it leads to is sent exactly once, when it is finished: no question before");
}

}  // namespace ringmail::transport

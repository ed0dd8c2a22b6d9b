#include "peer_bodies.hpp"

#include <utility>

#include "ringmail/transport/park.hpp"

namespace ringmail::transport {

std::expected<PeerBodies*, int> PeerBodies::create(std::shared_ptr<PeerSegments> segments) {
  auto owner = ForkGuard::create();
  if (!owner) return std::unexpected(owner.error());
  return new PeerBodies(std::move(*owner), std::move(segments));
}

PeerBodies::PeerBodies(ForkGuard owner, std::shared_ptr<PeerSegments> segments)
    : owner_(std::move(owner)), segments_(std::move(segments)) {
  for (std::uint32_t i = 0; i < segments_->layout.lanes; ++i) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->consumer = segments_->body_consumer(i);
  }
}

std::expected<ringmail_body, RingFault> PeerBodies::take(std::uint32_t lane, std::span<const std::byte> payload) {
  const auto taken = lanes_[lane]->consumer.take(payload);
  if (!taken) return std::unexpected(taken.error());
  return ringmail_body{.data = const_cast<std::byte*>(taken->data),
                       .length = taken->length,
                       .owner = this,
                       .lane = lane,
                       .slot = taken->slot,
                       .serial = taken->serial};
}

void PeerBodies::give_back(const ringmail_body& body) {
  // A doorbell of its own: the lane's is the peer's thread's. A host that keeps its bells to itself has no arenas.
  if (lanes_[body.lane]->consumer.give_back(body.slot, body.serial)) {
    Doorbell(segments_->host_bells.at<Bell>(0)[body.lane]).ring();
  }
}

void PeerBodies::keep(const ringmail_body& body) {
  // Relaxed: whoever is to give it back learns of it later than this.
  users_.fetch_add(1, std::memory_order_relaxed);
  lanes_[body.lane]->kept[body.slot].store(body.serial, std::memory_order_relaxed);
}

bool PeerBodies::unkeep(const ringmail_body& body) {
  if (body.lane >= lanes_.size() || body.slot >= arena_slots || body.serial == 0) return false;
  std::uint32_t expected = body.serial;
  // Relaxed: of two who do so one finds it, and that is all.
  if (!lanes_[body.lane]->kept[body.slot].compare_exchange_strong(expected, 0, std::memory_order_relaxed)) return false;
  // A child only gives its copy back.
  if (!is_forked()) give_back(body);
  drop();
  return true;
}

void PeerBodies::drop() {
  // Acquire and release: the last one unmaps what all have read.
  if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

}  // namespace ringmail::transport

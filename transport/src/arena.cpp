#include "ringmail/transport/arena.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "ringmail/transport/ring_producer.hpp"

namespace ringmail::transport {
namespace {

/// A body of no bytes has a place, too.
std::uint64_t block_bytes(std::uint64_t length) {
  return std::max((length + page_bytes - 1) / page_bytes * page_bytes, page_bytes);
}

}  // namespace

ArenaProducer::ArenaProducer(ArenaMemory memory) : memory_(std::move(memory)) {
  assert(memory_.bytes % page_bytes == 0 && memory_.bytes <= max_arena_bytes);
  add_free(0, memory_.bytes);
}

std::byte* ArenaProducer::try_loan(std::uint64_t length, RingProducer& mail) {
  assert(length <= memory_.bytes);
  collect(mail);
  if (fault_ != RingFault::none) return nullptr;
  const auto slot = take_slot();
  if (!slot) return nullptr;
  const std::uint64_t bytes = block_bytes(length);
  const auto offset = take_bytes(bytes);
  if (!offset) {
    free_slots_.push_back(*slot);
    return nullptr;
  }
  loaned_.emplace(*offset, Loan{.bytes = bytes, .length = length, .slot = *slot});
  used_ += bytes;
  return memory_.data + *offset;
}

bool ArenaProducer::is_loaned(const std::byte* block) const {
  // Of any pointer: compared as numbers.
  const auto offset = reinterpret_cast<std::uintptr_t>(block) - reinterpret_cast<std::uintptr_t>(memory_.data);
  return loaned_.contains(offset);
}

void ArenaProducer::cancel(const std::byte* block) {
  const auto loan = loaned_.find(offset_of(block));
  assert(loan != loaned_.end());
  add_free(loan->first, loan->second.bytes);
  used_ -= loan->second.bytes;
  free_slots_.push_back(loan->second.slot);
  loaned_.erase(loan);
}

BodyPlace ArenaProducer::place_of(const std::byte* block) const {
  const auto loan = loaned_.find(offset_of(block));
  assert(loan != loaned_.end());
  return {.offset = loan->first,
          .length = loan->second.length,
          .slot = loan->second.slot,
          .serial = slots_[loan->second.slot].serial};
}

void ArenaProducer::committed(const std::byte* block, const RingProducer& mail) {
  const auto loan = loaned_.find(offset_of(block));
  assert(loan != loaned_.end());
  Slot& slot = slots_[loan->second.slot];
  slot.offset = loan->first;
  slot.bytes = loan->second.bytes;
  slot.end = mail.end();
  slot.is_returned = false;
  ++out_;
  loaned_.erase(loan);
}

/// Its serial is the next block's.
std::optional<std::uint32_t> ArenaProducer::take_slot() {
  std::uint32_t index = 0;
  if (!free_slots_.empty()) {
    index = free_slots_.back();
    free_slots_.pop_back();
  } else if (slots_.size() < arena_slots) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    return std::nullopt;
  }
  // Not the consumer's word: that may be a dead one's, or 0.
  Slot& slot = slots_[index];
  do {
    ++slot.serial;
  } while (slot.serial == 0 || slot.serial == slot.last_word);
  return index;
}

/// The smallest piece that is large enough and, of these, the first: what was in use before is used again, and the large pieces
/// stay whole.
std::optional<std::uint64_t> ArenaProducer::take_bytes(std::uint64_t bytes) {
  const auto found = free_by_size_.lower_bound({bytes, 0});
  if (found == free_by_size_.end()) return std::nullopt;
  const auto [size, offset] = *found;
  const std::uint64_t end = offset + bytes;
  if (end > populated_) {
    // All behind `populated_` is one free piece, which this is the beginning of.
    assert(offset <= populated_);
    if (memory_.populate && !memory_.populate(populated_, end - populated_)) return std::nullopt;
    populated_ = end;
  }
  remove_free(offset, size);
  if (size > bytes) {
    free_by_offset_.emplace(end, size - bytes);
    free_by_size_.emplace(size - bytes, end);
  }
  return offset;
}

void ArenaProducer::remove_free(std::uint64_t offset, std::uint64_t bytes) {
  free_by_offset_.erase(offset);
  free_by_size_.erase({bytes, offset});
}

/// With the pieces on both sides of it.
void ArenaProducer::add_free(std::uint64_t offset, std::uint64_t bytes) {
  if (const auto next = free_by_offset_.find(offset + bytes); next != free_by_offset_.end()) {
    const std::uint64_t more = next->second;
    remove_free(offset + bytes, more);
    bytes += more;
  }
  if (const auto next = free_by_offset_.lower_bound(offset); next != free_by_offset_.begin()) {
    const auto [begin, size] = *std::prev(next);
    if (begin + size == offset) {
      remove_free(begin, size);
      offset = begin;
      bytes += size;
    }
  }
  free_by_offset_.emplace(offset, bytes);
  free_by_size_.emplace(bytes, offset);
}

void ArenaProducer::free_block(Slot& slot) {
  add_free(slot.offset, slot.bytes);
  used_ -= std::exchange(slot.bytes, 0);
  --out_;
  free_slots_.push_back(static_cast<std::uint32_t>(&slot - slots_.data()));
}

/// What has been given back, and whose frame is finished, is free.
void ArenaProducer::collect(RingProducer& mail) {
  // SYNC(want): after the store of `want`, with the addition in ArenaConsumer::give_back.
  const std::uint32_t count = memory_.returns->count.load(std::memory_order_seq_cst);
  if ((count == seen_ && unfinished_ == 0) || fault_ != RingFault::none) return;
  seen_ = count;
  unfinished_ = 0;
  // Once: what has been finished meanwhile is seen the next time.
  if (!mail.refresh_cursor()) return;
  for (Slot& slot : slots_) {
    if (slot.bytes == 0) continue;
    if (!slot.is_returned) {
      // SYNC(returns): with the store in ArenaConsumer::give_back; its readers are done with the block.
      const auto& word = memory_.returns->serial[&slot - slots_.data()];
      const std::uint32_t returned = word.load(std::memory_order_acquire);
      if (returned == slot.last_word) continue;
      if (returned != slot.serial) {
        fault_ = RingFault::body_returned_wrongly;
        return;
      }
      slot.is_returned = true;
      slot.last_word = returned;
    }
    if (slot.end <= mail.cursor()) {
      free_block(slot);
    } else {
      ++unfinished_;
    }
  }
}

bool ArenaProducer::may_have_room(const RingProducer& mail) const {
  if (memory_.returns == nullptr || fault_ != RingFault::none) return false;
  // SYNC(want): with the addition in ArenaConsumer::give_back.
  return memory_.returns->count.load(std::memory_order_seq_cst) != seen_ || (unfinished_ != 0 && mail.cursor_moved());
}

void ArenaProducer::switch_consumer(std::uint64_t cursor, const ReturnsBlock* returns) {
  for (Slot& slot : slots_) {
    if (slot.bytes != 0 && slot.end <= cursor) free_block(slot);
    slot.last_word = 0;
    slot.is_returned = false;
  }
  memory_.returns = returns;
  unfinished_ = 0;
  seen_ = 0;
  fault_ = RingFault::none;
}

// --- The reader

std::expected<ReceivedBody, RingFault> ArenaConsumer::take(std::span<const std::byte> payload) {
  if (own_ == nullptr || payload.size() < sizeof(BodyPlace)) return std::unexpected(RingFault::body_not_described);
  // C1: who wrote it may write on. Relaxed: ordered after the acquire of the frame's commit word.
  std::array<std::uint64_t, sizeof(BodyPlace) / sizeof(std::uint64_t)> words{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = detail::word_at(payload.data(), i * sizeof(std::uint64_t)).load(std::memory_order_relaxed);
  }
  const auto place = std::bit_cast<BodyPlace>(words);
  if (place.offset % page_bytes != 0 || place.slot >= arena_slots || place.serial == 0) {
    return std::unexpected(RingFault::body_not_described);
  }
  if (place.length > arena_.size() || place.offset > arena_.size() - place.length) {
    return std::unexpected(RingFault::body_past_end);
  }
  // Relaxed: who gave it back did so before its writer could send it anew.
  if ((*held_)[place.slot].exchange(true, std::memory_order_relaxed)) {
    return std::unexpected(RingFault::body_sent_twice);
  }
  return ReceivedBody{
      .data = arena_.data() + place.offset, .length = place.length, .slot = place.slot, .serial = place.serial};
}

bool ArenaConsumer::give_back(std::uint32_t slot, std::uint32_t serial) {
  // Relaxed: ordered by the release below.
  (*held_)[slot].store(false, std::memory_order_relaxed);
  // SYNC(returns): with the load in ArenaProducer::collect.
  own_->serial[slot].store(serial, std::memory_order_release);
  // SYNC(want): ordered before the load of `want`, whichever Ordering the cursors have; with RingProducer::want_room.
  own_->count.fetch_add(1, std::memory_order_seq_cst);
  return mail_->want.load(std::memory_order_seq_cst) != 0;
}

}  // namespace ringmail::transport

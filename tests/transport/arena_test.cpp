// Blocks of an arena: who has them, when they are free again, and what a hostile end can write about them.
#include "ringmail/transport/arena.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "test_ring.hpp"

namespace ringmail::transport::test {
namespace {

constexpr std::uint64_t arena_bytes = 16 * page_bytes;

/// Both ends of a ring and of the arena beside it, in memory that the test can write to.
struct Bodies {
  explicit Bodies(std::uint64_t bytes = arena_bytes, std::uint64_t ring_bytes = page_bytes)
      : ring(ring_bytes), arena(bytes), mail_out(ring.producer()), mail_in(ring.consumer()) {
    out = ArenaProducer({.data = arena.data(),
                         .bytes = bytes,
                         .populate =
                             [this](std::uint64_t offset, std::uint64_t count) {
                               populated.emplace_back(offset, count);
                               return !out_of_memory;
                             },
                         .returns = &returns});
    in = consumer();
  }
  ArenaConsumer consumer() { return {arena, &returns, &ring.producer_block}; }

  /// Sends what was loaned as the body of an empty message.
  void send(const std::byte* block) {
    const BodyPlace place = out.place_of(block);
    std::byte* const room = mail_out.try_loan(sizeof place);
    ASSERT_NE(room, nullptr);
    std::memcpy(room, &place, sizeof place);
    mail_out.commit({.kind = FrameKind::large});
    out.committed(block, mail_out);
    mail_out.publish();
  }
  std::byte* loan(std::uint64_t length) { return out.try_loan(length, mail_out); }
  bool send_new(std::uint64_t length) {
    const std::byte* const block = loan(length);
    if (block != nullptr) send(block);
    return block != nullptr;
  }

  std::expected<ReceivedBody, RingFault> peek() {
    const auto frame = mail_in.peek();
    EXPECT_TRUE(frame && frame->head.kind == FrameKind::large);
    return in.take({frame->payload, frame->length});
  }
  ReceivedBody receive() {
    const auto body = peek();
    EXPECT_TRUE(body.has_value());
    mail_in.advance();
    mail_in.store_cursor();
    return body.value_or(ReceivedBody{});
  }
  void give_back(const ReceivedBody& body) { in.give_back(body.slot, body.serial); }

  /// Nothing is out, and all of the arena can be had at once.
  bool is_whole() {
    std::byte* const all = loan(out.bytes());
    if (all == nullptr) return false;
    out.cancel(all);
    return out.blocks() == 0 && out.used_bytes() == 0;
  }

  TestRing ring;
  std::vector<std::byte> arena;
  ReturnsBlock returns;
  RingProducer mail_out;
  RingConsumer mail_in;
  ArenaProducer out;
  ArenaConsumer in;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> populated;
  bool out_of_memory = false;
};

TEST(Arena, a_body_is_read_where_it_was_written_and_comes_back) {
  Bodies bodies;
  std::byte* const block = bodies.loan(10'000);
  ASSERT_NE(block, nullptr);
  std::memset(block, 7, 10'000);
  bodies.send(block);
  const ReceivedBody body = bodies.receive();
  EXPECT_EQ(body.data, block);
  EXPECT_EQ(body.length, 10'000u);
  EXPECT_EQ(bodies.out.used_bytes(), 3 * page_bytes);
  EXPECT_FALSE(bodies.is_whole()) << "it is still held";
  bodies.give_back(body);
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, bodies_come_back_in_any_order) {
  Bodies bodies;
  std::vector<ReceivedBody> held;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(bodies.send_new(4 * page_bytes));
    held.push_back(bodies.receive());
  }
  EXPECT_EQ(bodies.loan(1), nullptr);
  for (const int i : {2, 0, 3}) bodies.give_back(held[static_cast<std::size_t>(i)]);
  EXPECT_EQ(bodies.loan(12 * page_bytes), nullptr) << "the second lies between";
  ASSERT_TRUE(bodies.send_new(8 * page_bytes)) << "the third and fourth are one piece";
  bodies.give_back(bodies.receive());
  bodies.give_back(held[1]);
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, a_block_is_not_free_before_its_message_is_finished) {
  Bodies bodies;
  ASSERT_TRUE(bodies.send_new(arena_bytes));
  const auto body = bodies.peek();
  ASSERT_TRUE(body);
  bodies.give_back(*body);
  EXPECT_EQ(bodies.loan(1), nullptr) << "the next incarnation may have to be given it";
  bodies.mail_in.advance();
  EXPECT_EQ(bodies.loan(1), nullptr) << "nor is what the cursor does not say";
  bodies.mail_in.store_cursor();
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, a_body_of_no_bytes_has_a_block_as_well) {
  Bodies bodies;
  ASSERT_TRUE(bodies.send_new(0));
  const ReceivedBody body = bodies.receive();
  EXPECT_EQ(body.length, 0u);
  EXPECT_EQ(bodies.out.used_bytes(), page_bytes);
  bodies.give_back(body);
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, a_loan_that_is_cancelled_leaves_no_trace) {
  Bodies bodies;
  std::byte* const first = bodies.loan(page_bytes);
  std::byte* const second = bodies.loan(page_bytes);
  EXPECT_TRUE(bodies.out.is_loaned(first));
  EXPECT_FALSE(bodies.out.is_loaned(first + 1));
  EXPECT_FALSE(bodies.out.is_loaned(nullptr));
  bodies.out.cancel(first);
  EXPECT_FALSE(bodies.out.is_loaned(first));
  bodies.send(second);
  bodies.give_back(bodies.receive());
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, what_was_in_use_is_used_again_before_new_pages_are) {
  Bodies bodies;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(bodies.send_new(3 * page_bytes));
    bodies.give_back(bodies.receive());
  }
  ASSERT_EQ(bodies.populated.size(), 1u);
  EXPECT_EQ(bodies.populated[0], std::pair(std::uint64_t{0}, 3 * page_bytes));
  // A larger one begins at the same place, and needs only what is behind.
  ASSERT_TRUE(bodies.send_new(5 * page_bytes));
  EXPECT_EQ(bodies.populated.back(), std::pair(3 * page_bytes, 2 * page_bytes));
}

TEST(Arena, a_machine_without_memory_is_an_arena_without_room) {
  Bodies bodies;
  bodies.out_of_memory = true;
  EXPECT_EQ(bodies.loan(1), nullptr);
  EXPECT_EQ(bodies.out.blocks(), 0u);
  bodies.out_of_memory = false;
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, so_many_bodies_may_be_out_and_no_more) {
  Bodies bodies(1024 * page_bytes, 1 << 16);
  std::vector<ReceivedBody> held;
  for (std::uint32_t i = 0; i < arena_slots; ++i) {
    ASSERT_TRUE(bodies.send_new(1));
    held.push_back(bodies.receive());
  }
  EXPECT_EQ(bodies.loan(1), nullptr);
  bodies.give_back(held[100]);
  ASSERT_TRUE(bodies.send_new(1));
  held[100] = bodies.receive();
  for (const ReceivedBody& body : held) bodies.give_back(body);
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, blocks_never_overlap_and_none_is_lost) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  Bodies bodies(64 * page_bytes, 1 << 16);
  std::vector<std::byte*> loans;
  std::vector<ReceivedBody> held;
  std::map<const std::byte*, std::uint64_t> out;  // of what is loaned or held: begin and pages
  for (int step = 0; step < 20'000; ++step) {
    switch (below(5)) {
      case 0:
      case 1: {
        const std::uint64_t length = below(10 * page_bytes);
        std::byte* const block = bodies.loan(length);
        if (block == nullptr) break;
        const std::uint64_t pages = std::max<std::uint64_t>((length + page_bytes - 1) / page_bytes, 1);
        const auto next = out.upper_bound(block);
        ASSERT_TRUE(next == out.end() || block + pages * page_bytes <= next->first);
        ASSERT_TRUE(next == out.begin() || std::prev(next)->first + std::prev(next)->second * page_bytes <= block);
        out.emplace(block, pages);
        loans.push_back(block);
        break;
      }
      case 2:
        if (loans.empty()) break;
        bodies.send(loans.back());
        loans.pop_back();
        held.push_back(bodies.receive());
        break;
      case 3:
        if (loans.empty()) break;
        std::swap(loans[below(loans.size())], loans.back());
        bodies.out.cancel(loans.back());
        out.erase(loans.back());
        loans.pop_back();
        break;
      case 4:
        if (held.empty()) break;
        std::swap(held[below(held.size())], held.back());
        bodies.give_back(held.back());
        out.erase(held.back().data);
        held.pop_back();
        break;
    }
    ASSERT_EQ(bodies.out.fault(), RingFault::none);
  }
  for (const std::byte* loan : loans) bodies.out.cancel(loan);
  for (const ReceivedBody& body : held) bodies.give_back(body);
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, any_thread_gives_back) {
  Bodies bodies(256 * page_bytes, 1 << 16);
  constexpr int threads = 4;
  constexpr int rounds = 200;
  for (int round = 0; round < rounds; ++round) {
    std::array<ReceivedBody, threads> held;
    for (ReceivedBody& body : held) {
      std::byte* block = nullptr;
      while ((block = bodies.loan(40 * page_bytes)) == nullptr) std::this_thread::yield();
      std::memset(block, round & 127, 64);
      bodies.send(block);
      body = bodies.receive();
    }
    std::vector<std::jthread> readers;
    for (const ReceivedBody& body : held) {
      readers.emplace_back([&bodies, body, round] {
        EXPECT_EQ(body.data[63], std::byte(round & 127));
        bodies.give_back(body);
      });
    }
  }
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, who_waits_for_a_block_is_to_be_rung) {
  Bodies bodies;
  ASSERT_TRUE(bodies.send_new(arena_bytes));
  const ReceivedBody body = bodies.receive();
  bodies.mail_out.want_room(true);
  EXPECT_EQ(bodies.loan(1), nullptr);
  EXPECT_FALSE(bodies.out.may_have_room(bodies.mail_out));
  EXPECT_TRUE(bodies.in.give_back(body.slot, body.serial));
  EXPECT_TRUE(bodies.out.may_have_room(bodies.mail_out));
  EXPECT_NE(bodies.loan(1), nullptr);
}

// --- Death

TEST(Arena, a_death_gives_back_what_was_kept_and_keeps_what_was_not_finished) {
  Bodies bodies;
  ASSERT_TRUE(bodies.send_new(4 * page_bytes));
  const ReceivedBody kept = bodies.receive();
  std::byte* const second = bodies.loan(2 * page_bytes);
  std::memset(second, 2, 2 * page_bytes);
  bodies.send(second);
  std::byte* const third = bodies.loan(page_bytes);
  bodies.send(third);
  ASSERT_TRUE(bodies.peek());  // it dies with the second in hand
  std::byte* const loaned = bodies.loan(page_bytes);

  ReturnsBlock fresh;
  const std::uint64_t cursor = bodies.mail_out.unfinished().cursor;
  bodies.out.switch_consumer(cursor, &fresh);
  EXPECT_EQ(bodies.out.used_bytes(), 4 * page_bytes);
  // What a child of the dead one goes on to write is nobody's concern.
  bodies.in.give_back(kept.slot, 77);

  ConsumerBlock block;
  block.cursor.store(cursor);
  block.resume_sequence = 1;
  bodies.mail_out.switch_consumer(&block);
  bodies.mail_in = bodies.ring.consumer(block);
  bodies.in = ArenaConsumer(bodies.arena, &fresh, &bodies.ring.producer_block);
  const ReceivedBody again = bodies.receive();
  EXPECT_EQ(again.data, second);
  EXPECT_EQ(again.data[page_bytes], std::byte{2});
  bodies.give_back(again);
  bodies.give_back(bodies.receive());
  bodies.out.cancel(loaned);
  EXPECT_TRUE(bodies.is_whole());
  EXPECT_EQ(bodies.out.fault(), RingFault::none);
}

// --- Hostile ends

TEST(Arena, a_place_that_cannot_be_has_a_name) {
  Bodies bodies;
  const auto fault_of = [&](BodyPlace place, std::size_t bytes = sizeof(BodyPlace)) {
    alignas(8) std::array<std::byte, sizeof place> payload{};
    std::memcpy(payload.data(), &place, sizeof place);
    const auto taken = bodies.in.take(std::span<const std::byte>(payload).first(bytes));
    if (taken) bodies.give_back(*taken);
    return taken ? RingFault::none : taken.error();
  };
  const BodyPlace good{.offset = page_bytes, .length = 15 * page_bytes, .slot = 1, .serial = 1};
  EXPECT_EQ(fault_of(good), RingFault::none);
  EXPECT_EQ(fault_of(good, 31), RingFault::body_not_described);
  EXPECT_EQ(fault_of(good, 0), RingFault::body_not_described);
  const auto with = [&](auto change) {
    BodyPlace place = good;
    change(place);
    return fault_of(place);
  };
  EXPECT_EQ(with([](BodyPlace& place) { place.offset += 1; }), RingFault::body_not_described);
  EXPECT_EQ(with([](BodyPlace& place) { place.slot = arena_slots; }), RingFault::body_not_described);
  EXPECT_EQ(with([](BodyPlace& place) { place.slot = UINT32_MAX; }), RingFault::body_not_described);
  EXPECT_EQ(with([](BodyPlace& place) { place.serial = 0; }), RingFault::body_not_described);
  EXPECT_EQ(with([](BodyPlace& place) { place.length += 1; }), RingFault::body_past_end);
  EXPECT_EQ(with([](BodyPlace& place) { place.offset += page_bytes; }), RingFault::body_past_end);
  EXPECT_EQ(with([](BodyPlace& place) { place.length = UINT64_MAX; }), RingFault::body_past_end);
  EXPECT_EQ(with([](BodyPlace& place) { place.offset = UINT64_MAX - page_bytes + 1; }), RingFault::body_past_end);
  EXPECT_EQ(ArenaConsumer().take({}).error(), RingFault::body_not_described) << "where there is no arena";
}

TEST(Arena, a_body_that_is_sent_twice_has_a_name) {
  Bodies bodies;
  ASSERT_TRUE(bodies.send_new(1));
  ASSERT_TRUE(bodies.peek());
  EXPECT_EQ(bodies.peek().error(), RingFault::body_sent_twice);
}

TEST(Arena, what_is_given_back_twice_is_given_back_once) {
  Bodies bodies;
  ASSERT_TRUE(bodies.send_new(page_bytes));
  const ReceivedBody body = bodies.receive();
  bodies.give_back(body);
  bodies.give_back(body);
  EXPECT_TRUE(bodies.is_whole());
  ASSERT_TRUE(bodies.send_new(page_bytes)) << "in the same slot";
  bodies.give_back(body);
  EXPECT_FALSE(bodies.is_whole()) << "the block of before is not this one";
  EXPECT_EQ(bodies.out.fault(), RingFault::none);
}

TEST(Arena, what_is_given_back_and_was_not_sent_has_a_name) {
  Bodies bodies;
  std::byte* const loaned = bodies.loan(page_bytes);
  ASSERT_TRUE(bodies.send_new(page_bytes));
  const ReceivedBody body = bodies.receive();
  bodies.in.give_back(body.slot, body.serial + 1);
  EXPECT_EQ(bodies.loan(1), nullptr);
  EXPECT_EQ(bodies.out.fault(), RingFault::body_returned_wrongly);
  // Its own loans are as they were.
  bodies.out.cancel(loaned);
  // The next incarnation is not to blame.
  ReturnsBlock fresh;
  bodies.out.switch_consumer(bodies.mail_out.unfinished().cursor, &fresh);
  EXPECT_TRUE(bodies.is_whole());
}

TEST(Arena, slots_that_are_not_out_can_hold_anything) {
  Bodies bodies;
  ASSERT_TRUE(bodies.send_new(page_bytes));
  const ReceivedBody body = bodies.receive();
  for (std::uint32_t slot = 0; slot < arena_slots; ++slot) {
    if (slot != body.slot) bodies.in.give_back(slot, 0xffffffff);
  }
  EXPECT_NE(bodies.loan(page_bytes), nullptr);
  EXPECT_EQ(bodies.out.fault(), RingFault::none);
}

}  // namespace
}  // namespace ringmail::transport::test

#include "local_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

namespace ringmail::runtime::test {
namespace {

constexpr ActorId target(1, 2, 3, true, 4);
constexpr ActorId sender(0, 5, 6);

class LocalFrameTest : public testing::Test {
 protected:
  /// Sends an object of that type and gives what comes out of the ring.
  Message pass(const Binding& binding,
               const std::vector<std::byte>& object,
               Admission admission = Admission::limited,
               std::uint32_t correlation = 0) {
    const MessageType& type = *binding.type;
    std::byte* const place = producer_.try_loan(LocalFrame::bytes(type, correlation));
    EXPECT_NE(place, nullptr);
    if (!object.empty()) std::memcpy(place, object.data(), object.size());
    LocalFrame::put_correlation(type, place, correlation);
    producer_.commit(LocalFrame::head(binding, admission, target, sender));
    producer_.publish();
    const auto frame = consumer_.peek();
    EXPECT_TRUE(frame);
    return frame ? LocalFrame::message(consumer_, *frame) : Message();
  }

  LocalRing ring_;
  transport::RingProducer producer_ = ring_.producer();
  transport::RingConsumer consumer_ = ring_.consumer();
};

TEST_F(LocalFrameTest, an_object_of_32_bytes_takes_one_line) {
  constexpr MessageType type{.size = 32, .alignment = 32, .name = "Strict"};
  const Binding binding{.type = &type};
  const Message message = pass(binding, std::vector<std::byte>(32));
  EXPECT_EQ(producer_.tail(), transport::line_bytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(message.payload) % 32, 0u) << "as strictly as anything travels";
}

TEST_F(LocalFrameTest, says_what_it_carries_and_who_asks) {
  for (const std::uint32_t size : {0u, 1u, 3u, 4u, 5u, 28u, 29u, 32u, 33u, 4000u}) {
    const MessageType type{.id = 77 + size, .size = size, .name = "Bytes"};
    const Binding binding{.type = &type};
    std::vector<std::byte> object(size);
    for (std::uint32_t i = 0; i < size; ++i) object[i] = static_cast<std::byte>(i + 1);
    for (const Admission admission : {Admission::limited, Admission::credited, Admission::exempt}) {
      for (const std::uint32_t correlation : {0u, 1u, 0xffff'ffffu}) {
        SCOPED_TRACE(testing::Message() << size << " bytes, correlation " << correlation);
        Message message = pass(binding, object, admission, correlation);
        EXPECT_EQ(message.binding, &binding);
        EXPECT_EQ(message.length, size);
        EXPECT_EQ(message.type, type.id);
        EXPECT_EQ(message.target, target);
        EXPECT_EQ(message.asker.address, (Address{0, sender}));
        EXPECT_EQ(message.asker.correlation, correlation);
        EXPECT_EQ(message.admission, admission);
        std::array<std::byte, 4000> room;
        message.take(type, room.data());
        EXPECT_TRUE(std::ranges::equal(std::span(room).first(size), object));
      }
    }
  }
}

}  // namespace
}  // namespace ringmail::runtime::test

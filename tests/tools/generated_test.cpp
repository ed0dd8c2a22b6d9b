// What `ringmail gen --lang cpp` wrote, compiled with every warning and used.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "market.mail.hpp"
#include "ringmail/actors/schema.hpp"
#include "second.mail.hpp"

namespace {

namespace market = test::market;

template <class Message>
std::array<std::byte, sizeof(Message)> bytes_of(const Message& message) {
  std::array<std::byte, sizeof(Message)> bytes;
  std::memcpy(bytes.data(), &message, sizeof(Message));
  return bytes;
}

TEST(Generated, a_message_is_an_aggregate_of_zeros) {
  const market::Tick tick{.time = 7, .symbol = "ABC"};
  EXPECT_EQ(tick.time, 7u);
  EXPECT_EQ(tick.price, 0.0);
  EXPECT_EQ(tick.side, market::Side::bid);
  EXPECT_FALSE(tick.live);
  EXPECT_EQ(tick.legs[1], market::Leg{});
  EXPECT_EQ(tick.symbol, "ABC");
  EXPECT_EQ(tick, (market::Tick{.time = 7, .symbol = std::string_view("ABC")}));
  EXPECT_NE(tick, market::Tick{});
}

TEST(Generated, says_its_name_id_size_and_schema) {
  static_assert(market::Tick::ringmail_name == "test.market.Tick");
  static_assert(market::Pricer::ringmail_protocol == "test.market.Pricer");
  static_assert(market::Tick::ringmail_schema.data() == market::ringmail_schema.data());
  static_assert(market::Silent::ringmail_schema.data() == market::ringmail_schema.data());
  static_assert(market::Reset::ringmail_size == 0);
  EXPECT_EQ(market::Tick::ringmail_type, ringmail::schema::type_id("test.market.Tick"));

  const auto schema = ringmail::schema::parse_text(market::ringmail_schema);
  ASSERT_TRUE(schema) << schema.error().to_string();
  const auto* tick = schema->find_message(market::Tick::ringmail_name);
  ASSERT_NE(tick, nullptr);
  EXPECT_EQ(tick->id, market::Tick::ringmail_type);
  EXPECT_EQ(tick->size, sizeof(market::Tick));
}

TEST(Generated, a_protocol_gives_the_reply_to_each_message) {
  using market::Pricer;
  static_assert(std::is_same_v<decltype(Pricer::on(market::Tick{})), market::Numbers>);
  static_assert(std::is_same_v<decltype(Pricer::on(market::Words{})), market::Reset>);
  static_assert(std::is_same_v<decltype(Pricer::on(market::Reset{})), void>);
}

TEST(Generated, keywords_and_macros_get_an_underscore) {
  const market::Words words{.class_ = 1, .int_ = 2, .errno_ = 3};
  EXPECT_EQ(words.class_ + words.int_ + words.errno_, 6);
  EXPECT_EQ(static_cast<long long>(market::Limit::default_), 7);
}

TEST(Generated, an_enum_holds_the_limits_of_its_type) {
  EXPECT_EQ(static_cast<std::int64_t>(market::Limit::least), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(static_cast<std::uint64_t>(market::Mask::all), std::numeric_limits<std::uint64_t>::max());
}

TEST(Generated, a_good_message_is_valid) {
  EXPECT_TRUE(market::Tick::ringmail_valid(bytes_of(market::Tick{.side = market::Side::ask, .live = true})));
  EXPECT_TRUE(market::Numbers::ringmail_valid(bytes_of(market::Numbers{.a = 255, .b = 65535, .c = -1})));
  EXPECT_TRUE(market::Reset::ringmail_valid({}));
}

TEST(Generated, a_message_that_is_too_short_is_invalid) {
  const auto tick = bytes_of(market::Tick{});
  EXPECT_FALSE(market::Tick::ringmail_valid(std::span(tick).first(tick.size() - 1)));
  EXPECT_FALSE(market::Tick::ringmail_valid({}));
  // A newer version of it may have grown.
  EXPECT_TRUE(market::Reset::ringmail_valid(std::span(tick).first(1)));
}

TEST(Generated, every_bool_and_enum_is_looked_at) {
  using market::Leg;
  using market::Tick;
  const auto with_2_at = [](std::size_t offset) {
    auto bytes = bytes_of(Tick{});
    bytes[offset] = std::byte{2};
    return Tick::ringmail_valid(bytes);
  };
  EXPECT_FALSE(with_2_at(offsetof(Tick, side)));
  EXPECT_FALSE(with_2_at(offsetof(Tick, live)));
  EXPECT_FALSE(with_2_at(offsetof(Tick, limit)));
  EXPECT_FALSE(with_2_at(offsetof(Tick, limit) + 7));
  EXPECT_FALSE(with_2_at(offsetof(Tick, mask)));
  EXPECT_FALSE(with_2_at(offsetof(Tick, sides) + 2));
  EXPECT_FALSE(with_2_at(offsetof(Tick, flags)));
  EXPECT_FALSE(with_2_at(offsetof(Tick, flags) + 2));
  EXPECT_FALSE(with_2_at(offsetof(Tick, legs) + sizeof(Leg) + offsetof(Leg, open)));
  EXPECT_FALSE(with_2_at(offsetof(Tick, best) + offsetof(Leg, open)));
  EXPECT_TRUE(with_2_at(offsetof(Tick, time)));
  EXPECT_TRUE(with_2_at(offsetof(Tick, symbol)));
  EXPECT_TRUE(with_2_at(offsetof(Tick, best) + offsetof(Leg, ratio)));
}

using ringmail::Text;

TEST(GeneratedText, is_cut_between_two_characters) {
  EXPECT_EQ(Text<4>("abcd").view(), "abcd");
  EXPECT_EQ(Text<4>("abcde").view(), "abcd");
  EXPECT_EQ(Text<4>("abc\u00e9").view(), "abc");        // two bytes of which one would fit
  EXPECT_EQ(Text<5>("abc\u00e9").view(), "abc\u00e9");  // both fit
  EXPECT_EQ(Text<4>("a\U0001F680").view(), "a");
  EXPECT_EQ(Text<4>("\U0001F680x").view(), "\U0001F680");
  EXPECT_EQ(Text<2>("\x80\x80\x80").view(), "") << "no UTF-8 at all";
}

TEST(GeneratedText, ends_at_its_first_zero) {
  const std::string_view source("ab\0cd", 5);
  EXPECT_EQ(Text<8>(source).view(), "ab");
  EXPECT_EQ(bytes_of(Text<8>(source)), bytes_of(Text<8>("ab"))) << "what follows is padding of zeros";
}

TEST(GeneratedText, is_compared_with_any_string) {
  const Text<4> text = "SEA";
  EXPECT_EQ(text, "SEA");
  EXPECT_EQ(text, std::string("SEA"));
  EXPECT_EQ("SEA", text);
  EXPECT_EQ(text, Text<4>("SEA"));
  EXPECT_EQ(text, Text<8>("SEA"));
  EXPECT_NE(text, "SE");
  EXPECT_LT(text, Text<4>("SFO"));
  EXPECT_LT(text, "SFO");
  EXPECT_TRUE(Text<4>().empty());
}

TEST(GeneratedText, is_assigned_and_read_as_a_string_view) {
  other::new_::Label label;
  label.text = std::string("PDX");
  const std::string_view view = label.text;
  EXPECT_EQ(view, "PDX");
  EXPECT_EQ(label.text.size(), 3u);
  label.text = "";
  EXPECT_TRUE(label.text.empty());
}

TEST(GeneratedText, is_usable_in_constant_expressions) {
  constexpr Text<4> text = "SEA";
  static_assert(text.view() == "SEA");
  static_assert(sizeof(text) == 4 && alignof(Text<4>) == 1);
  static_assert(std::is_trivially_copyable_v<Text<4>> && std::is_standard_layout_v<Text<4>>);
}

}  // namespace

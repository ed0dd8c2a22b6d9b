// What `ringmail gen --lang c` wrote, compiled as C and as C++ with every warning, and used.

#include "generated_c.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "market.mail.hpp"
#include "second.mail.h"

namespace {

namespace market = test::market;

TEST(GeneratedC, is_the_same_bytes_as_generated_cpp) {
  const test_market_Tick from_c = tick_from_c();
  market::Tick tick;
  static_assert(sizeof tick == sizeof from_c);
  std::memcpy(static_cast<void*>(&tick), &from_c, sizeof tick);
  EXPECT_EQ(tick, (market::Tick{.time = 7,
                                .side = market::Side::ask,
                                .live = true,
                                .symbol = "ABC",
                                .legs = {market::Leg{}, market::Leg{.ratio = -3}},
                                .limit = market::Limit::least,
                                .mask = market::Mask::all,
                                .codes = {"", "abc"}}));
}

TEST(GeneratedC, says_its_name_id_size_and_schema) {
  EXPECT_EQ(schema_in_c(), std::string(market::ringmail_schema));
  EXPECT_STREQ(test_market_Tick_name, "test.market.Tick");
  EXPECT_EQ(test_market_Tick_type, market::Tick::ringmail_type);
  EXPECT_EQ(test_market_Tick_size, market::Tick::ringmail_size);
  EXPECT_EQ(test_market_Reset_size, 0u);
  EXPECT_STREQ(test_market_Pricer_protocol, "test.market.Pricer");
  EXPECT_EQ(static_cast<int>(test_market_Pricer_messages), 3);
  EXPECT_EQ(static_cast<int>(test_market_Silent_messages), 0);
  EXPECT_STREQ(other_new_Label_name, "other.new.Label");
}

TEST(GeneratedC, every_bool_and_enum_is_looked_at) {
  const test_market_Tick good = tick_from_c();
  EXPECT_TRUE(test_market_Tick_valid(&good, sizeof good));
  EXPECT_FALSE(test_market_Tick_valid(&good, sizeof good - 1));
  EXPECT_TRUE(test_market_Reset_valid(nullptr, 0));
  for (std::size_t offset = 0; offset < sizeof good; ++offset) {
    std::array<std::byte, sizeof good> bytes;
    std::memcpy(bytes.data(), &good, sizeof good);
    bytes[offset] = std::byte{2};
    EXPECT_EQ(test_market_Tick_valid(bytes.data(), bytes.size()), market::Tick::ringmail_valid(bytes)) << offset;
  }
}

TEST(GeneratedC, text_is_cut_between_two_characters_and_padded) {
  const auto stored = [](const char* text) {
    other_new_Label label;
    std::memset(&label, 'x', sizeof label);
    const std::size_t length = other_new_Label_set_text(&label, text);
    char out[5];
    EXPECT_EQ(other_new_Label_get_text(&label, out), length);
    EXPECT_EQ(std::strlen(out), length);
    for (std::size_t i = length; i < sizeof label.text; ++i) EXPECT_EQ(label.text[i], '\0');
    return std::string(out);
  };
  EXPECT_EQ(stored("abcd"), "abcd");
  EXPECT_EQ(stored("abcde"), "abcd");
  EXPECT_EQ(stored("abc\u00e9"), "abc");
  EXPECT_EQ(stored("ab\u00e9"), "ab\u00e9");
  EXPECT_EQ(stored("a\U0001F680"), "a");
  EXPECT_EQ(stored("\U0001F680x"), "\U0001F680");
  EXPECT_EQ(stored("\x80\x80\x80\x80\x80"), "") << "no UTF-8 at all";
  EXPECT_EQ(stored(""), "");
}

TEST(GeneratedC, dispatch_calls_the_handler_of_what_is_valid) {
  Handled handled{};
  test_market_Tick tick = tick_from_c();
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Tick_type, &tick, sizeof tick), 0);
  EXPECT_EQ(handled.last_time, 7u);
  tick.time = 0;
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Tick_type, &tick, sizeof tick), -9) << "what the handler returned";
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Reset_type, nullptr, 0), 0);
  EXPECT_EQ(handled.ticks, 2);
  EXPECT_EQ(handled.resets, 1);

  tick.side = 2;
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Tick_type, &tick, sizeof tick), RINGMAIL_NOT_VALID);
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Reset_type, &tick, 1), RINGMAIL_NOT_VALID);
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Words_type, &tick, test_market_Words_size), RINGMAIL_NOT_HANDLED);
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Leg_type, &tick, test_market_Leg_size), RINGMAIL_NOT_HANDLED);
  EXPECT_EQ(handled.ticks, 2);
  EXPECT_EQ(handled.resets, 1);
}

}  // namespace

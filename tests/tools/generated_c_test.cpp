// What `ringmail gen --lang c` wrote, compiled as C and as C++ with every warning, and used.

#include "generated_c.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "grown.mail.h"
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
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Words_type, &tick, test_market_Words_size), RINGMAIL_NOT_HANDLED);
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Leg_type, &tick, test_market_Leg_size), RINGMAIL_NOT_HANDLED);
  EXPECT_EQ(handled.ticks, 2);
  EXPECT_EQ(handled.resets, 1);
  EXPECT_EQ(dispatch_in_c(&handled, test_market_Reset_type, &tick, 1), 0) << "a newer version may have grown";
  EXPECT_EQ(handled.resets, 2);
}

TEST(GeneratedC, a_new_message_has_its_defaults) {
  const grown_Fixed fixed = grown_Fixed_new();
  EXPECT_EQ(fixed.number, INT64_MIN);
  EXPECT_EQ(fixed.most, UINT64_MAX);
  EXPECT_EQ(fixed.way, grown_Way_back);
  EXPECT_EQ(fixed.ways[1], 0) << "an enum without a default";
  char text[5];
  EXPECT_EQ(grown_Fixed_get_label(&fixed, text), 3u);
  EXPECT_STREQ(text, "?\?=") << "no trigraph";
  for (const grown_Part& part : {fixed.part, fixed.parts[0], fixed.parts[1]}) {
    EXPECT_EQ(part.a, 200);
    EXPECT_EQ(part.way, grown_Way_forth);
    EXPECT_EQ(part.ratio, 2.0f);
    grown_Part_get_name(&part, text);
    EXPECT_STREQ(text, "x\"\\");
    EXPECT_TRUE(part.open);
    EXPECT_FALSE(part.limit.has_value);
  }
  EXPECT_FALSE(fixed.maybe.has_value);
}

// A payload is read in a block of its own size, so that a sanitizer sees what reads past it.
TEST(GeneratedC, what_was_not_sent_has_its_default) {
  grown_Fixed sent = grown_Fixed_new();
  sent.ways[0] = sent.ways[1] = grown_Way_back;
  sent.last = 7;
  const auto* const first = reinterpret_cast<const unsigned char*>(&sent);
  std::size_t versions = 0;
  for (std::size_t size = 0; size <= sizeof sent; ++size) {
    const std::vector<unsigned char> payload(first, first + size);
    grown_Fixed room;
    const grown_Fixed* const fixed = grown_Fixed_read(payload.data(), size, &room);
    EXPECT_EQ(fixed != nullptr, grown_Fixed_valid(payload.data(), size));
    if (fixed == nullptr) continue;
    ++versions;
    EXPECT_EQ(fixed == &room, size < sizeof sent) << "a whole one is read where it lies";
    EXPECT_EQ(fixed->most, UINT64_MAX);
    EXPECT_EQ(fixed->parts[1].a, 200);
    EXPECT_EQ(fixed->last, size == sizeof sent ? 7 : 0);
  }
  EXPECT_EQ(versions, 11u);
}

TEST(GeneratedC, dispatch_reads_what_is_of_variable_length_or_has_grown) {
  const auto to_variable = [](void* context, const grown_Variable* message) {
    *static_cast<std::string*>(context) = std::string(message->title.value.data, message->title.value.length);
    return message->last == grown_Way_forth ? 0 : -1;
  };
  const auto to_fixed = [](void*, const grown_Fixed* message) { return message->way == grown_Way_back ? 0 : -1; };
  const grown_Grower_handlers handlers = {.on_Fixed = to_fixed, .on_Variable = to_variable};
  std::string title;
  const auto dispatch = [&](std::uint32_t type, const std::vector<unsigned char>& payload) {
    return grown_Grower_dispatch(&handlers, &title, type, payload.data(), payload.size());
  };
  EXPECT_EQ(dispatch(grown_Fixed_type, {}), 0);
  EXPECT_EQ(dispatch(grown_Fixed_type, {1}), RINGMAIL_NOT_VALID);

  const grown_Part part = grown_Part_new();
  grown_Variable variable = grown_Variable_new();
  variable.title = {.value = {"abc", 3}, .has_value = true};
  variable.parts = {&part, 1};
  std::vector<unsigned char> payload(grown_Variable_bytes(&variable), 0xee);
  grown_Variable_write(&variable, payload.data());
  EXPECT_EQ(dispatch(grown_Variable_type, payload), 0);
  EXPECT_EQ(title, "abc");
  payload[payload.size() - sizeof part + offsetof(grown_Part, way)] = 1;
  EXPECT_EQ(dispatch(grown_Variable_type, payload), RINGMAIL_NOT_VALID) << "an enum within an element";
  EXPECT_EQ(dispatch(grown_Variable_type, {1}), 0) << "of the first version";
  EXPECT_EQ(title, "");
}

TEST(GeneratedC, what_no_payload_can_hold_is_of_the_greatest_size) {
  grown_Variable variable = grown_Variable_new();
  variable.raw.length = UINT32_MAX;
  EXPECT_EQ(grown_Variable_bytes(&variable), UINT32_MAX);
  variable.parts.length = SIZE_MAX / sizeof(grown_Part) + 1;
  EXPECT_EQ(grown_Variable_bytes(&variable), UINT32_MAX);
}

}  // namespace

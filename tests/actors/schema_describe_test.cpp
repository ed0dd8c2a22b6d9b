// Messages in words: what post-mortems and reports of hung peers show of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

using testing::HasSubstr;

// Of docs/spec/message.md, which has the bytes of a Note as well.
constexpr const char* market = R"(namespace market;
enum Side : u8 { bid = 0; ask = 1; }
enum Level : i16 { low = -2; high = 300; }
message Leg { ratio: i32; }
message Tick { time: u64; price: f64; side: Side; symbol: text<16>; legs: Leg[4]; }
message Note { number: u64; side: Side = ask; limit: f64?; title: text; legs: list<Leg>; + author: text<8> = "nobody"; }
message Blob { level: Level; urgent: bool; data: bytes; }
message Reset {}
)";

class Described : public testing::Test {
 protected:
  std::string text(const char* name, std::span<const std::byte> payload, std::size_t most = 600) {
    return describe(schema_, *schema_.find_message(name), payload, most);
  }

  Schema schema_ = parse_mail(market, "market.mail").value();
};

template <class Number>
void put(std::vector<std::byte>& bytes, std::size_t at, Number number) {
  if (bytes.size() < at + sizeof number) bytes.resize(at + sizeof number);
  std::memcpy(bytes.data() + at, &number, sizeof number);
}

std::vector<std::byte> tick() {
  std::vector<std::byte> bytes(56);
  put(bytes, 0, std::uint64_t{7});
  put(bytes, 8, 1.5);
  put(bytes, 16, std::uint8_t{1});
  std::memcpy(bytes.data() + 17, "AB\"\n", 4);
  put(bytes, 36, std::int32_t{-1});
  return bytes;
}

std::vector<std::byte> note() {
  std::vector<std::byte> bytes(72);
  put(bytes, 0, std::uint64_t{7});
  put(bytes, 8, std::uint8_t{1});
  put(bytes, 32, std::uint32_t{64});
  put(bytes, 36, std::uint32_t{64});
  put(bytes, 40, std::uint32_t{3});
  put(bytes, 44, std::uint32_t{68});
  put(bytes, 48, std::uint32_t{1});
  std::memcpy(bytes.data() + 56, "nobody", 6);
  std::memcpy(bytes.data() + 64, "abc", 3);
  put(bytes, 68, std::int32_t{-1});
  return bytes;
}

TEST_F(Described, shows_each_field_by_its_name_and_type) {
  EXPECT_EQ(
      text("market.Tick", tick()),
      R"(market.Tick {time 7, price 1.5, side ask, symbol "AB\"\x0a", legs [{ratio -1}, {ratio 0}, {ratio 0}, {ratio 0}]})");
  EXPECT_EQ(text("market.Note", note()),
            R"(market.Note {number 7, side ask, limit none, title "abc", legs [{ratio -1}], author "nobody"})");
  EXPECT_EQ(text("market.Reset", {}), "market.Reset {}");
}

TEST_F(Described, shows_signed_enums_and_raw_bytes) {
  const Message& blob = *schema_.find_message("market.Blob");
  std::vector<std::byte> bytes(blob.size);
  put(bytes, 0, std::int16_t{-2});
  put(bytes, blob.fields[1].offset, std::uint8_t{1});
  put(bytes, *blob.fixed_size_at, blob.size);
  put(bytes, blob.fields[2].offset, blob.size);
  put(bytes, blob.fields[2].offset + 4, std::uint32_t{2});
  put(bytes, blob.size, std::uint16_t{0xbeef});
  EXPECT_EQ(text("market.Blob", bytes), "market.Blob {level low, urgent true, data 2 bytes: ef be}");
}

TEST_F(Described, leaves_out_what_an_older_writer_did_not_send) {
  std::vector<std::byte> bytes(56);
  put(bytes, 32, std::uint32_t{56});
  EXPECT_EQ(text("market.Note", bytes), R"(market.Note {number 0, side bid, limit none, title "", legs []})");
}

TEST_F(Described, names_what_is_not_valid) {
  auto bytes = tick();
  put(bytes, 16, std::uint8_t{9});
  EXPECT_THAT(text("market.Tick", bytes), HasSubstr("side (no value 9)"));
  bytes = note();
  put(bytes, 24, std::uint8_t{2});
  put(bytes, 40, ~std::uint32_t{0});
  put(bytes, 48, std::uint32_t{0x4000'0000});
  EXPECT_THAT(text("market.Note", bytes), HasSubstr("limit (not 0 or 1 but 2), title (a bad reference), legs (a bad"));
  EXPECT_EQ(text("market.Tick", std::vector<std::byte>(55)), "market.Tick (of 55 bytes, which it cannot have)");
  EXPECT_EQ(text("market.Note", std::vector<std::byte>(33)), "market.Note (of 33 bytes, which it cannot have)");
}

TEST_F(Described, is_cut_where_it_gets_long) {
  auto bytes = note();
  constexpr std::uint32_t length = 100'000;
  put(bytes, 40, length);
  bytes.resize(64 + length, std::byte{'x'});
  EXPECT_THAT(text("market.Note", bytes), HasSubstr("\"... (100000 bytes)"));
  put(bytes, 44, std::uint32_t{64});
  put(bytes, 48, length / 4);
  EXPECT_THAT(text("market.Note", bytes), HasSubstr(", 24992 more]"));
  EXPECT_LT(text("market.Note", bytes, 100).size(), 300u);
  EXPECT_THAT(text("market.Note", bytes, 100), HasSubstr("..."));
}

// Bytes that nobody has checked: under the sanitizers this finds whatever reads beyond them.
TEST_F(Described, is_a_printable_line_whatever_the_bytes) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const Message& message = schema_.messages[random() % schema_.messages.size()];
    std::vector<std::byte> bytes(random() % 2 == 0 ? message.size : random() % 100);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random() % 3 == 0 ? random() : random() % 80);
    if (message.is_variable() && bytes.size() >= message.size && random() % 4 != 0) {
      put(bytes, *message.fixed_size_at, message.size);
    }
    const std::string line = describe(schema_, message, bytes);
    ASSERT_TRUE(std::ranges::all_of(line, [](unsigned char c) { return c >= 0x20 && c < 0x7f; })) << line;
    ASSERT_LT(line.size(), 2000u);
  }
}

}  // namespace
}  // namespace ringmail::schema

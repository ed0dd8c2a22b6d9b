#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <string>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view source = R"(
namespace market;
enum Side : u8 { bid = 0; ask = 1; }
enum Limit : i64 { least = -9223372036854775808; }
message Tick { time: u64; price: f64; quantity: u32; side: Side; symbol: text<16>; legs: Leg[4]; live: bool; }
message Leg { ratio: i32; }
message Reset {}
message Quote { bid: f64; }
message Note { number: u64; side: Side = ask; limit: f64?; title: text; legs: list<Leg>; + author: text<8> = "a\"b\\c"; }
message Plain { a: f32 = 0.10; b: f64 = 100000000000000000000; c: i8 = -05; d: bool = true; e: bytes?; + f: list<text<4>>; }
protocol Pricer { Tick -> Quote; Reset; }
)";

constexpr std::string_view text = R"(ringmail-schema 1
enum market.Side u8
  value bid 0
  value ask 1
enum market.Limit i64
  value least -9223372036854775808
message market.Leg size 4 align 4 id 0xaccd9e7f
  field ratio i32 offset 0
message market.Tick size 64 align 8 id 0xc67a76ec
  field time u64 offset 0
  field price f64 offset 8
  field quantity u32 offset 16
  field side market.Side offset 20
  field symbol text<16> offset 21
  field legs market.Leg[4] offset 40
  field live bool offset 56
message market.Reset size 0 align 1 id 0x281247b8
message market.Quote size 8 align 8 id 0x3ed1fb1f
  field bid f64 offset 0
message market.Note size 64 align 8 id 0x9e7ef105
  field number u64 offset 0
  field side market.Side offset 8 default ask
  field limit f64? offset 16
  field title text offset 36
  field legs list<market.Leg> offset 44
  field author text<8> offset 56 appended default "a\"b\\c"
message market.Plain size 48 align 8 id 0xb653fe0f
  field a f32 offset 0 default 0.1
  field b f64 offset 8 default 1e+20
  field c i8 offset 16 default -5
  field d bool offset 17 default true
  field e bytes? offset 24
  field f list<text<4>> offset 40 appended
protocol market.Pricer
  accepts market.Tick -> market.Quote
  accepts market.Reset
)";

std::string replaced(std::string_view from, std::string_view to) {
  std::string changed(text);
  const std::size_t at = changed.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return changed.replace(at, from.size(), to);
}

void expect_refused(std::string_view changed, std::string_view error) {
  const auto schema = parse_text(changed);
  ASSERT_FALSE(schema) << changed;
  EXPECT_EQ(schema.error().to_string(), error);
}

TEST(SchemaText, is_written_in_the_canonical_form) { EXPECT_EQ(to_text(parse_mail(source, "x").value()), text); }

TEST(SchemaText, reads_back_what_was_written) {
  const Schema schema = parse_mail(source, "x").value();
  EXPECT_EQ(parse_text(to_text(schema)).value(), schema);
  EXPECT_EQ(parse_text("ringmail-schema 1\n").value(), Schema{});
}

TEST(SchemaText, a_forged_number_is_refused_by_showing_the_right_line) {
  expect_refused(replaced("time u64 offset 0", "time u64 offset 8"),
                 "schema:10:25: error: the canonical line is '  field time u64 offset 0'");
  expect_refused(replaced("Leg size 4", "Leg size 400"),
                 "schema:7:26: error: the canonical line is 'message market.Leg size 4 align 4 id 0xaccd9e7f'");
  expect_refused(replaced("Leg size 4 align 4", "Leg size 4 align 8"),
                 "schema:7:33: error: the canonical line is 'message market.Leg size 4 align 4 id 0xaccd9e7f'");
  expect_refused(replaced("0xaccd9e7f", "0xaccd9e70"),
                 "schema:7:47: error: the canonical line is 'message market.Leg size 4 align 4 id 0xaccd9e7f'");
}

TEST(SchemaText, another_form_of_the_same_is_refused) {
  expect_refused(replaced("  value bid 0", " value bid 0"), "schema:3:2: error: the canonical line is '  value bid 0'");
  expect_refused(replaced("bid 0", "bid 00"), "schema:3:14: error: the canonical line is '  value bid 0'");
  expect_refused(replaced("ask 1\n", "ask 1 // one\n"), "schema:4:14: error: the canonical line is '  value ask 1'");
  expect_refused(replaced("ask 1\n", "ask 1\r\n"), "schema:4:14: error: the canonical line is '  value ask 1'");
  expect_refused(std::string(text) + "\n", "schema:37:1: error: expected the end of the text");
  expect_refused(text.substr(0, text.size() - 1),
                 "schema:36:23: error: the canonical line is '  accepts market.Reset'");
  expect_refused("ringmail-schema 1\nmessage a.M size 0 align 1 id 0x00000000\nenum a.E u8\n  value x 0\n",
                 "schema:2:1: error: the canonical line is 'enum a.E u8'");
}

TEST(SchemaText, another_version_is_refused) {
  for (const std::string_view other :
       {"", "ringmail-schema 2\n", "ringmail-schema 1", "ringmail-schema 11\n", "\0\n"}) {
    expect_refused(other, "schema:1:1: error: the first line is not 'ringmail-schema 1'");
  }
}

TEST(SchemaText, is_checked_like_a_file) {
  expect_refused(replaced("market.Leg[4]", "market.Lag[4]"), "schema:15:14: error: unknown type market.Lag");
  expect_refused(replaced("field ratio i32", "field ratio market.Leg"), "schema:8:15: error: unknown type market.Leg");
  expect_refused(replaced("field time u64", "field time market.Quote"),
                 "schema:10:14: error: unknown type market.Quote");  // a type stands before its use
  expect_refused(replaced("market.Leg[4]", "market.Leg[4000000000]"),
                 "schema:15:14: error: the array is larger than the largest message, 65536 bytes");
  expect_refused(replaced("field price", "field time"),
                 "schema:11:9: error: field time is declared twice in message "
                 "market.Tick");
  expect_refused(replaced("message market.Leg", "message Leg"), "schema:7:9: error: the name 'Leg' has no namespace");
  expect_refused(replaced("message market.Leg", "message std.Leg"), "schema:7:9: error: the name 'std' is reserved");
  expect_refused(replaced("enum market.Limit", "enum market.Side"),
                 "schema:5:6: error: market.Side is already declared on line 2");
  expect_refused(replaced("  value least -9223372036854775808\n", ""),
                 "schema:5:6: error: enum market.Limit has no values");
  expect_refused(replaced("-> market.Quote", "-> market.Side"), "schema:35:26: error: market.Side is not a message");
  expect_refused(replaced("bid f64", "bid market.Pricer"), "schema:19:13: error: unknown type market.Pricer");
  expect_refused(replaced("size 4", "sise 4"), "schema:7:20: error: expected 'size' of the message, found 'sise'");
  expect_refused(replaced("protocol", "\xff"),
                 "schema:34:1: error: expected 'enum', 'message' or 'protocol', found byte 0xff");
}

TEST(SchemaText, a_name_of_several_namespaces_has_a_limit) {
  std::string name = "a";
  while (name.size() < max_qualified_bytes - 1) name += ".a";
  ASSERT_EQ(name.size(), max_qualified_bytes);
  expect_refused("ringmail-schema 1\nmessage " + name + ".M size 0 align 1 id 0x00000000\n",
                 "schema:2:9: error: a qualified name is longer than 255 bytes");
}

TEST(SchemaText, more_than_512_kib_is_refused) {
  expect_refused(std::string(max_text_bytes + 1, ' '), "schema:1:1: error: the schema is larger than 524288 bytes");
}

// Every truncation, and many random changes: nothing may crash, and what is accepted is canonical.
TEST(SchemaText, any_bytes_are_read_or_refused) {
  for (std::size_t length = 0; length < text.size(); ++length) {
    const auto schema = parse_text(text.substr(0, length));
    if (schema) {
      EXPECT_EQ(to_text(*schema), text.substr(0, length));
    }
  }
  constexpr unsigned seed = 20260401;
  std::mt19937 random(seed);
  constexpr std::string_view pieces[] = {
      "<",           "[",      "]",        " ",        "\n",   ".",   "->", "0", "-1", "18446744073709551615",
      "market.Tick", "field ", "message ", "text<16>", "\0"sv, "\xff"};
  for (int round = 0; round < 20000; ++round) {
    std::string changed(text);
    for (std::size_t i = 0; i <= random() % 3; ++i) {
      const std::size_t at = random() % changed.size();
      const std::size_t length = random() % 8;
      changed.replace(at, length, pieces[random() % std::size(pieces)]);
    }
    const auto schema = parse_text(changed);
    if (!schema) {
      EXPECT_EQ(schema.error().to_string().find('\n'), std::string::npos);
      continue;
    }
    EXPECT_EQ(to_text(*schema), changed) << "seed " << seed << " round " << round;
  }
}

}  // namespace
}  // namespace ringmail::schema

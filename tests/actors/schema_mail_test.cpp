#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

Schema parse(std::string_view source) {
  auto schema = parse_mail(source, "test.mail");
  EXPECT_TRUE(schema) << schema.error().to_string();
  return schema ? *schema : Schema{};
}

const Message& only_message(const Schema& schema) {
  EXPECT_EQ(schema.messages.size(), 1u);
  return schema.messages.front();
}

TEST(SchemaMail, every_scalar_has_its_size_and_natural_alignment) {
  struct Row {
    const char* type;
    Kind kind;
    std::uint32_t size;
  };
  for (const Row& row :
       {Row{"u8", Kind::u8, 1}, Row{"u16", Kind::u16, 2}, Row{"u32", Kind::u32, 4}, Row{"u64", Kind::u64, 8},
        Row{"i8", Kind::i8, 1}, Row{"i16", Kind::i16, 2}, Row{"i32", Kind::i32, 4}, Row{"i64", Kind::i64, 8},
        Row{"f32", Kind::f32, 4}, Row{"f64", Kind::f64, 8}, Row{"bool", Kind::boolean, 1}}) {
    SCOPED_TRACE(row.type);
    const Schema schema = parse(std::string("namespace a; message M { pad: u8; x: ") + row.type + "; }");
    const Message& message = only_message(schema);
    ASSERT_EQ(message.fields.size(), 2u);
    EXPECT_EQ(message.fields[1].type.kind, row.kind);
    EXPECT_EQ(message.fields[1].offset, row.size);
    EXPECT_EQ(message.fields[1].size, row.size);
    EXPECT_EQ(message.fields[1].count, 0u);
    EXPECT_EQ(message.align, row.size);
    EXPECT_EQ(message.size, 2 * row.size);
  }
}

TEST(SchemaMail, fields_keep_their_order_and_the_size_is_rounded_up) {
  const Schema schema = parse("namespace a; message M { a: u8; b: u64; c: u16; d: u8; }");
  const Message& message = only_message(schema);
  EXPECT_EQ(message.fields[1].offset, 8u);
  EXPECT_EQ(message.fields[2].offset, 16u);
  EXPECT_EQ(message.fields[3].offset, 18u);
  EXPECT_EQ(message.size, 24u);
  EXPECT_EQ(message.align, 8u);
}

TEST(SchemaMail, what_may_be_missing_has_a_byte_behind_it) {
  const Schema schema = parse("namespace a; message M { a: u8?; b: u64?; c: u16?; d: text<3>?; e: text?; }");
  const Message& message = only_message(schema);
  EXPECT_EQ(message.fields[0].size, 2u);
  EXPECT_EQ(message.fields[1].size, 16u);
  EXPECT_EQ(message.fields[1].presence_offset(), message.fields[1].offset + 8);
  EXPECT_EQ(message.fields[2].size, 4u);
  EXPECT_EQ(message.fields[3].size, 4u);
  EXPECT_EQ(message.fields[4].size, 12u);
  EXPECT_EQ(message.fields[4].presence_offset(), message.fields[4].offset + 8);
}

TEST(SchemaMail, the_fixed_size_stands_before_the_first_reference) {
  const Schema schema = parse("namespace a; message M { a: u8; b: text; c: list<u64>; d: bytes; }");
  const Message& message = only_message(schema);
  EXPECT_EQ(message.fixed_size_at, 4u);
  EXPECT_EQ(message.fields[1].offset, 8u);
  EXPECT_EQ(message.fields[2].offset, 16u);
  EXPECT_EQ(message.fields[2].content_size(), 8u);
  EXPECT_EQ(message.fields[2].content_align(), 8u);
  EXPECT_EQ(message.fields[3].content_size(), 1u);
  EXPECT_EQ(message.size, 32u);
  EXPECT_EQ(message.align, 4u);
}

TEST(SchemaMail, an_appended_field_starts_where_the_message_ended) {
  const Schema schema = parse("namespace a; message M { a: u64; b: u8; + c: u8; + d: u8; }");
  const Message& message = only_message(schema);
  EXPECT_EQ(message.fields[2].offset, 16u);
  EXPECT_EQ(message.fields[3].offset, 24u);
  EXPECT_EQ(message.earlier_sizes, (std::vector<std::uint32_t>{16, 24}));
  EXPECT_EQ(message.size, 32u);
  EXPECT_FALSE(message.is_variable());

  const Schema grown = parse("namespace a; message M { a: u32; + b: u64; + c: text; }");
  EXPECT_EQ(only_message(grown).earlier_sizes, (std::vector<std::uint32_t>{4, 16}));
  EXPECT_EQ(only_message(grown).fields[1].offset, 8u);
  EXPECT_EQ(only_message(grown).fixed_size_at, 16u);
}

TEST(SchemaMail, a_message_without_fields_may_grow) {
  const Schema schema = parse("namespace a; message M { + a: u64; }");
  EXPECT_EQ(only_message(schema).earlier_sizes, (std::vector<std::uint32_t>{0}));
}

TEST(SchemaMail, an_empty_message_has_size_0) {
  const Schema schema = parse("namespace a; message M {}");
  EXPECT_EQ(only_message(schema).size, 0u);
  EXPECT_EQ(only_message(schema).align, 1u);
}

TEST(SchemaMail, a_text_is_bytes_without_alignment) {
  const Schema schema = parse("namespace a; message M { a: u8; b: text<5>; c: text<2>[3]; }");
  const Message& message = only_message(schema);
  EXPECT_EQ(message.fields[1], (Field{"b", {Kind::text, "", 5, 5, 1}, 0, 1, 5}));
  EXPECT_EQ(message.fields[2], (Field{"c", {Kind::text, "", 2, 2, 1}, 3, 6, 6}));
  EXPECT_EQ(message.size, 12u);
  EXPECT_EQ(message.align, 1u);
}

TEST(SchemaMail, an_array_is_aligned_like_its_element) {
  const Schema schema = parse("namespace a; message M { a: u8; b: f32[3]; c: u8[1]; }");
  const Message& message = only_message(schema);
  EXPECT_EQ(message.fields[1], (Field{"b", {Kind::f32, "", 0, 4, 4}, 3, 4, 12}));
  EXPECT_EQ(message.fields[2], (Field{"c", {Kind::u8, "", 0, 1, 1}, 1, 16, 1}));
  EXPECT_EQ(message.size, 20u);
}

TEST(SchemaMail, a_nested_message_stands_before_its_user_and_brings_its_alignment) {
  const Schema schema = parse("namespace a; message Out { a: u8; in: In; more: In[2]; } message In { x: u16; y: u8; }");
  ASSERT_EQ(schema.messages.size(), 2u);
  EXPECT_EQ(schema.messages[0].name, "a.In");
  EXPECT_EQ(schema.messages[0].size, 4u);
  const Message& out = schema.messages[1];
  EXPECT_EQ(out.fields[1], (Field{"in", {Kind::message, "a.In", 0, 4, 2}, 0, 2, 4}));
  EXPECT_EQ(out.fields[2], (Field{"more", {Kind::message, "a.In", 0, 4, 2}, 2, 6, 8}));
  EXPECT_EQ(out.size, 14u);
  EXPECT_EQ(out.align, 2u);
}

TEST(SchemaMail, an_enum_is_its_underlying_type) {
  const Schema schema = parse("namespace a; message M { a: u8; s: Side; } enum Side : i16 { bid = -1; ask = 1; }");
  ASSERT_EQ(schema.enums.size(), 1u);
  EXPECT_EQ(schema.enums[0], (Enum{"a.Side", Kind::i16, {{"bid", -1}, {"ask", 1}}}));
  EXPECT_EQ(only_message(schema).fields[1], (Field{"s", {Kind::enumeration, "a.Side", 0, 2, 2}, 0, 2, 2}));
}

TEST(SchemaMail, an_enum_takes_the_limits_of_its_type) {
  const Schema schema = parse(
      "namespace a;"
      "enum A : u8 { lo = 0; hi = 255; } enum B : i8 { lo = -128; hi = 127; }"
      "enum C : u64 { lo = 0; hi = 18446744073709551615; }"
      "enum D : i64 { lo = -9223372036854775808; hi = 9223372036854775807; }");
  EXPECT_EQ(schema.enums[1].values[0].number, -128);
  EXPECT_EQ(number_text(Kind::u64, schema.enums[2].values[1].number), "18446744073709551615");
  EXPECT_EQ(schema.enums[3].values[0].number, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(schema.enums[3].values[1].number, std::numeric_limits<std::int64_t>::max());
}

TEST(SchemaMail, a_protocol_says_what_is_accepted_and_replied) {
  const Schema schema = parse(
      "namespace a.b; protocol Pricer { Tick -> Quote; Reset; } protocol Silent {}"
      "message Tick { x: u8; } message Quote {} message Reset {}");
  ASSERT_EQ(schema.protocols.size(), 2u);
  EXPECT_EQ(schema.protocols[0], (Protocol{"a.b.Pricer", {{"a.b.Tick", "a.b.Quote"}, {"a.b.Reset", ""}}}));
  EXPECT_EQ(schema.protocols[1], (Protocol{"a.b.Silent", {}}));
}

TEST(SchemaMail, a_type_may_be_named_in_full) {
  EXPECT_EQ(parse("namespace a.b; message M { x: a.b.N; } message N { y: u8; } protocol P { a.b.M -> a.b.N; }"),
            parse("namespace a.b; message M { x: N; } message N { y: u8; } protocol P { M -> N; }"));
}

TEST(SchemaMail, comments_and_line_ends_are_blanks) {
  const Schema schema = parse("// first\r\nnamespace a; // a\n\tmessage M { // b }\n x: u8; }//last");
  EXPECT_EQ(only_message(schema).fields.size(), 1u);
}

TEST(SchemaMail, names_of_types_are_no_keywords_for_fields) {
  const Schema schema = parse("namespace a; message M { message: u8; text: text<2>; list: bool; namespace: u8; }");
  EXPECT_EQ(only_message(schema).fields.size(), 4u);
}

TEST(SchemaMail, a_message_may_be_64_kib) {
  const Schema schema = parse("namespace a; message M { a: u64; b: u8[65528]; }");
  EXPECT_EQ(only_message(schema).size, max_message_bytes);
}

TEST(SchemaMail, an_id_is_the_fnv_1a_of_the_qualified_name) {
  EXPECT_EQ(type_id(""), 0x811c9dc5u);
  EXPECT_EQ(type_id("flights.Flight"), 0xeb027bf8u);
  const Schema schema = parse("namespace flights; message Flight {}");
  EXPECT_EQ(only_message(schema).id, 0xeb027bf8u);
}

TEST(SchemaMail, declarations_are_found_by_name_and_id) {
  const Schema schema = parse("namespace a; enum E : u8 { x = 0; } message M {} protocol P { M; }");
  EXPECT_EQ(schema.find_enum("a.E"), &schema.enums[0]);
  EXPECT_EQ(schema.find_message("a.M"), &schema.messages[0]);
  EXPECT_EQ(schema.find_message(type_id("a.M")), &schema.messages[0]);
  EXPECT_EQ(schema.find_protocol("a.P"), &schema.protocols[0]);
  EXPECT_EQ(schema.find_message("a.E"), nullptr);
  EXPECT_EQ(schema.find_message(1u), nullptr);
}

}  // namespace
}  // namespace ringmail::schema

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

Schema parse(const std::string& declarations, const std::string& name_space = "flights") {
  auto schema = parse_mail("namespace " + name_space + "; " + declarations, "test.mail");
  EXPECT_TRUE(schema) << schema.error().to_string();
  return schema ? *schema : Schema{};
}

std::string mismatch(const std::string& ours, const std::string& theirs) {
  return find_mismatch(parse(ours), parse(theirs)).value_or("none");
}

TEST(SchemaCompare, a_schema_agrees_with_itself) {
  const std::string all = "enum E : u8 { x = 0; } message M { e: E; t: text<4>; } message R {} protocol P { M -> R; }";
  EXPECT_EQ(mismatch(all, all), "none");
}

TEST(SchemaCompare, what_only_one_declares_is_no_mismatch) {
  EXPECT_EQ(mismatch("message A { x: u8; } enum E : u8 { x = 0; } message M {}",
                     "message M {} message B {} protocol P { B; }"),
            "none");
}

TEST(SchemaCompare, a_field_of_another_type_is_named) {
  EXPECT_EQ(mismatch("message Flight { delay: i32; x: u8; }", "message Flight { delay: i16; x: u8; }"),
            "message flights.Flight: field delay is i32 here and i16 there");
  EXPECT_EQ(mismatch("message M { a: text<4>; }", "message M { a: text<3>; }"),
            "message flights.M: field a is text<4> here and text<3> there");
  EXPECT_EQ(mismatch("message M { a: u8[4]; }", "message M { a: u8[2]; }"),
            "message flights.M: field a is u8[4] here and u8[2] there");
  EXPECT_EQ(mismatch("message M { a: u8[1]; }", "message M { a: u8; }"),
            "message flights.M: field a is u8[1] here and u8 there");
  EXPECT_EQ(mismatch("enum E : u8 { x = 0; } message M { a: E; }", "message M { a: u8; }"),
            "message flights.M: field a is flights.E here and u8 there");
}

TEST(SchemaCompare, a_field_at_another_offset_is_named) {
  EXPECT_EQ(mismatch("message M { a: u32; b: u16; }", "message M { b: u16; a: u32; }"),
            "message flights.M: field a is at offset 0 here and at offset 4 there");
}

TEST(SchemaCompare, a_missing_field_is_named) {
  EXPECT_EQ(mismatch("message M { a: u8; b: u8; }", "message M { a: u8; }"), "message flights.M has no field b there");
  EXPECT_EQ(mismatch("message M { a: u8; }", "message M { a: u8; b: u8; }"), "message flights.M has no field b here");
  EXPECT_EQ(mismatch("message M { a: u8; }", "message M {}"), "message flights.M has no field a there");
}

TEST(SchemaCompare, appended_fields_agree_with_a_message_that_has_none_of_them) {
  const std::vector<std::string> versions = {
      "message M { a: u8; b: u64; }",
      "message M { a: u8; b: u64; + c: u8 = 1; }",
      "message M { a: u8; b: u64; + c: u8 = 2; + d: text; }",
      "message M { a: u8; b: u64; + c: u8; + d: text; + e: list<u32>?; }",
  };
  for (const std::string& ours : versions) {
    for (const std::string& theirs : versions) EXPECT_EQ(mismatch(ours, theirs), "none") << ours << theirs;
  }
}

TEST(SchemaCompare, what_was_appended_in_another_way_is_named) {
  EXPECT_EQ(mismatch("message M { a: u8; + b: u8; }", "message M { a: u8; + c: u8; }"),
            "message flights.M has no field b there");
  EXPECT_EQ(mismatch("message M { a: u8; + b: u8; + c: u8; }", "message M { a: u8; + c: u8; }"),
            "message flights.M has no field b there");
  EXPECT_EQ(mismatch("message M { a: u8; + b: u8; }", "message M { a: u8; + b: u16; }"),
            "message flights.M: field b is u8 here and u16 there");
  EXPECT_EQ(mismatch("message M { a: u8; + b: u8; }", "message M { a: u8; b: u8?; }"),
            "message flights.M: field b is u8 here and u8? there");
  EXPECT_EQ(mismatch("message M { a: u64; b: u8; }", "message M { a: u64; + b: u8; }"), "none");
  EXPECT_EQ(mismatch("message M { a: u32; b: u8; c: u8; }", "message M { a: u32; b: u8; + c: u8; }"),
            "message flights.M: field c is at offset 5 here and at offset 8 there");
}

TEST(SchemaCompare, a_message_that_others_contain_must_not_grow) {
  const std::string grown = "message In { a: u8; + b: u8; }";
  const std::string before = "message In { a: u8; }";
  EXPECT_EQ(mismatch(before + "message M { x: In; }", grown + "message M { x: In; }"),
            "message flights.M: field x has 1 bytes here and 2 there");
  EXPECT_EQ(mismatch(before + "message M { x: list<In>; }", grown + "message M { x: list<In>; }"),
            "message flights.M: field x has elements of 1 bytes here and 2 there");
  EXPECT_EQ(mismatch(before + "message M {}", grown + "message M {}"), "none");
}

TEST(SchemaCompare, a_nested_message_is_named_before_its_user) {
  EXPECT_EQ(mismatch("message Out { in: In; x: u64; } message In { a: u8; }",
                     "message Out { in: In; x: u64; } message In { a: u16; }"),
            "message flights.In: field a is u8 here and u16 there");
}

TEST(SchemaCompare, enums_differ_value_by_value) {
  EXPECT_EQ(mismatch("enum E : u8 { x = 0; }", "enum E : u16 { x = 0; }"), "enum flights.E is u8 here and u16 there");
  EXPECT_EQ(mismatch("enum E : i8 { x = 0; y = -1; }", "enum E : i8 { x = 0; y = 2; }"),
            "enum flights.E: value y is -1 here and 2 there");
  EXPECT_EQ(mismatch("enum E : u8 { x = 0; y = 1; }", "enum E : u8 { x = 0; }"), "enum flights.E has no value y there");
  EXPECT_EQ(mismatch("enum E : u8 { x = 0; }", "enum E : u8 { x = 0; y = 1; }"), "enum flights.E has no value y here");
  EXPECT_EQ(mismatch("enum E : u8 { x = 0; y = 1; }", "enum E : u8 { y = 1; x = 0; }"), "none");
}

TEST(SchemaCompare, protocols_differ_message_by_message) {
  const std::string messages = "message A {} message B {} ";
  EXPECT_EQ(mismatch(messages + "protocol P { A; }", messages + "protocol P { A; B; }"),
            "protocol flights.P has no message flights.B here");
  EXPECT_EQ(mismatch(messages + "protocol P { A; B; }", messages + "protocol P { A; }"),
            "protocol flights.P has no message flights.B there");
  EXPECT_EQ(mismatch(messages + "protocol P { A -> B; }", messages + "protocol P { A; }"),
            "protocol flights.P: the reply to flights.A is flights.B here and nothing there");
}

TEST(SchemaCompare, a_name_for_another_kind_of_thing_is_named) {
  EXPECT_EQ(mismatch("enum M : u8 { x = 0; }", "message M {}"), "flights.M is an enum here and a message there");
  EXPECT_EQ(mismatch("message M {}", "protocol M {}"), "flights.M is a message here and a protocol there");
}

TEST(SchemaMerge, unites_what_either_declares) {
  Schema into = parse("message A { x: u8; } enum E : u8 { x = 0; }", "one");
  const Schema other = parse("message B { y: u8; } message C { b: B; } protocol P { B -> C; }", "two");
  ASSERT_TRUE(merge(into, other));
  EXPECT_EQ(into.messages.size(), 3u);
  EXPECT_EQ(into.enums.size(), 1u);
  EXPECT_EQ(into.protocols.size(), 1u);
  EXPECT_EQ(parse_text(to_text(into)).value(), into) << "a united schema is a good one";

  const Schema once = into;
  ASSERT_TRUE(merge(into, other));
  EXPECT_EQ(into, once) << "a second time adds nothing";
}

TEST(SchemaMerge, a_mismatch_changes_nothing) {
  Schema into = parse("message A { x: u8; }");
  const Schema before = into;
  const auto merged = merge(into, parse("message B {} message A { x: u16; }"));
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error(), "message flights.A: field x is u8 here and u16 there");
  EXPECT_EQ(into, before);
}

TEST(SchemaMerge, two_messages_of_one_id_are_refused) {
  Schema into = parse("message Loccbhms {}", "a");
  const Schema before = into;
  const auto merged = merge(into, parse("message Axyusxva {}", "a"));
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error(), "message a.Axyusxva has the same id as a.Loccbhms");
  EXPECT_EQ(into, before);
}

}  // namespace
}  // namespace ringmail::schema

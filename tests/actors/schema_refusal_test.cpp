// Each refusal of a .mail file, with its place and its words.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

struct Refusal {
  std::string source;
  std::string error;  // what follows the file's name
};

std::string nested(int depth) {
  std::string source = "namespace a;\n";
  for (int i = 0; i < depth; ++i) {
    source +=
        "message M" + std::to_string(i) + " { x: " + (i + 1 < depth ? "M" + std::to_string(i + 1) : "u8") + "; }\n";
  }
  return source;
}

void expect_all_refused(const std::vector<Refusal>& refusals) {
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(refusal.source);
    const auto schema = parse_mail(refusal.source, "x.mail");
    ASSERT_FALSE(schema);
    EXPECT_EQ(schema.error().to_string(), "x.mail:" + refusal.error);
    EXPECT_EQ(schema.error().to_string().find('\n'), std::string::npos);
  }
}

const std::vector<Refusal> syntax = {
    {"", "1:1: error: expected a namespace first of all, found the end of the file"},
    {"message M {}", "1:1: error: expected a namespace first of all, found 'message'"},
    {"namespace a", "1:12: error: expected ';' after the namespace, found the end of the file"},
    {"namespace ;", "1:11: error: expected the name of the namespace, found ';'"},
    {"namespace a;\n", "2:1: error: expected 'enum', 'message' or 'protocol', found the end of the file"},
    {"namespace a;\nmessage M {}\nnamespace b;", "3:1: error: a file has one namespace, declared first of all"},
    {"namespace a;\nstruct M {}", "2:1: error: expected 'enum', 'message' or 'protocol', found 'struct'"},
    {"namespace a;\nmessage {", "2:9: error: expected the name of the message, found '{'"},
    {"namespace a;\nmessage M : {}", "2:11: error: expected '{' after the name of the message, found ':'"},
    {"namespace a;\nmessage M {\n  x u8; }", "3:5: error: expected ':' after the name of the field, found 'u8'"},
    {"namespace a;\nmessage M {\n  x: u8 }", "3:9: error: expected ';' after the field, found '}'"},
    {"namespace a;\nmessage M {\n  x: ; }", "3:6: error: expected a type, found ';'"},
    {"namespace a;\nmessage M { x: u8;", "2:19: error: expected the name of a field or '}', found the end of the file"},
    {"namespace a;\nmessage M { x: text<; }", "2:21: error: expected the length of a text, found ';'"},
    {"namespace a;\nmessage M { x: text<2; }", "2:22: error: expected '>' after the length of a text, found ';'"},
    {"namespace a;\nmessage M { x: u8[]; }", "2:19: error: expected the length of an array, found ']'"},
    {"namespace a;\nmessage M { x: u8[2; }", "2:20: error: expected ']' after the length of an array, found ';'"},
    {"namespace a;\nmessage M { x: u8<4>; }",
     "2:18: error: only text takes a length, and list a type: text<N>, list<T>"},
    {"namespace a;\nenum E { x = 0; }", "2:8: error: expected ':' and the type of the enum, found '{'"},
    {"namespace a;\nenum E : u8 { x; }", "2:16: error: expected '=' after the name of the value, found ';'"},
    {"namespace a;\nenum E : u8 { x = y; }", "2:19: error: expected a number, found 'y'"},
    {"namespace a;\nenum E : u8 { x = 0x1; }", "2:19: error: '0x1' is not a decimal number"},
    {"namespace a;\nenum E : u8 { x = 0 }", "2:21: error: expected ';' after the value, found '}'"},
    {"namespace a;\nprotocol P { M", "2:15: error: expected ';' after the message, found the end of the file"},
    {"namespace a;\nprotocol P { M -> ; }", "2:19: error: expected the message that is the reply, found ';'"},
    {"namespace a;\nmessage M { x@ }", "2:14: error: expected ':' after the name of the field, found '@'"},
    {"namespace a;\n/* M */", "2:1: error: expected 'enum', 'message' or 'protocol', found '/'"},
    {"namespace a;\n\x01", "2:1: error: expected 'enum', 'message' or 'protocol', found byte 0x01"},
    {"\xef\xbb\xbfnamespace a;", "1:1: error: expected a namespace first of all, found byte 0xef"},
};

const std::vector<Refusal> names = {
    {"namespace A;", "1:11: error: the name 'A' must start with a lower-case letter"},
    {"namespace a..b;", "1:11: error: the name '' must start with a lower-case letter"},
    {"namespace a.;", "1:11: error: the name '' must start with a lower-case letter"},
    {"namespace ringmail;", "1:11: error: the name 'ringmail' is reserved"},
    {"namespace a.std;", "1:11: error: the name 'std' is reserved"},
    {"namespace a;\nmessage m {}", "2:9: error: the name 'm' must start with an upper-case letter"},
    {"namespace a;\nmessage M.N {}", "2:9: error: the name 'M.N' must not hold a dot"},
    {"namespace a;\nmessage None {}", "2:9: error: the name 'None' is reserved"},
    {"namespace a;\nmessage M { X: u8; }", "2:13: error: the name 'X' must start with a lower-case letter"},
    {"namespace a;\nmessage M { _x: u8; }", "2:13: error: the name '_x' must start with a lower-case letter"},
    {"namespace a;\nmessage M { x_: u8; }",
     "2:13: error: the name 'x_' must not end with an underscore or hold two in a row"},
    {"namespace a;\nmessage M { x__y: u8; }",
     "2:13: error: the name 'x__y' must not end with an underscore or hold two in a row"},
    {"namespace a;\nmessage M { ringmail_type: u8; }", "2:13: error: the name 'ringmail_type' is reserved"},
    {"namespace a;\nenum E : u8 { _x = 0; }", "2:15: error: the name '_x' must start with a letter"},
    {"namespace a;\nmessage " + std::string(65, 'M') + " {}",
     "2:9: error: the name '" + std::string(64, 'M') + "'... is longer than 64 bytes"},
    {"namespace a;\nmessage M {}\nmessage M {}", "3:9: error: a.M is already declared on line 2"},
    {"namespace a;\nenum M : u8 { x = 0; }\nprotocol M {}", "3:10: error: a.M is already declared on line 2"},
    {"namespace a;\nmessage M {\n  x: u8;\n  x: u16; }", "4:3: error: field x is declared twice in message a.M"},
    {"namespace a;\nmessage Akluprfs {}",
     "2:9: error: the id of message a.Akluprfs is 0, which is reserved: rename it"},
    {"namespace a;\nmessage Loccbhms {}\nmessage Axyusxva {}",
     "3:9: error: message a.Axyusxva has the same id as a.Loccbhms: rename one of them"},
};

const std::vector<Refusal> defaults = {
    {"namespace a;\nmessage M { x: u8 = 256; }", "2:21: error: 256 does not fit u8"},
    {"namespace a;\nmessage M { x: u8 = -1; }", "2:21: error: -1 does not fit u8"},
    {"namespace a;\nmessage M { x: u8 = 1.5; }", "2:21: error: 1.5 does not fit u8"},
    {"namespace a;\nmessage M { x: i8 = -129; }", "2:21: error: -129 does not fit i8"},
    {"namespace a;\nmessage M { x: f32 = 1e39; }", "2:22: error: 1e39 does not fit f32"},
    {"namespace a;\nmessage M { x: f64 = 1.; }", "2:22: error: 1. does not fit f64"},
    {"namespace a;\nmessage M { x: f64 = inf; }", "2:22: error: the default of a field of type f64 is a number"},
    {"namespace a;\nmessage M { x: u8 = \"1\"; }", "2:21: error: the default of a field of type u8 is a number"},
    {"namespace a;\nmessage M { x: bool = 1; }", "2:23: error: the default of a bool is true or false"},
    {"namespace a;\nmessage M { x: text<2> = \"abc\"; }", "2:26: error: the default does not fit text<2>"},
    {"namespace a;\nmessage M { x: text<2> = ab; }", "2:26: error: the default of a text is a string: \"abc\""},
    {"namespace a;\nmessage M { x: text<2> = \"a\\n\"; }", "2:26: error: expected a default, found '\"'"},
    {"namespace a;\nmessage M { x: text<2> = \"a; }", "2:26: error: expected a default, found '\"'"},
    {"namespace a;\nenum E : u8 { x = 0; }\nmessage M { x: E = y; }",
     "3:20: error: the default of a field of type a.E is one of its values"},
    {"namespace a;\nenum E : u8 { x = 0; }\nmessage M { x: E = 0; }",
     "3:20: error: the default of a field of type a.E is one of its values"},
    {"namespace a;\nmessage M { x: u8[2] = 1; }", "2:24: error: a field of type u8[2] has no default of its own"},
    {"namespace a;\nmessage M { x: u8? = 1; }", "2:22: error: a field of type u8? has no default of its own"},
    {"namespace a;\nmessage M { x: text = \"\"; }", "2:23: error: a field of type text has no default of its own"},
    {"namespace a;\nmessage M { x: list<u8> = 1; }", "2:27: error: a field of type list<u8> has no default of its own"},
    {"namespace a;\nmessage M { x: u8 = ; }", "2:21: error: expected a default, found ';'"},
    {"namespace a;\nmessage M { + x: u8; y: u8; }",
     "2:22: error: field y stands behind an appended one, and is not appended: + y"},
};

const std::vector<Refusal> types = {
    {"namespace a;\nmessage M { x: int32; }", "2:16: error: unknown type int32"},
    {"namespace a;\nmessage M { x: Side; }", "2:16: error: unknown type a.Side"},
    {"namespace a;\nmessage M { x: P; } protocol P {}", "2:16: error: unknown type a.P"},
    {"namespace a;\nmessage M { x: list; }", "2:20: error: expected '<' and the type of the elements, found ';'"},
    {"namespace a;\nmessage M { x: list<u8; }", "2:23: error: expected '>' after the type of the elements, found ';'"},
    {"namespace a;\nmessage M { x: list<list<u8>>; }",
     "2:21: error: lists of lists are not supported: put the inner one into a message"},
    {"namespace a;\nmessage M { x: list<text>; }",
     "2:21: error: the elements of a list have a fixed size: text has none"},
    {"namespace a;\nmessage M { x: list<bytes>; }",
     "2:21: error: the elements of a list have a fixed size: bytes has none"},
    {"namespace a;\nmessage M { x: list<u8?>; }",
     "2:23: error: expected '>' after the type of the elements, found '?'"},
    {"namespace a;\nmessage M { x: list<u8>[2]; }",
     "2:24: error: arrays of lists are not supported: put the list into a message"},
    {"namespace a;\nmessage M { x: text[2]; }",
     "2:16: error: the elements of an array have a fixed size: text has none"},
    {"namespace a;\nmessage M { x: u8?[2]; }",
     "2:19: error: arrays of what may be missing are not supported: put it into a message"},
    {"namespace a;\nmessage M { x: u8[2]?; }",
     "2:21: error: arrays that may be missing are not supported: put the array into a message"},
    {"namespace a;\nmessage M { x: u8??; }", "2:19: error: expected ';' after the field, found '?'"},
    {"namespace a;\nmessage M { x: u8<4>; }",
     "2:18: error: only text takes a length, and list a type: text<N>, list<T>"},
    {"namespace a;\nmessage V { x: text; }\nmessage M { x: V; }",
     "3:16: error: a.V has content of variable length, and cannot be a part of another message"},
    {"namespace a;\nmessage V { x: text; }\nmessage M { x: list<V>; }",
     "3:21: error: a.V has content of variable length, and cannot be a part of another message"},
    {"namespace a;\nmessage M { x: list<M>; }", "2:21: error: message a.M contains itself"},
    {"namespace a;\nenum E : list<u8> { x = 0; }",
     "2:15: error: an enum is one of u8, u16, u32, u64, i8, i16, i32 and i64"},
    {"namespace a;\nenum E : u8? { x = 0; }", "2:10: error: an enum is one of u8, u16, u32, u64, i8, i16, i32 and i64"},
    {"namespace a;\nmessage M { x: u8[2][3]; }",
     "2:21: error: arrays of arrays are not supported yet: put the inner one into a message"},
    {"namespace a;\nmessage M { x: u8[0]; }", "2:19: error: the length of an array must be at least 1"},
    {"namespace a;\nmessage M { x: u8[-1]; }", "2:19: error: the length of an array must be at least 1"},
    {"namespace a;\nmessage M { x: text<0>; }", "2:21: error: the length of a text must be at least 1"},
    {"namespace a;\nmessage M { x: u8[65537]; }",
     "2:16: error: the array is larger than the largest message, 65536 bytes"},
    {"namespace a;\nmessage M { x: text<65537>; }",
     "2:16: error: the text is larger than the largest message, 65536 bytes"},
    {"namespace a;\nmessage M { x: u8[18446744073709551616]; }",
     "2:19: error: '18446744073709551616' is out of every range"},
    {"namespace a;\nmessage M { x: u64;\n  y: u8[65529]; }",
     "3:3: error: message a.M up to field y is larger than the largest message, 65536 bytes"},
    {"namespace a;\nmessage E {}\nmessage M { x: E; }",
     "3:16: error: a.E is empty, and an empty message cannot be a field"},
    {"namespace a;\nmessage M { x: M; }", "2:16: error: message a.M contains itself"},
    {"namespace a;\nmessage M { x: M[2]; }", "2:16: error: message a.M contains itself"},
    {"namespace a;\nmessage A { x: B; }\nmessage B { x: C; }\nmessage C { x: B; }",
     "4:16: error: message a.B contains itself: a.B -> a.C -> a.B"},
    {nested(33), "33:18: error: messages nest deeper than 32"},
    {"namespace a;\nenum E : f32 { x = 0; }", "2:10: error: an enum is one of u8, u16, u32, u64, i8, i16, i32 and i64"},
    {"namespace a;\nenum E : u8[2] { x = 0; }",
     "2:10: error: an enum is one of u8, u16, u32, u64, i8, i16, i32 and i64"},
    {"namespace a;\nenum E : u8 {}", "2:6: error: enum a.E has no values"},
    {"namespace a;\nenum E : u8 { x = 0;\n  x = 1; }", "3:3: error: value x is declared twice in enum a.E"},
    {"namespace a;\nenum E : u8 { x = 1;\n  y = 1; }", "3:7: error: 1 is already the number of value x"},
    {"namespace a;\nenum E : u8 { x = 256; }", "2:19: error: 256 does not fit u8"},
    {"namespace a;\nenum E : u64 { x = -1; }", "2:20: error: -1 does not fit u64"},
    {"namespace a;\nenum E : i8 { x = 128; }", "2:19: error: 128 does not fit i8"},
    {"namespace a;\nenum E : i8 { x = -129; }", "2:19: error: -129 does not fit i8"},
    {"namespace a;\nprotocol P { M; }", "2:14: error: unknown message a.M"},
    {"namespace a;\nprotocol P { u8; }", "2:14: error: unknown message u8"},
    {"namespace a;\nmessage M {}\nprotocol P { M -> N; }", "3:19: error: unknown message a.N"},
    {"namespace a;\nenum E : u8 { x = 0; }\nprotocol P { E; }", "3:14: error: a.E is not a message"},
    {"namespace a;\nmessage M {}\nprotocol P { M; M -> M; }", "3:17: error: protocol a.P accepts a.M twice"},
};

TEST(SchemaRefusal, bad_syntax_is_named_with_its_place) { expect_all_refused(syntax); }
TEST(SchemaRefusal, a_bad_name_is_named_with_its_place) { expect_all_refused(names); }
TEST(SchemaRefusal, a_bad_default_is_named_with_its_place) { expect_all_refused(defaults); }
TEST(SchemaRefusal, a_bad_type_is_named_with_its_place) { expect_all_refused(types); }

TEST(SchemaRefusal, a_depth_of_32_is_still_good) { EXPECT_TRUE(parse_mail(nested(32), "x.mail")); }

TEST(SchemaRefusal, a_file_of_more_than_1_mib_is_refused) {
  const std::string source = "namespace a; message M {} //";
  const std::string full = source + std::string(max_source_bytes - source.size(), ' ');
  EXPECT_TRUE(parse_mail(full, "x.mail"));
  const auto refused = parse_mail(full + " ", "x.mail");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().to_string(), "x.mail:1:1: error: the file is larger than 1048576 bytes");
}

TEST(SchemaRefusal, a_file_whose_schema_no_handshake_takes_is_refused) {
  std::string source = "namespace a;";
  for (int i = 0; i < 20000; ++i) source += "message M" + std::to_string(i) + " {}";
  const auto refused = parse_mail(source, "x.mail");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().to_string(), "x.mail:1:1: error: the canonical schema is larger than 524288 bytes");
}

}  // namespace
}  // namespace ringmail::schema

#pragma once

// What the two front ends (a .mail file and a canonical text) have read but nobody has checked yet. Names of enums,
// messages and protocols are qualified; the names of fields and values are as written.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringmail::schema {

struct Position {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

struct Problem {
  Position position;
  std::string text;
};

struct TypeReference {
  Position position;
  std::string name;
  std::optional<std::uint64_t> length;  // N of text<N>
  std::optional<std::uint64_t> count;   // elements of an array
  bool is_list = false;                 // the rest is about its elements
  bool is_optional = false;
};

// As written: "1.50", "ask", the content of a string.
struct Literal {
  enum class Kind : std::uint8_t { number, word, string };

  Position position;
  Kind kind = Kind::number;
  std::string text;
};

struct FieldDeclaration {
  Position position;
  std::string name;
  TypeReference type;
  bool is_appended = false;
  std::optional<Literal> preset;
};

struct ValueDeclaration {
  Position position;
  std::string name;
  Position number_position;
  bool negative = false;
  std::uint64_t magnitude = 0;
};

struct AcceptDeclaration {
  Position position;
  std::string message;
  Position reply_position;
  std::string reply;  // empty: none
};

struct EnumDeclaration {
  Position position;
  std::string name;
  TypeReference underlying;
  std::vector<ValueDeclaration> values;
};

struct MessageDeclaration {
  Position position;
  std::string name;
  std::vector<FieldDeclaration> fields;
};

struct ProtocolDeclaration {
  Position position;
  std::string name;
  std::vector<AcceptDeclaration> accepts;
};

}  // namespace ringmail::schema

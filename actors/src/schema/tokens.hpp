#pragma once

// The lexer, and the small steps of recursive descent that both front ends share. Every step returns false once the
// source is refused; the first refusal is kept in problem() and is the one that counts.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "declarations.hpp"

namespace ringmail::schema {

struct Token {
  enum class Kind : std::uint8_t { word, number, string, symbol, unknown, end };

  Kind kind = Kind::end;
  std::string_view text;  // into the source
  Position position;
};

class TokenStream {
 public:
  // The source must outlive the stream; `start` is where it stands in its file.
  explicit TokenStream(std::string_view source, Position start = {});

  [[nodiscard]] const Token& next() const { return next_; }
  [[nodiscard]] bool at_end() const { return next_.kind == Token::Kind::end; }
  [[nodiscard]] bool is_next(std::string_view text) const;

  bool accept(std::string_view text);  // takes the word or symbol if it is next
  bool expect(std::string_view symbol, std::string_view where);
  bool expect_word(std::string& word, std::string_view what);
  bool expect_number(bool& negative, std::uint64_t& magnitude, std::string_view what);
  bool expect_count(std::uint64_t& count, std::string_view what);
  bool expect_type(TypeReference& type);
  bool expect_literal(Literal& literal, std::string_view what);
  bool skip_number(std::string_view what);  // in any notation

  bool refuse(Position position, std::string text);
  bool refuse_next(std::string_view expected);
  [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }

 private:
  bool expect_angle(TypeReference& type);
  void advance();
  void skip_blanks_and_comments();
  void step();

  std::string_view source_;
  std::size_t at_ = 0;
  Position position_;
  Token next_;
  std::optional<Problem> problem_;
};

}  // namespace ringmail::schema

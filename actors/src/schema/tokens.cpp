#include "tokens.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ringmail::schema {
namespace {

// Not <cctype>: the result must not depend on the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_word_start(c) || is_digit(c); }

std::string shown(const Token& token) {
  if (token.kind == Token::Kind::end) return "the end of the file";
  if (token.kind == Token::Kind::unknown) {
    const auto byte = static_cast<unsigned char>(token.text.front());
    if (byte < 0x20 || byte >= 0x7f) {
      constexpr std::string_view digits = "0123456789abcdef";
      return std::string("byte 0x") + digits[byte >> 4] + digits[byte & 15];
    }
  }
  constexpr std::size_t longest = 40;  // a peer's error must stay one readable line
  const bool cut = token.text.size() > longest;
  return "'" + std::string(token.text.substr(0, longest)) + (cut ? "...'" : "'");
}

/// Of the string that `rest` starts with, both quotes with it; 0 if it does not end, or holds what it must not.
std::size_t string_length(std::string_view rest) {
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') return i + 1;
    if (rest[i] == '\\' && (++i == rest.size() || (rest[i] != '"' && rest[i] != '\\'))) return 0;
    if (rest[i] < 0x20 || rest[i] > 0x7e) return 0;
  }
  return 0;
}

}  // namespace

TokenStream::TokenStream(std::string_view source, Position start) : source_(source), position_(start) { advance(); }

bool TokenStream::is_next(std::string_view text) const {
  return (next_.kind == Token::Kind::word || next_.kind == Token::Kind::symbol) && next_.text == text;
}

bool TokenStream::accept(std::string_view text) {
  if (!is_next(text)) return false;
  advance();
  return true;
}

bool TokenStream::expect(std::string_view symbol, std::string_view where) {
  return accept(symbol) || refuse_next("'" + std::string(symbol) + "' " + std::string(where));
}

bool TokenStream::expect_word(std::string& word, std::string_view what) {
  if (next_.kind != Token::Kind::word) return refuse_next(what);
  word = next_.text;
  advance();
  return true;
}

bool TokenStream::expect_number(bool& negative, std::uint64_t& magnitude, std::string_view what) {
  if (next_.kind != Token::Kind::number) return refuse_next(what);
  std::string_view digits = next_.text;
  negative = digits.front() == '-';
  if (negative) digits.remove_prefix(1);
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
  if (end != digits.data() + digits.size()) return refuse(next_.position, shown(next_) + " is not a decimal number");
  if (status != std::errc{}) return refuse(next_.position, shown(next_) + " is out of every range");
  advance();
  return true;
}

bool TokenStream::expect_count(std::uint64_t& count, std::string_view what) {
  const Position position = next_.position;
  bool negative = false;
  if (!expect_number(negative, count, what)) return false;
  if (negative || count == 0) return refuse(position, std::string(what) + " must be at least 1");
  return true;
}

bool TokenStream::expect_type(TypeReference& type) {
  type.position = next_.position;
  if (!expect_word(type.name, "a type")) return false;
  if (type.name == "list") {
    if (!expect("<", "and the type of the elements")) return false;
    type.is_list = true;
    type.position = next_.position;
    if (!expect_word(type.name, "a type")) return false;
    if (type.name == "list")
      return refuse(type.position, "lists of lists are not supported: put the inner one into a message");
    if (!expect_angle(type)) return false;
    if (!expect(">", "after the type of the elements")) return false;
  } else if (!expect_angle(type)) {
    return false;
  }
  if (accept("?")) {
    type.is_optional = true;
    if (is_next("["))
      return refuse(next_.position, "arrays of what may be missing are not supported: put it into a message");
    return true;
  }
  if (!is_next("[")) return true;
  if (type.is_list) return refuse(next_.position, "arrays of lists are not supported: put the list into a message");
  advance();
  if (!expect_count(type.count.emplace(), "the length of an array")) return false;
  if (!expect("]", "after the length of an array")) return false;
  if (is_next("[")) {
    return refuse(next_.position, "arrays of arrays are not supported yet: put the inner one into a message");
  }
  if (is_next("?")) {
    return refuse(next_.position, "arrays that may be missing are not supported: put the array into a message");
  }
  return true;
}

bool TokenStream::expect_angle(TypeReference& type) {
  if (!is_next("<")) return true;
  if (type.name != "text") return refuse(next_.position, "only text takes a length, and list a type: text<N>, list<T>");
  advance();
  return expect_count(type.length.emplace(), "the length of a text") && expect(">", "after the length of a text");
}

bool TokenStream::expect_literal(Literal& literal, std::string_view what) {
  literal.position = next_.position;
  switch (next_.kind) {
    case Token::Kind::number:
      literal.kind = Literal::Kind::number;
      literal.text = next_.text;
      break;
    case Token::Kind::word:
      literal.kind = Literal::Kind::word;
      literal.text = next_.text;
      break;
    case Token::Kind::string:
      literal.kind = Literal::Kind::string;
      for (std::size_t i = 1; i + 1 < next_.text.size(); ++i) {
        if (next_.text[i] == '\\') ++i;  // the lexer has seen what stands behind it
        literal.text += next_.text[i];
      }
      break;
    default: return refuse_next(what);
  }
  advance();
  return true;
}

bool TokenStream::skip_number(std::string_view what) {
  if (next_.kind != Token::Kind::number) return refuse_next(what);
  advance();
  return true;
}

bool TokenStream::refuse(Position position, std::string text) {
  if (!problem_) problem_ = Problem{.position = position, .text = std::move(text)};
  return false;
}

bool TokenStream::refuse_next(std::string_view expected) {
  return refuse(next_.position, "expected " + std::string(expected) + ", found " + shown(next_));
}

void TokenStream::step() {
  if (source_[at_] == '\n') {
    ++position_.line;
    position_.column = 1;
  } else {
    ++position_.column;
  }
  ++at_;
}

void TokenStream::skip_blanks_and_comments() {
  while (at_ < source_.size()) {
    const char c = source_[at_];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      step();
    } else if (source_.substr(at_).starts_with("//")) {
      while (at_ < source_.size() && source_[at_] != '\n') step();
    } else {
      return;
    }
  }
}

void TokenStream::advance() {
  skip_blanks_and_comments();
  next_ = Token{.kind = Token::Kind::end, .text = {}, .position = position_};
  if (at_ == source_.size()) return;

  const std::string_view rest = source_.substr(at_);
  const char first = rest.front();
  const bool negative = first == '-' && rest.size() > 1 && is_digit(rest[1]);
  std::size_t length = 1;
  if (is_word_start(first)) {
    next_.kind = Token::Kind::word;
    // A qualified name is one word, so that it cannot hold blanks; what its parts may be is checked with the names.
    while (length < rest.size() && (is_word(rest[length]) || rest[length] == '.')) ++length;
  } else if (is_digit(first) || negative) {
    next_.kind = Token::Kind::number;
    const auto goes_on = [&](std::size_t i) {
      const char before = rest[i - 1];
      return is_word(rest[i]) || rest[i] == '.' ||
             ((rest[i] == '+' || rest[i] == '-') && (before == 'e' || before == 'E'));
    };
    while (length < rest.size() && goes_on(length)) ++length;
  } else if (first == '"') {
    length = string_length(rest);
    next_.kind = length == 0 ? Token::Kind::unknown : Token::Kind::string;
    length = std::max<std::size_t>(length, 1);
  } else if (rest.starts_with("->")) {
    next_.kind = Token::Kind::symbol;
    length = 2;
  } else {
    constexpr std::string_view symbols = "{}:;=<>[]?+";
    next_.kind = symbols.find(first) == std::string_view::npos ? Token::Kind::unknown : Token::Kind::symbol;
  }
  next_.text = rest.substr(0, length);
  for (std::size_t i = 0; i < length; ++i) step();
}

}  // namespace ringmail::schema

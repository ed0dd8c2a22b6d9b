// Reads the files of bindings/vectors, whose README.md says what stands in them.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ringmail::test {

/// A line: what is done with it, its name, and the other words.
struct Vector {
  std::string verb, name;
  std::vector<std::string> words;
};

inline std::vector<Vector> vectors_of(const std::string& file) {
  std::ifstream stream(std::string(VECTORS_FOLDER) + "/" + file);
  EXPECT_TRUE(stream.is_open()) << file;
  std::vector<Vector> vectors;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    Vector& vector = vectors.emplace_back();
    words >> vector.verb >> vector.name;
    for (std::string word; words >> word;) vector.words.push_back(word);
  }
  EXPECT_FALSE(vectors.empty()) << file;
  return vectors;
}

inline std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

template <class Number>
Number number_of(std::string_view digits, int base = 10) {
  Number number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  EXPECT_TRUE(error == std::errc{} && end == digits.data() + digits.size()) << digits;
  return number;
}

/// Pieces that are joined by `+`, each of which may be repeated by `*`; `one` reads one of them.
template <class Read>
std::string pieces_of(std::string_view word, Read one) {
  std::string bytes;
  for (const std::string& piece : split(word, '+')) {
    const std::vector<std::string> parts = split(piece, '*');
    const std::string read = one(parts[0]);
    for (auto left = parts.size() > 1 ? number_of<std::size_t>(parts[1]) : 1; left > 0; --left) bytes += read;
  }
  return bytes;
}

/// Of hexadecimal digits. Where there is `..` stands a byte that does not matter: `any`.
inline std::string bytes_of(std::string_view word, char any = '\0') {
  if (word == "-") return {};
  return pieces_of(word, [any](const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
      const std::string digits = hex.substr(i, 2);
      bytes += digits == ".." ? any : static_cast<char>(number_of<unsigned char>(digits, 16));
    }
    return bytes;
  });
}

/// Of characters, and `%` with two hexadecimal digits.
inline std::string text_of_word(std::string_view word) {
  return pieces_of(word, [](const std::string& piece) {
    std::string text;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (piece[i] != '%') {
        text += piece[i];
        continue;
      }
      text += static_cast<char>(number_of<unsigned char>(piece.substr(i + 1, 2), 16));
      i += 2;
    }
    return text;
  });
}

}  // namespace ringmail::test

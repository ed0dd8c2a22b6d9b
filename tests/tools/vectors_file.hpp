// bindings/vectors/vectors.txt, as bindings/vectors/README.md describes it.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace ringmail::test {

template <class Byte>
struct Vector {
  std::string kind, name, message, good;
  std::vector<Byte> bytes;
};

template <class Byte>
std::vector<Vector<Byte>> all_vectors() {
  std::ifstream file(VECTORS_FILE);
  EXPECT_TRUE(file.is_open()) << VECTORS_FILE;
  std::vector<Vector<Byte>> vectors;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    Vector<Byte>& vector = vectors.emplace_back();
    std::string hex;
    std::istringstream(line) >> vector.kind >> vector.name >> vector.message >> hex >> vector.good;
    for (std::size_t i = 0; hex != "-" && i < hex.size(); i += 2) {
      unsigned byte = 0;
      std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
      vector.bytes.push_back(static_cast<Byte>(byte));
    }
  }
  EXPECT_FALSE(vectors.empty());
  return vectors;
}

}  // namespace ringmail::test

// What bindings/vectors/schemas.txt says of `.mail` files and of canonical texts.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "../vectors.hpp"
#include "ringmail/actors/schema.hpp"

namespace ringmail::schema {
namespace {

using namespace ringmail::test;

std::string file(const std::string& name) {
  std::ifstream stream(std::string(VECTORS_FOLDER) + "/schemas/" + name, std::ios::binary);
  EXPECT_TRUE(stream.is_open()) << name;
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The file, where the first of the words has been replaced by the second.
std::string changed(const std::string& name, const std::string& from, const std::string& to) {
  const std::string into = to == "-" ? "" : text_of_word(to);
  if (from == "-") return into;
  std::string text = file(name);
  const std::string part = text_of_word(from);
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), into);
}

void run(const Vector& vector) {
  const auto& words = vector.words;
  if (vector.verb == "good") {
    const std::string text = file(vector.name + ".schema");
    const auto of_file = parse_mail(file(vector.name + ".mail"), "x.mail");
    ASSERT_TRUE(of_file) << of_file.error().to_string();
    EXPECT_EQ(to_text(*of_file), text);
    const auto of_text = parse_text(text);
    ASSERT_TRUE(of_text) << of_text.error().to_string();
    EXPECT_EQ(*of_text, *of_file);
  } else if (vector.verb == "id") {
    EXPECT_EQ(type_id(vector.name), number_of<std::uint32_t>(words.at(0), 16));
  } else if (vector.verb == "bad" && words.at(0) == "text") {
    const auto schema = parse_text(changed("market.schema", words.at(2), words.at(3)));
    ASSERT_FALSE(schema);
    const auto lines = split(words.at(1), ',');
    EXPECT_TRUE(std::ranges::count(lines, std::to_string(schema.error().line)) == 1) << schema.error().to_string();
  } else if (vector.verb == "bad") {
    const auto schema = parse_mail(changed("market.mail", words.at(2), words.at(3)), "x.mail");
    ASSERT_FALSE(schema);
    EXPECT_EQ(std::to_string(schema.error().line) + ':' + std::to_string(schema.error().column), words.at(1))
        << schema.error().to_string();
  } else {
    const auto here = parse_text(file("market.schema")).value();
    const auto there = parse_text(changed("market.schema", words.at(0), words.at(1)));
    ASSERT_TRUE(there) << there.error().to_string();
    const std::string difference = find_mismatch(here, *there).value_or("");
    EXPECT_EQ(difference, vector.verb == "agree" ? "" : text_of_word(words.at(2)));
  }
}

TEST(SchemaVectors, are_read_written_compared_and_refused) {
  for (const Vector& vector : vectors_of("schemas.txt")) {
    SCOPED_TRACE(vector.name);
    run(vector);
  }
}

}  // namespace
}  // namespace ringmail::schema

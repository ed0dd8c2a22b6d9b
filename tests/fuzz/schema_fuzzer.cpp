// A schema as a person writes it and as a peer sends it: whatever is accepted has a canonical text that means the same.

#include <array>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guarded.hpp"
#include "mutation.hpp"
#include "ringmail/actors/schema.hpp"

namespace {

using ringmail::fuzz::Chance;

void check(const ringmail::schema::Schema& schema) {
  const auto again = ringmail::schema::parse_text(to_text(schema));
  if (!again || !(*again == schema)) std::abort();
}

/// Names, numbers, blanks, and every other character by itself.
std::vector<std::string> tokens_of(std::string_view text) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.'; };
  std::vector<std::string> tokens;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (is_word(text[at]) && end < text.size() && is_word(text[end])) ++end;
    tokens.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

constexpr auto words = std::to_array<std::string_view>({"namespace",
                                                        "enum",
                                                        "message",
                                                        "protocol",
                                                        "u8",
                                                        "u16",
                                                        "u32",
                                                        "u64",
                                                        "i8",
                                                        "i16",
                                                        "i32",
                                                        "i64",
                                                        "f32",
                                                        "f64",
                                                        "bool",
                                                        "text",
                                                        "text<16>",
                                                        "text<0>",
                                                        "list<",
                                                        "list<u8>",
                                                        "bytes",
                                                        "?",
                                                        "+",
                                                        "= 1.5e-7",
                                                        "= \"a\\\"b\"",
                                                        "offset",
                                                        "appended",
                                                        "default",
                                                        ":",
                                                        ";",
                                                        "{",
                                                        "}",
                                                        "[",
                                                        "]",
                                                        "<",
                                                        ">",
                                                        "=",
                                                        "-",
                                                        "->",
                                                        "//",
                                                        "0",
                                                        "1",
                                                        "2",
                                                        "65535",
                                                        "65536",
                                                        "18446744073709551615",
                                                        "-9223372036854775808",
                                                        "a",
                                                        "b",
                                                        "A",
                                                        "B",
                                                        "test.market",
                                                        "ringmail",
                                                        "message M { x: u8; }\n",
                                                        "+ y: list<u64>?;\n",
                                                        "enum E : u8 { v = 0; }\n",
                                                        "protocol P { M -> M; }\n",
                                                        "\n",
                                                        " ",
                                                        "\t",
                                                        "\r\n"});

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringmail::fuzz::between_guards(data, size, [](std::span<const std::byte> input) {
    const std::string_view source(reinterpret_cast<const char*>(input.data()), input.size());
    if (const auto schema = ringmail::schema::parse_mail(source, "fuzz.mail")) check(*schema);
    if (const auto schema = ringmail::schema::parse_text(source)) check(*schema);
  });
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned seed) {
  Chance chance(seed);
  if (size == 0 || chance.one_in(4)) return LLVMFuzzerMutate(data, size, max_size);
  auto tokens = tokens_of({reinterpret_cast<const char*>(data), size});
  for (std::size_t changes = 1 + chance.below(3); changes > 0 && !tokens.empty(); --changes) {
    const std::size_t at = chance.below(tokens.size());
    const auto place = tokens.begin() + static_cast<std::ptrdiff_t>(at);
    switch (chance.below(5)) {
      case 0: tokens.erase(place); break;
      case 1: tokens.insert(place, std::string(words[chance.below(words.size())])); break;
      case 2: tokens[at] = words[chance.below(words.size())]; break;
      case 3: std::swap(tokens[at], tokens[chance.below(tokens.size())]); break;
      default: {  // some of it a second time
        const std::vector<std::string> some(
            place,
            place + static_cast<std::ptrdiff_t>(1 + chance.below(std::min<std::size_t>(tokens.size() - at, 40))));
        const auto to = tokens.begin() + static_cast<std::ptrdiff_t>(chance.below(tokens.size() + 1));
        tokens.insert(to, some.begin(), some.end());
      }
    }
  }
  std::string text;
  for (const std::string& token : tokens) text += token;
  return ringmail::fuzz::put(std::as_bytes(std::span(text)), data, max_size);
}

#include "printable.hpp"

namespace ringmail::runtime {

std::string_view cut(std::string_view text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  while (most_bytes > 0 && (static_cast<unsigned char>(text[most_bytes]) & 0xc0) == 0x80) --most_bytes;
  return text.substr(0, most_bytes);
}

std::string printable(std::string_view text, std::size_t most_bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  const std::string_view shown = cut(text, most_bytes);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto byte = static_cast<unsigned char>(shown[i]);
    // U+0080 to U+009f are control characters as well, and begin with this byte.
    const bool is_c1 = byte == 0xc2 && i + 1 < shown.size() && static_cast<unsigned char>(shown[i + 1]) < 0xa0;
    if (is_c1) {
      const auto second = static_cast<unsigned char>(shown[++i]);
      (((out += "\\x") += digits[second >> 4]) += digits[second & 15]);
    } else if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
      (((out += "\\x") += digits[byte >> 4]) += digits[byte & 15]);
    } else {
      out += shown[i];
    }
  }
  if (shown.size() < text.size()) out += "...";
  return out;
}

}  // namespace ringmail::runtime

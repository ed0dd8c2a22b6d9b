#pragma once

#include <string_view>

namespace ringmail::tools {

// What generated headers share. Each carries it, behind a guard of its own, so that they need no runtime library and
// several of them may be included together. A change of meaning needs another macro name and another inline namespace.
inline constexpr std::string_view cpp_prelude = R"cpp(
#ifndef RINGMAIL_MESSAGES_1
#define RINGMAIL_MESSAGES_1

  namespace ringmail {

  // Up to N bytes of UTF-8, padded with zeros: the text ends at the first zero, or at N. What does not fit is cut off
  // between two characters, never inside one.
  template <std::size_t N>
  class Text {
   public:
    static constexpr std::size_t capacity = N;

    constexpr Text() = default;

    template <std::convertible_to<std::string_view> Source>
    constexpr Text(const Source& source) {
      const std::string_view whole = source;
      const std::string_view text = whole.substr(0, whole.find('\0'));
      std::size_t length = text.size() < N ? text.size() : N;
      if (length < text.size()) {
        while (length > 0 && is_continuation(text[length])) --length;
      }
      for (std::size_t i = 0; i < length; ++i) bytes_[i] = text[i];
    }

    // Good for as long as this object stands unchanged.
    constexpr std::string_view view() const { return std::string_view(bytes_.data(), size()); }
    constexpr operator std::string_view() const { return view(); }

    constexpr std::size_t size() const {
      std::size_t length = 0;
      while (length < N && bytes_[length] != '\0') ++length;
      return length;
    }
    constexpr bool empty() const { return bytes_[0] == '\0'; }

    friend constexpr bool operator==(const Text& a, const Text& b) { return a.view() == b.view(); }
    friend constexpr auto operator<=>(const Text& a, const Text& b) { return a.view() <=> b.view(); }

    template <std::convertible_to<std::string_view> Other>
    friend constexpr bool operator==(const Text& a, const Other& b) {
      return a.view() == std::string_view(b);
    }
    template <std::convertible_to<std::string_view> Other>
    friend constexpr auto operator<=>(const Text& a, const Other& b) {
      return a.view() <=> std::string_view(b);
    }

   private:
    static constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

    std::array<char, N> bytes_{};
  };

  // How ringmail_valid() looks at bytes that may be no message at all: nothing is read through its type before it is
  // known to hold a value of it.
  namespace messages {

  inline bool are_bools(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) {
      if (byte > std::byte{1}) return false;
    }
    return true;
  }

  template <class Enum>
  bool are_declared(std::span<const std::byte> bytes) {
    for (; !bytes.empty(); bytes = bytes.subspan(sizeof(Enum))) {
      std::underlying_type_t<Enum> number{};
      std::memcpy(&number, bytes.data(), sizeof number);
      if (!ringmail_declares(static_cast<Enum>(number))) return false;
    }
    return true;
  }

  template <class Message>
  bool are_valid(std::span<const std::byte> bytes) {
    for (; !bytes.empty(); bytes = bytes.subspan(sizeof(Message))) {
      if (!Message::ringmail_valid(bytes.first(sizeof(Message)))) return false;
    }
    return true;
  }

  }  // namespace messages
  }  // namespace ringmail

#endif  // RINGMAIL_MESSAGES_1
)cpp";

}  // namespace ringmail::tools

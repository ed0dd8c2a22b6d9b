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

  // A T or none, laid out as T? is: a T, and behind it whether there is one. Used as std::optional is.
  template <class T>
  class Optional {
   public:
    using value_type = T;

    constexpr Optional() = default;
    constexpr Optional(std::nullopt_t) {}
    template <class U = T>
      requires(std::convertible_to<U, T> && !std::same_as<std::remove_cvref_t<U>, Optional>)
    constexpr Optional(U&& value) : value_(static_cast<T>(std::forward<U>(value))), has_value_(true) {}

    constexpr bool has_value() const { return has_value_; }
    constexpr explicit operator bool() const { return has_value_; }
    // Only where there is one.
    constexpr const T& operator*() const { return value_; }
    constexpr T& operator*() { return value_; }
    constexpr const T* operator->() const { return &value_; }
    constexpr T* operator->() { return &value_; }
    constexpr T value_or(T other) const { return has_value_ ? value_ : other; }
    constexpr void reset() { *this = Optional(); }

    friend constexpr bool operator==(const Optional& a, const Optional& b) {
      return a.has_value_ == b.has_value_ && (!a.has_value_ || a.value_ == b.value_);
    }

   private:
    T value_{};
    bool has_value_ = false;
  };

  // An element of list<bool>, since a vector of bool has no bools in it.
  class Bool {
   public:
    constexpr Bool(bool value = false) : value_(value) {}
    constexpr operator bool() const { return value_; }

   private:
    bool value_;
  };

  // A message of variable length that owns nothing: texts, bytes and lists lie where they were when it was made, as in the
  // payload that it was read from. Good for as long as they do.
  template <class Message>
  using View = typename Message::ringmail_view;

  // How messages are checked, read and written. Nothing is read through its type before it is known to hold a value of it.
  namespace messages {

  inline constexpr std::size_t none = static_cast<std::size_t>(-1);
  inline constexpr std::size_t reference_bytes = 8;

  // Of the fixed part of a payload, which may be of another version of the message; none: of no version.
  inline std::size_t fixed_part(std::span<const std::byte> payload,
                                std::size_t size,
                                std::size_t fixed_size_at = none,
                                std::initializer_list<std::size_t> earlier_sizes = {}) {
    const auto is_earlier = [&](std::size_t bytes) {
      for (const std::size_t earlier : earlier_sizes) {
        if (bytes == earlier) return true;
      }
      return false;
    };
    std::size_t fixed = payload.size();
    if (fixed_size_at != none && !(fixed <= fixed_size_at && is_earlier(fixed))) {
      std::uint32_t said = 0;
      if (payload.size() < fixed_size_at + sizeof said) return none;
      std::memcpy(&said, payload.data() + fixed_size_at, sizeof said);
      if (said <= fixed_size_at || said > payload.size()) return none;
      fixed = said;
    }
    return fixed >= size || is_earlier(fixed) ? fixed : none;
  }

  template <class T>
  inline constexpr bool is_optional = false;
  template <class T>
  inline constexpr bool is_optional<Optional<T>> = true;
  template <class T>
  inline constexpr bool is_array = false;
  template <class T, std::size_t N>
  inline constexpr bool is_array<std::array<T, N>> = true;
  template <class T>
  inline constexpr bool is_reference = std::is_same_v<T, std::string_view>;
  template <class T>
  inline constexpr bool is_reference<std::span<const T>> = true;

  // In the fixed part, without the byte behind it that says whether there is one.
  template <class T>
  inline constexpr std::size_t width = is_reference<T> ? reference_bytes : sizeof(T);

  // Whether these sizeof(T) bytes are a T.
  template <class T>
  bool holds(const std::byte* bytes) {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, Bool>) {
      return *bytes <= std::byte{1};
    } else if constexpr (std::is_enum_v<T> && !std::is_same_v<T, std::byte>) {
      std::underlying_type_t<T> number{};
      std::memcpy(&number, bytes, sizeof number);
      return ringmail_declares(static_cast<T>(number));
    } else if constexpr (is_array<T>) {
      using Element = typename T::value_type;
      for (std::size_t i = 0; i < std::tuple_size_v<T>; ++i) {
        if (!holds<Element>(bytes + i * sizeof(Element))) return false;
      }
      return true;
    } else if constexpr (is_optional<T>) {
      using Value = typename T::value_type;
      const std::byte has_value = bytes[sizeof(Value)];
      return has_value == std::byte{0} || (has_value == std::byte{1} && holds<Value>(bytes));
    } else if constexpr (requires { T::ringmail_valid(std::span<const std::byte>()); }) {
      return T::ringmail_valid(std::span(bytes, sizeof(T)));
    } else {
      return true;
    }
  }

  // A message of fixed size, of any version: what was not sent has its default.
  template <class Message>
  std::optional<Message> read(std::span<const std::byte> payload) {
    std::optional<Message> message;
    if (!Message::ringmail_valid(payload)) return message;
    message.emplace();
    const std::size_t bytes = payload.size() < Message::ringmail_size ? payload.size() : Message::ringmail_size;
    if (bytes != 0) std::memcpy(static_cast<void*>(&*message), payload.data(), bytes);
    return message;
  }

  // Reads the fields of a message of variable length where they lie. The payload starts at a multiple of 8.
  class Reader {
   public:
    Reader(std::span<const std::byte> payload, std::size_t fixed) : payload_(payload), fixed_(fixed) {}

    bool is_good() const { return is_good_; }
    // Of an appended field: whether it was sent.
    bool has(std::size_t at) const { return at < fixed_; }

    template <class T>
    void get(std::size_t at, T& value) {
      is_good_ = is_good_ && holds<T>(payload_.data() + at);
      if (is_good_) std::memcpy(static_cast<void*>(&value), payload_.data() + at, sizeof value);
    }

    template <class T>
    void get(std::size_t at, std::span<const T>& list) {
      std::uint32_t reference[2];
      std::memcpy(reference, payload_.data() + at, sizeof reference);
      const auto [start, count] = reference;
      if (count == 0) return;
      is_good_ = is_good_ && start >= fixed_ && start % alignof(T) == 0 && start <= payload_.size() &&
                 count <= (payload_.size() - start) / sizeof(T);
      if (!is_good_) return;
      const std::byte* const bytes = payload_.data() + start;
      for (std::size_t i = 0; i < count; ++i) is_good_ = is_good_ && holds<T>(bytes + i * sizeof(T));
      if (is_good_) list = std::span(reinterpret_cast<const T*>(bytes), count);
    }

    void get(std::size_t at, std::string_view& text) {
      std::span<const char> characters;
      get(at, characters);
      text = std::string_view(characters.data(), characters.size());
    }

    template <class T>
    void get(std::size_t at, Optional<T>& value) {
      const std::byte has_value = payload_[at + width<T>];
      is_good_ = is_good_ && has_value <= std::byte{1};
      if (has_value != std::byte{1}) return;
      value = T();
      get(at, *value);
    }

   private:
    std::span<const std::byte> payload_;
    std::size_t fixed_;
    bool is_good_ = true;
  };

  // Where content ends that starts behind `end`, at the next multiple of its alignment.
  template <class T>
  constexpr std::size_t content_end(std::size_t end, const std::span<const T>& list) {
    return list.empty() ? end : (end + alignof(T) - 1) / alignof(T) * alignof(T) + list.size_bytes();
  }
  constexpr std::size_t content_end(std::size_t end, std::string_view text) { return end + text.size(); }
  template <class T>
  constexpr std::size_t content_end(std::size_t end, const Optional<T>& content) {
    return content.has_value() ? content_end(end, *content) : end;
  }

  // Writes the fields of a message of variable length, in their order.
  class Writer {
   public:
    Writer(std::byte* payload, std::uint32_t size, std::size_t fixed_size_at) : payload_(payload), end_(size) {
      std::memset(payload, 0, size);
      std::memcpy(payload + fixed_size_at, &size, sizeof size);
    }

    template <class T>
    void put(std::size_t at, const T& value) {
      std::memcpy(payload_ + at, &value, sizeof value);
    }

    template <class T>
    void put(std::size_t at, const std::span<const T>& list) {
      if (list.empty()) return;
      const std::size_t end = content_end(end_, list);
      const std::size_t start = end - list.size_bytes();
      const std::uint32_t reference[2] = {static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(list.size())};
      std::memcpy(payload_ + at, reference, sizeof reference);
      std::memset(payload_ + end_, 0, start - end_);
      std::memcpy(payload_ + start, list.data(), list.size_bytes());
      end_ = end;
    }

    void put(std::size_t at, std::string_view text) { put(at, std::span<const char>(text)); }

    template <class T>
    void put(std::size_t at, const Optional<T>& value) {
      if (!value.has_value()) return;
      put(at, *value);
      payload_[at + width<T>] = std::byte{1};
    }

   private:
    std::byte* payload_;
    std::size_t end_;
  };

  // Between a message that owns its content and one that does not.
  template <class To, class From>
  To convert(const From& from) {
    if constexpr (std::is_same_v<To, From>) {
      return from;
    } else if constexpr (is_optional<To>) {
      return from.has_value() ? To(convert<typename To::value_type>(*from)) : To();
    } else if constexpr (std::is_constructible_v<To, const From&>) {
      return To(from);
    } else {
      return To(from.begin(), from.end());
    }
  }

  }  // namespace messages
  }  // namespace ringmail

#endif  // RINGMAIL_MESSAGES_1
)cpp";

}  // namespace ringmail::tools

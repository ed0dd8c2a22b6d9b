// What the tests of actors send: messages that know how many of them there are, and messages as a .mail file would make them.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "ringmail/actors/actors.hpp"

namespace ringmail::test {

/// None is lost or destroyed twice unnoticed.
class Token {
 public:
  static inline std::atomic<std::int64_t> alive{0};

  explicit Token(std::uint64_t number = 0) : text_(std::to_string(number) + " is too long for the small string") {
    ++alive;
  }
  Token(const Token& other) : text_(other.text_) { ++alive; }
  Token(Token&& other) noexcept : text_(std::move(other.text_)) { ++alive; }
  Token& operator=(const Token&) = default;
  Token& operator=(Token&&) = default;
  ~Token() { --alive; }

  std::uint64_t number() const { return std::stoull(text_); }

 private:
  std::string text_;
};

struct Tick {
  static constexpr std::uint32_t ringmail_type = 0x7001;
  static constexpr std::string_view ringmail_name = "test.Tick";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return bytes.size() == 8; }
  std::uint64_t time = 0;
};

struct Reset {
  static constexpr std::uint32_t ringmail_type = 0x7002;
  static constexpr std::string_view ringmail_name = "test.Reset";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return bytes.empty(); }
};

struct Quote {
  static constexpr std::uint32_t ringmail_type = 0x7003;
  static constexpr std::string_view ringmail_name = "test.Quote";
  static bool ringmail_valid(std::span<const std::byte> bytes) { return bytes.size() == 8; }
  double bid = 0;
};

struct Pricer {
  static Quote on(const Tick&);
  static void on(const Reset&);

  using ringmail_accepts = std::tuple<Tick, Reset>;
  static constexpr std::string_view ringmail_protocol = "test.Pricer";
  static constexpr std::string_view ringmail_schema = "";
};

class LocalPricer : public Actor {
 public:
  using Protocol = Pricer;
  Quote on(const Tick& tick) const { return {static_cast<double>(tick.time) / 2 + resets_}; }
  void on(const Reset&) { ++resets_; }

 private:
  int resets_ = 0;
};

}  // namespace ringmail::test

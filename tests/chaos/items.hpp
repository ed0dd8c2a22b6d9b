// What is sent to the peers and comes back: numbered, and chained, so that nothing can be left out, repeated or altered unseen.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

#include "conformance.mail.hpp"

namespace ringmail::chaos {

/// SplitMix64: every bit of the result hangs on every bit of the argument.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// One message of a stream. The chain is over all numbers and contents up to this one.
struct Item {
  std::uint64_t stream = 0;  ///< which, below 65,536
  std::uint64_t number = 0;  ///< from 0
  std::uint64_t content = 0;
  std::uint64_t chain = 0;

  constexpr std::uint64_t chained_to(std::uint64_t before) const { return mix(mix(before ^ number) ^ content); }
  friend bool operator==(const Item&, const Item&) = default;
};

inline conformance::Ping to_ping(const Item& item) {
  return {.words = {item.stream << 48 | item.number, item.content, item.chain, mix(item.content ^ item.chain)}};
}

/// The rest of its kilobyte follows from its content.
inline conformance::Bulk to_bulk(const Item& item) {
  conformance::Bulk bulk{.number = item.stream << 48 | item.number};
  std::uint64_t words[sizeof bulk.bytes / 8];
  words[0] = item.content;
  words[1] = item.chain;
  for (std::size_t i = 2; i < std::size(words); ++i) words[i] = mix(item.content + i);
  std::memcpy(bulk.bytes.data(), words, sizeof words);
  return bulk;
}

constexpr Item numbered(std::uint64_t number) {
  return {.stream = number >> 48, .number = number & ((std::uint64_t{1} << 48) - 1)};
}

/// Nothing: not all of it is as it was.
inline std::optional<Item> from(const conformance::Ping& ping) {
  Item item = numbered(ping.words[0]);
  item.content = ping.words[1];
  item.chain = ping.words[2];
  if (ping != to_ping(item)) return {};
  return item;
}

inline std::optional<Item> from(const conformance::Bulk& bulk) {
  Item item = numbered(bulk.number);
  std::memcpy(&item.content, bulk.bytes.data(), 8);
  std::memcpy(&item.chain, bulk.bytes.data() + 8, 8);
  if (bulk != to_bulk(item)) return {};
  return item;
}

}  // namespace ringmail::chaos

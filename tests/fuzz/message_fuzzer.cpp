// A payload that a peer wrote: what is said to be valid has the size of its type, and every bool and enum of it holds a
// value that there is.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <span>

#include "guarded.hpp"
#include "market.mail.hpp"

namespace {

namespace market = test::market;

void check(bool holds) {
  if (!holds) std::abort();
}

template <class Enum>
bool is_one_of(Enum value, std::initializer_list<Enum> declared) {
  return std::ranges::find(declared, value) != declared.end();
}
bool holds(market::Side side) { return is_one_of(side, {market::Side::bid, market::Side::ask}); }

/// UndefinedBehaviorSanitizer looks at a bool as it is read.
void look(bool flag) { [[maybe_unused]] const volatile bool read = flag; }
void look(const market::Leg& leg) { look(leg.open); }
void look(const market::Tick& tick) {
  look(tick.live);
  check(holds(tick.side));
  check(is_one_of(tick.limit, {market::Limit::least, market::Limit::none, market::Limit::default_}));
  check(is_one_of(tick.mask, {market::Mask::empty, market::Mask::all}));
  for (const market::Side side : tick.sides) check(holds(side));
  for (const bool& flag : tick.flags) look(flag);
  for (const market::Leg& leg : tick.legs) look(leg);
  look(tick.best);
  check(tick.symbol.view().size() <= 16);
  for (const auto& code : tick.codes) check(code.view().size() <= 3);
}
void look(const market::Words& words) { check(holds(words.side)); }
void look(const market::Numbers&) {}
void look(const market::Reset&) {}

template <class Message>
void read(std::span<const std::byte> bytes) {
  if (!Message::ringmail_valid(bytes)) return;
  check(bytes.size() == Message::ringmail_size);
  Message message;
  if (!bytes.empty()) std::memcpy(&message, bytes.data(), bytes.size());
  look(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringmail::fuzz::between_guards(data, size, [](std::span<const std::byte> bytes) {
    read<market::Tick>(bytes);
    read<market::Leg>(bytes);
    read<market::Numbers>(bytes);
    read<market::Words>(bytes);
    read<market::Reset>(bytes);
  });
  return 0;
}

// A payload that a peer wrote: what is said to be valid has the size of its type or of a newer one, and every bool and enum of
// it holds a value that there is. What is of variable length or of another version lies within the payload, and is the
// same when it has been written and read anew.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <span>
#include <vector>

#include "guarded.hpp"
#include "market.mail.hpp"
#include "vectors.mail.hpp"

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
  check(bytes.size() >= Message::ringmail_size);
  look(*ringmail::messages::read<Message>(bytes));
}

/// Content of 8 bytes needs a payload that starts at a multiple of 8.
using Payload = std::vector<std::byte>;

template <class Message>
Payload written(const typename Message::ringmail_view& view) {
  Payload payload(view.ringmail_bytes());
  view.ringmail_write(payload.data());
  return payload;
}

template <class Message>
void read_variable(const Payload& payload) {
  const auto view = Message::ringmail_view::ringmail_read(payload);
  check(view.has_value() == Message::ringmail_valid(payload));
  if (!view) return;
  const Payload once = written<Message>(*view);
  const Message owning = view->ringmail_copy();
  check(written<Message>(owning.ringmail_borrow()) == once);
  const auto again = Message::ringmail_view::ringmail_read(once);
  check(again.has_value());
  check(written<Message>(*again) == once);
}

void read_older(const Payload& payload) {
  if (const auto message = ringmail::messages::read<vectors::Grown1>(payload)) look(message->flag);
  if (const auto message = ringmail::messages::read<vectors::Options>(payload)) {
    if (message->d) look(*message->d);
    if (message->e) check(is_one_of(*message->e, {vectors::Side::bid, vectors::Side::ask}));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringmail::fuzz::between_guards(data, size, [](std::span<const std::byte> bytes) {
    read<market::Tick>(bytes);
    read<market::Leg>(bytes);
    read<market::Numbers>(bytes);
    read<market::Words>(bytes);
    read<market::Reset>(bytes);

    const Payload payload(bytes.begin(), bytes.end());
    read_variable<vectors::Content>(payload);
    read_variable<vectors::Both>(payload);
    read_variable<vectors::Grown2>(payload);
    read_variable<vectors::Grown3>(payload);
    read_older(payload);
  });
  return 0;
}

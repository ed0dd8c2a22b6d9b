// What a peer may say: whatever decodes is a message that says the same when it is sent on, and a verdict on it has a text.
// An input is the kind of a message and its payload.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <type_traits>

#include "guarded.hpp"
#include "messages.hpp"

namespace {

using namespace ringmail::transport;
using ringmail::fuzz::Bytes;
using ringmail::fuzz::Chance;

void judge(const Hello& hello) {
  const HostLimits limits{.features = features_everywhere | asymmetric_barrier, .largest_ring_bytes = 1 << 20};
  const auto chosen = negotiate(hello, limits);
  if (!chosen) return static_cast<void>(to_string(chosen.error()));
  if ((chosen->features & ~(hello.features & limits.features)) != 0) std::abort();
  if (chosen->version < hello.version_min || chosen->version > hello.version_max) std::abort();
  if (chosen->wanted_ring_bytes > limits.largest_ring_bytes) std::abort();
}
void judge(const Welcome& welcome) {
  const auto good = check(welcome, 5);
  if (!good) return static_cast<void>(to_string(good.error()));
  if (welcome.segments.size() != 5 || welcome.lanes > max_lanes) std::abort();
}
void judge(const auto&) {}

unsigned kind_of(std::uint8_t byte) { return 1 + (byte + 9u) % 10; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ringmail::fuzz::with_kind(kind_of(data[0]), [&]<class Message>(const Message&) {
    ringmail::fuzz::between_guards(data + 1, size - 1, [](std::span<const std::byte> payload) {
      const auto message = decode<Message>(payload);
      if (!message) {
        if (to_string(message.error()).empty()) std::abort();
        return;
      }
      const auto again = decode<Message>(std::span<const std::byte>(encode(*message)));
      if (!again || !(*again == *message)) std::abort();
      judge(*message);
    });
  });
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                               std::size_t size,
                                               std::size_t max_size,
                                               unsigned seed) {
  Chance chance(seed);
  if (size == 0 || chance.one_in(4)) return LLVMFuzzerMutate(data, size, max_size);
  if (chance.one_in(16)) data[0] = static_cast<std::uint8_t>(1 + chance.below(10));
  const auto payload = std::as_bytes(std::span(data + 1, size - 1));
  const Bytes changed = ringmail::fuzz::with_kind(kind_of(data[0]), [&]<class Message>(const Message& good) {
    const auto message = decode<Message>(payload);
    return ringmail::fuzz::near_to(message ? *message : good, chance);
  });
  return 1 + ringmail::fuzz::put(changed, data + 1, max_size - 1);
}

// What a peer may send: whatever decodes is a message that says the same when it is sent on.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "guarded.hpp"
#include "ringmail/transport/handshake.hpp"

namespace {

using namespace ringmail::transport;

template <class Message>
void read(std::span<const std::byte> payload) {
  const auto message = decode<Message>(payload);
  if (!message) {
    (void)to_string(message.error());
    return;
  }
  const auto again = decode<Message>(std::span<const std::byte>(encode(*message)));
  if (!again || !(*again == *message)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ringmail::fuzz::between_guards(data, size, [](std::span<const std::byte> payload) {
    read<Hello>(payload);
    read<Welcome>(payload);
    read<Ready>(payload);
    read<Refused>(payload);
    read<Resolve>(payload);
    read<Resolved>(payload);
    read<Failure>(payload);
    read<Goodbye>(payload);
  });
  return 0;
}

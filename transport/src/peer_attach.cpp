// How a process becomes a peer by the C ABI: find the control stream, shake hands, open the lanes.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "peer_link.hpp"

namespace ringmail::transport {
namespace {

constexpr std::uint64_t default_attach_timeout_ns = 10'000'000'000;

/// The first of the numbers in RINGMAIL_FDS, or -1.
int inherited_stream() {
  const char* numbers = std::getenv(inherited_descriptors_variable);
  if (numbers == nullptr) return -1;
  char* end = nullptr;
  const long number = std::strtol(numbers, &end, 10);
  return end == numbers || number < 0 || number > INT_MAX ? -1 : static_cast<int>(number);
}

}  // namespace

int PeerLink::find_stream(const ringmail_options& options, std::uint64_t timeout_ns) {
  if (options.path != nullptr) return link_.connect(options.path, timeout_ns);
  const int number = options.descriptor >= 0 ? options.descriptor : inherited_stream();
  if (number < 0) {
    return fail(RINGMAIL_ENOTSPAWNED,
                "this process was not spawned by a Ringmail system: %s is not set, and no socket was named",
                inherited_descriptors_variable);
  }
  // A grandchild finds the variable too, but at that number something else or nothing, which is not this one's to
  // close.
  int type = 0;
  socklen_t bytes = sizeof type;
  if (getsockopt(number, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0 || type != SOCK_STREAM) {
    return fail(RINGMAIL_ENOTSPAWNED, "descriptor %d, which should be the control stream, is not a stream socket",
                number);
  }
  return link_.adopt(number);
}

int PeerLink::shake_hands(const Self& self, std::uint64_t deadline_ns) {
  std::uint64_t offered =
      features_everywhere | stream_doorbell | introductions | monitors | peer_log | large | exactly_once;
  if (self.is_restartable) offered |= outlives_host;
  if (register_for_barriers()) offered |= asymmetric_barrier;
  if (self.is_pollable) offered |= pipe_doorbell;
  const Hello hello{.features = offered,
                    .pid = static_cast<std::uint32_t>(getpid()),
                    .wanted_ring_bytes = self.ring_bytes,
                    .language = self.language,
                    .name = self.name,
                    .token = self.token,
                    .schema = self.schema};
  if (const int result = link_.greet(hello, deadline_ns); result != 0) return result;
  if (self.is_pollable) {
    if ((link_.welcome().features & pipe_doorbell) == 0)
      return fail(RINGMAIL_EREFUSED, "the host has no doorbell that can be polled");
    const int stream = link_.stream().descriptor();
    std::expected<void, int> polled;
    if (doorbell_) {
      polled = doorbell_->rejoin(link_.take_doorbell(), stream);
    } else if (auto doorbell = PeerDoorbell::create(link_.take_doorbell(), stream)) {
      doorbell_.emplace(std::move(*doorbell));
    } else {
      polled = std::unexpected(doorbell.error());
    }
    if (!polled) return fail(RINGMAIL_ESYSTEM, "the doorbell cannot be polled: %s", std::strerror(polled.error()));
  }
  acknowledges_ = (link_.welcome().features & exactly_once) != 0;
  answers_on_stream_ = (link_.welcome().features & introductions) != 0;
  lanes_.clear();
  lanes_.resize(link_.layout().lanes);
  for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
    static_cast<Lane&>(lanes_[i]) = link_.lane(i);
    lanes_[i].index = i;
  }
  if (link_.has_arenas()) {
    auto bodies = PeerBodies::create(link_.segments());
    if (!bodies) return fail(RINGMAIL_ESYSTEM, "no memory for what it keeps: %s", std::strerror(bodies.error()));
    bodies_.reset(*bodies);
    for (PeerLane& lane : lanes_) lane.bodies_out = link_.body_producer(lane.index);
  }
  if (const int result = link_.say_ready(); result != 0) return result;
  parker_ = Parker(link_.bell(), link_.ordering());
  bell_.store(&link_.bell(), std::memory_order_seq_cst);
  return 0;
}

int PeerLink::attach(const ringmail_options& options) {
  const std::uint64_t timeout_ns =
      options.timeout_ns > 0 ? static_cast<std::uint64_t>(options.timeout_ns) : default_attach_timeout_ns;
  auto owner = ForkGuard::create();
  if (!owner)
    return fail(RINGMAIL_ESYSTEM, "no page to tell this process from its forks: %s", std::strerror(owner.error()));
  owner_ = std::move(*owner);
  const std::uint64_t deadline_ns = monotonic_ns() + timeout_ns;
  if (const int result = find_stream(options, timeout_ns); result != 0) return result;
  const auto text = [](const char* given, const char* otherwise) { return given != nullptr ? given : otherwise; };
  self_ = {.path = text(options.path, ""),
           .name = text(options.name, ""),
           .token = text(options.token, ""),
           .language = text(options.language, "c"),
           .schema = text(options.schema, ""),
           .ring_bytes = options.ring_bytes,
           .is_pollable = options.pollable != 0,
           .is_restartable = options.restartable != 0};
  if (options.reconnect_ns > 0 && options.path != nullptr && options.restartable != 0) {
    return_time_ns_ = static_cast<std::uint64_t>(options.reconnect_ns);
  }
  const int result = shake_hands(self_, deadline_ns);
  closed_ = result != 0;
  if (result == 0) learn_return();
  return result;
}

}  // namespace ringmail::transport

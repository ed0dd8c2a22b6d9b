#include "latency/peers.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace bench {

using ringmail::Mailbox;
using ringmail::System;

System make_system(const std::string& name, ringmail::SystemOptions options) {
  // Standard output is for the figures.
  options.log = std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  options.log->set_level(spdlog::level::warn);
  auto system = System::create(std::move(options));
  if (!system) throw std::runtime_error(name + ": " + system.error());
  return std::move(*system);
}

std::vector<Mailbox<echo::Echo>> spawn_peers(System& system,
                                             const std::string& name,
                                             unsigned count,
                                             const std::vector<std::string>& command) {
  // A few at a time: hundreds that shake hands at once on a few CPUs would keep each other waiting beyond the deadline.
  constexpr std::size_t at_a_time = 16;
  std::vector<Mailbox<echo::Echo>> peers;
  for (std::size_t ready = 0; ready < count;) {
    while (peers.size() < std::min<std::size_t>(ready + at_a_time, count)) {
      // Small rings: hundreds of links' memory is populated.
      const auto peer = system.spawn_peer<echo::Echo>({.name = name + "." + std::to_string(peers.size()),
                                                       .command = command,
                                                       .mail_bytes = 1 << 16,
                                                       .control_bytes = 1 << 12});
      if (!peer) throw std::runtime_error(name + ": " + peer.error());
      peers.push_back(*peer);
    }
    for (; ready < peers.size(); ++ready) {
      if (system.runtime().wait_until_ready(peers[ready].address().link)) continue;
      throw std::runtime_error(name +
                               ": a far end did not start: " + to_string(system.wait_for_end(peers[ready]).reason));
    }
  }
  return peers;
}

}  // namespace bench

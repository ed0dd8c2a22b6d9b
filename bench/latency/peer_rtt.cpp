#include "latency/peer_rtt.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <expected>
#include <stdexcept>

namespace bench {

using namespace std::chrono_literals;

class PeerRtt::Asker : public ringmail::Actor {
 public:
  explicit Asker(ringmail::Mailbox<echo::Echo> peer) : peer_(peer) {}

  std::expected<Ticks, std::string> on(const Run& run) {
    std::string error;
    const Ticks elapsed = time_each(run.messages, run.each, [&](std::uint64_t i) {
      const echo::Ping ping{.words = {i, i + 1, i + 2, i + 3}};
      const auto pong = ringmail::ask(peer_, ping, 30s);
      if (!pong) {
        error = ringmail::to_string(pong.error());
      } else if (pong->words != ping.words) {
        error = "the answer is not what was sent";
      }
    });
    if (!error.empty()) return std::unexpected(error);
    return elapsed;
  }

 private:
  ringmail::Mailbox<echo::Echo> peer_;
};

void PeerRtt::start(const Placement& placement) {
  const auto fail = [this](const std::string& why) { return std::runtime_error(name_ + ": " + why); };
  // Standard output is for the figures.
  auto log = std::make_shared<spdlog::logger>(name_, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_level(spdlog::level::warn);

  auto system = ringmail::System::create({.schedulers = 1, .cpus = {placement.near_cpu}, .log = log});
  if (!system) throw fail(system.error());
  system_.emplace(std::move(*system));
  const auto peer = system_->spawn_peer<echo::Echo>({.name = name_, .command = command_(placement.far_cpu)});
  if (!peer) throw fail(peer.error());
  if (!system_->runtime().wait_until_ready(peer->address().link)) {
    throw fail("the far end did not start: " + to_string(system_->wait_for_end(*peer).reason));
  }
  asker_ = system_->spawn<Asker>(*peer);
}

Ticks PeerRtt::near_end(std::uint64_t messages, Sample* each) {
  const auto ran = ringmail::ask(asker_, Run{messages, each}, 10min);
  if (!ran) throw std::runtime_error(name_ + ": " + std::string(ringmail::to_string(ran.error())));
  if (!*ran) throw std::runtime_error(name_ + ": " + ran->error());
  return **ran;
}

}  // namespace bench

// A question of an actor to a peer process, and the answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "echo.mail.hpp"
#include "latency/scenario.hpp"
#include "ringmail/actors/actors.hpp"

namespace bench {

/// The near end is an actor of a system with one scheduler, which asks 32 bytes and gets 32 bytes: each trip is one ask(),
/// in which the handler suspends. The far end is a process that the system spawned.
class PeerRtt : public Scenario {
 public:
  /// `command` of the far end, given its CPU.
  PeerRtt(std::string name, std::function<std::vector<std::string>(int cpu)> command)
      : name_(std::move(name)), command_(std::move(command)) {}

  std::uint64_t payload_bytes() const override { return sizeof(echo::Ping); }
  bool has_far_end() const override { return false; }
  void start(const Placement& placement) override;
  Ticks near_end(std::uint64_t messages, Sample* each) override;

 private:
  struct Run {
    std::uint64_t messages;
    Sample* each;
  };
  class Asker;

  std::string name_;
  std::function<std::vector<std::string>(int)> command_;
  std::optional<ringmail::System> system_;
  ringmail::Mailbox<Asker> asker_;
};

}  // namespace bench

// From an actor to a peer process and back.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "echo.mail.hpp"
#include "latency/scenario.hpp"
#include "ringmail/actors/actors.hpp"

namespace bench {

/// The near end is an actor of a system with one scheduler, the far end a process that the system spawned: 32 bytes there and
/// 32 bytes back.
class PeerRtt : public Scenario {
 public:
  enum class By : std::uint8_t {
    messages,  ///< the handler of the answer sends the next
    ask,       ///< one handler asks again and again, and suspends each time
  };

  /// `command` of the far end, given its CPU. The system has `links` to such processes, of which all but one are idle.
  PeerRtt(std::string name, By by, std::function<std::vector<std::string>(int cpu)> command, unsigned links = 1)
      : name_(std::move(name)), by_(by), command_(std::move(command)), links_(links) {}

  std::uint64_t payload_bytes() const override { return sizeof(echo::Ping); }
  bool has_far_end() const override { return false; }
  void start(const Placement& placement) override;
  Ticks near_end(std::uint64_t messages, Sample* each) override;

 private:
  struct Run;
  class NearActor;

  std::string name_;
  By by_;
  std::function<std::vector<std::string>(int cpu)> command_;
  unsigned links_;
  std::optional<ringmail::System> system_;
  ringmail::Mailbox<NearActor> near_actor_;
};

}  // namespace bench

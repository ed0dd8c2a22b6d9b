// A message of 32 bytes through one channel and back through another, whatever the channel is.
#pragma once

#include <array>
#include <string>

#include "latency/scenario.hpp"

namespace bench {

using Payload = std::array<std::uint64_t, 4>;

/// Channel: made before the fork from a name that is this program's alone. One process calls send(), the other receive(), both
/// wait as long as it takes and throw where the system refuses.
template <class Channel>
class EchoRtt : public Scenario {
 public:
  explicit EchoRtt(const std::string& name) : name_(name), there_(name + ".there"), back_(name + ".back") {}

  std::uint64_t payload_bytes() const override { return sizeof(Payload); }

  /// What goes through the kernel takes a hundred times as long: fewer of them make a block that lasts about as long.
  std::uint64_t messages(std::uint64_t round_trips) const override {
    return Channel::uses_kernel ? std::max<std::uint64_t>(1, round_trips / 40) : round_trips;
  }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    return time_each(messages, each, [&](std::uint64_t i) {
      const Payload sent{i, i + 1, i + 2, i + 3};
      there_.send(sent);
      Payload received;
      back_.receive(received);
      if (received != sent) throw std::runtime_error(name_ + ": the answer is not what was sent");
    });
  }

  void far_end(std::uint64_t messages) override {
    for (std::uint64_t i = 0; i < messages; ++i) {
      Payload received;
      there_.receive(received);
      back_.send(received);
    }
  }

 private:
  std::string name_;
  Channel there_, back_;
};

}  // namespace bench

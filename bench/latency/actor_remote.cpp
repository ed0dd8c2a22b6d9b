// From an actor to a C++ process, which answers through the C ABI.
#include <cstdio>
#include <filesystem>

#include "latency/echo_peer.hpp"
#include "latency/peer_rtt.hpp"
#include "latency/scenarios.hpp"
#include "measuring/cpus.hpp"
#include "ringmail.h"

namespace bench {
namespace {

/// Until the host says stop.
int echo(ringmail_peer* peer) {
  while (true) {
    ringmail_message message;
    int result = ringmail_receive(peer, &message);
    if (result == 0) {
      result = ringmail_wait(peer, -1);
    } else if (result == 1) {
      result =
          message.correlation != 0
              ? ringmail_reply(peer, &message, echo::Pong::ringmail_type, message.payload, message.length)
              : ringmail_send(peer, message.sender, echo::Pong::ringmail_type, message.payload, message.length, -1);
      if (result == 0) result = ringmail_release(peer);
    }
    if (result < 0 && result != RINGMAIL_EINTERRUPTED) return result;
  }
}

}  // namespace

int run_echo_peer(int cpu) {
  ringmail_peer* peer = nullptr;
  int result = ringmail_attach(nullptr, &peer);
  if (result == 0) {
    // Only now: who counts the CPUs that it may use and finds one does not spin.
    pin_this_thread(cpu);
    result = echo(peer);
  }
  if (result != RINGMAIL_ESTOPPED && result != RINGMAIL_ECLOSED) std::fprintf(stderr, "%s\n", ringmail_error(peer));
  ringmail_detach(peer);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

std::vector<std::string> echo_peer_command(int cpu) {
  // By its path, because what /proc/self/exe names changes with each exec.
  static const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  return {program, echo_peer_option, std::to_string(cpu)};
}

namespace {

std::unique_ptr<Scenario> make_remote(std::string key, PeerRtt::By by) {
  return std::make_unique<PeerRtt>(std::move(key), by, echo_peer_command);
}

}  // namespace

std::unique_ptr<Scenario> make_actor_remote_rtt() { return make_remote("actor.remote_rtt", PeerRtt::By::messages); }

std::unique_ptr<Scenario> make_actor_remote_ask() { return make_remote("actor.remote_ask", PeerRtt::By::ask); }

}  // namespace bench

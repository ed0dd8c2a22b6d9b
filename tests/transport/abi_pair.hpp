// A host in the test and a peer of the C ABI in another process, attached to each other.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "abi_peer.hpp"
#include "test_host.hpp"

namespace ringmail::transport::test {

inline constexpr ringmail_mailbox host_actor = actor_on(0);

/// A host and an attached peer; the test plays the host, `body` the peer.
struct Pair {
  TestHost host;
  template <class Body>
  explicit Pair(Body body, std::uint32_t lanes = 1, std::uint64_t mail_bytes = 4096, std::uint64_t arena_bytes = 0)
      : host(lanes, mail_bytes, arena_bytes) {
    host.spawn([body]() -> int {
      AbiPeer peer;
      PEER_EXPECT(peer.attached() == 0);
      return body(peer);
    });
    EXPECT_TRUE(host.shake_hands());
  }

  /// Until the peer has come to its next step(); it goes on with next_step().
  void wait_for_step() {
    const auto resolve = host.next<Resolve>();
    ASSERT_TRUE(resolve);
    step_ = resolve->request;
  }
  void next_step() { host.answer({.request = step_, .found = true, .mailbox = host_actor}); }

 private:
  std::uint32_t step_ = 0;
};

inline int send(AbiPeer& peer, std::string_view text, std::int64_t timeout_ns = -1) {
  return ringmail_send(peer, host_actor, 7, text.data(), static_cast<std::uint32_t>(text.size()), timeout_ns);
}

/// Where the test must see what the peer has done so far: goes over the control stream, and publishes nothing.
inline int step(AbiPeer& peer) {
  ringmail_mailbox mailbox = 0;
  return ringmail_lookup(peer, "step", -1, &mailbox);
}

}  // namespace ringmail::transport::test

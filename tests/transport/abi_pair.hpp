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
  explicit Pair(Body body, std::uint32_t lanes = 1) : host(lanes) {
    host.spawn([body]() -> int {
      AbiPeer peer;
      PEER_EXPECT(peer.attached() == 0);
      return body(peer);
    });
    EXPECT_TRUE(host.shake_hands());
  }
};

inline int send(AbiPeer& peer, std::string_view text, std::int64_t timeout_ns = -1) {
  return ringmail_send(peer, host_actor, 7, text.data(), static_cast<std::uint32_t>(text.size()), timeout_ns);
}

/// Where the test must see what the peer has done so far: goes over the control stream, and publishes nothing.
inline int step(AbiPeer& peer) {
  ringmail_mailbox mailbox = 0;
  return ringmail_lookup(peer, "step", -1, &mailbox);
}
inline void wait_for_step(TestHost& host) { ASSERT_TRUE(host.next<Resolve>()); }
/// Of a peer that has looked up nothing else.
inline void next_step(TestHost& host) { host.answer({.request = 1, .found = true, .mailbox = host_actor}); }

}  // namespace ringmail::transport::test

// What runs in a forked peer, and knows the C ABI alone.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "ringmail.h"

namespace ringmail::transport::test {

/// In the peer: ends it with a line on stderr, which ctest shows, when a promise does not hold.
#define PEER_EXPECT(condition)                                                   \
  do {                                                                           \
    if (!(condition)) {                                                          \
      std::fprintf(stderr, "peer: %s:%d: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                  \
    }                                                                            \
  } while (false)

/// The C ABI's peer with an owner.
class AbiPeer {
 public:
  explicit AbiPeer(const ringmail_options* options = nullptr) : result_(ringmail_attach(options, &peer_)) {}
  AbiPeer(const AbiPeer&) = delete;
  ~AbiPeer() { ringmail_detach(peer_); }

  int attached() const { return result_; }
  std::string_view error() const { return ringmail_error(peer_); }
  operator ringmail_peer*() { return peer_; }

  /// Waits for the next message as long as it takes.
  int next(ringmail_message& message) {
    while (true) {
      const int received = ringmail_receive(peer_, &message);
      if (received != 0) return received;
      const int waited = ringmail_wait(peer_, -1);
      if (waited < 0) return waited;
    }
  }

 private:
  ringmail_peer* peer_ = nullptr;
  int result_;
};

inline std::string_view text_of(const ringmail_message& message) {
  return {static_cast<const char*>(message.payload), message.length};
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Everything that can be called on a peer that is not attached, or no longer.
inline int expect_closed(AbiPeer& peer) {
  ringmail_message message{};
  ringmail_mailbox mailbox = 0;
  std::uint32_t correlation = 0;
  void* room = nullptr;
  PEER_EXPECT(ringmail_receive(peer, &message) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_wait(peer, -1) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_send(peer, 1, 0, "", 0, -1) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_ask(peer, 1, 0, "", 0, -1, &correlation) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_ask_within(peer, 1, 0, "", 0, -1, 0, &correlation) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_loan(peer, 1, 0, -1, &room) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_reply(peer, &message, 0, "", 0) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_lookup(peer, "a", -1, &mailbox) == RINGMAIL_ECLOSED);
  std::uint64_t monitor = 0;
  PEER_EXPECT(ringmail_monitor(peer, 1, -1, &monitor) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_demonitor(peer, 1, -1) == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_log(peer, RINGMAIL_LOG_INFO, "a") == RINGMAIL_ECLOSED);
  PEER_EXPECT(ringmail_fail(peer, "a") == RINGMAIL_ECLOSED);
  ringmail_interrupt(peer);
  return 0;
}

}  // namespace ringmail::transport::test

// A link between the two processes, without the processes' handshake: the host's memory, made as for a peer, and the two ends
// of its one lane.
#pragma once

#include <cstdint>
#include <optional>

#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/link.hpp"
#include "ringmail/transport/spin.hpp"

namespace bench {

/// One end of a lane, used as a peer uses it: control is read before mail, the cursor is stored before idling, a bell is
/// looked at after each publish, and who finds nothing spins first and then sleeps.
class LaneEnd {
 public:
  /// Both ends are processes on one machine, so what one can do the other can.
  LaneEnd(ringmail::transport::Lane lane, ringmail::transport::Bell& own_bell)
      : lane_(lane), parker_(own_bell, ringmail::transport::best_ordering()) {
    lane_.order(ringmail::transport::best_ordering());
  }

  /// The next message; waits for it. It stays readable until finish().
  ringmail::transport::Frame next() {
    while (true) {
      if (lane_.control_in.peek()) unexpected();
      if (const auto frame = lane_.mail_in.peek()) {
        lane_.mail_in.begin();
        ++taken_;
        return *frame;
      }
      idle();
    }
  }

  void finish() {
    lane_.mail_in.advance();
    if (lane_.mail_in.cursor_due()) lane_.store_cursors();
  }

  /// Room for a payload in the ring; waits for it.
  std::byte* loan(std::uint32_t length) {
    std::byte* room = lane_.mail_out.try_loan(length);
    return room != nullptr ? room : wait_for_room(length);
  }

  void publish() {
    lane_.mail_out.commit({.type = 1, .target = 1, .sender = 1});
    lane_.publish();
  }

 private:
  void idle();
  std::byte* wait_for_room(std::uint32_t length);
  [[noreturn]] void unexpected() const;

  ringmail::transport::Lane lane_;
  ringmail::transport::Parker parker_;
  std::uint64_t taken_ = 0;  // since the last idling
  // Not the default, which counts the CPUs: each end is pinned to one, and would take that for a machine with one.
  ringmail::transport::SpinPolicy spin_{ringmail::transport::SpinPolicy::default_break_even_ns};
};

/// Made before the fork. Each process then takes its end, once.
class LanePair {
 public:
  /// `mail_bytes`: of the ring of mail each way.
  explicit LanePair(std::uint64_t mail_bytes = ringmail::transport::LinkLayout{}.mail_to_peer_bytes);

  LaneEnd& near_end();
  LaneEnd& far_end();

 private:
  const ringmail::transport::LinkLayout layout_;
  ringmail::transport::Bells near_bell_;
  ringmail::transport::LinkMail mail_;
  ringmail::transport::Incarnation incarnation_;
  ringmail::transport::Mapping mail_map_, host_map_, peer_map_, far_bell_map_;  // the far end's
  std::optional<LaneEnd> end_;
};

}  // namespace bench

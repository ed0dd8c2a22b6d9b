// Two schedulers and a link whose peer is the test.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "test_peer_end.hpp"

namespace ringmail::runtime::test {

inline constexpr std::uint32_t link_number = 1;
inline constexpr Address peer_address{.link = link_number, .actor = {}};

class RemoteLaneTest : public testing::Test {
 protected:
  static constexpr std::uint64_t ring_bytes = 4096;

  RemoteLaneTest() {
    transport::test::start_watchdog();
    for (std::uint32_t i = 0; i < 2; ++i) {
      schedulers_[i].on_fault = [this](std::uint32_t link, std::string what) {
        const std::lock_guard lock(mutex_);
        faults_[link].push_back(std::move(what));
      };
    }
    schedulers_.start();
    link_.open();
  }
  void TearDown() override {
    link_.close();
    schedulers_.stop();
    EXPECT_EQ(schedulers_.counters().lost_wakeups, forgotten_rings_);
    EXPECT_EQ(Tracked::alive.load(), 0);
  }

  PeerEnd& peer() { return link_.peer(); }
  std::vector<std::string> faults(std::uint32_t link = link_number) {
    const std::lock_guard lock(mutex_);
    return faults_[link];
  }
  /// From a passing actor on scheduler 0.
  std::expected<void, SendError> send(std::uint64_t value, std::uint64_t deadline_ns = far_off()) {
    std::expected<void, SendError> sent;
    schedulers_.handle_on(
        0, [&](TestCell& self) { sent = send_number(self.scheduler(), peer_address, value, deadline_ns); });
    return sent;
  }
  /// An actor on scheduler 0 that answers with the next number, and that the peer may send to.
  ActorId add_exported(std::function<void(TestCell&)> set_up) {
    const ActorId id = schedulers_.add(0, std::move(set_up));
    schedulers_.run_on(0, [&] { EXPECT_TRUE(schedulers_[0].export_to(link_number, id)); });
    return id;
  }
  /// How many fit into the ring at once.
  std::uint64_t fill() {
    std::uint64_t sent = 0;
    while (send(sent, in_ms(1))) ++sent;
    return sent;
  }
  /// An actor that asks the peer for a number, and what it got.
  struct Asked {
    std::atomic<bool> done{false};
    std::expected<std::uint64_t, AskError> answer;
  };
  void ask_peer(Asked& asked) {
    schedulers_.add(0, [&](TestCell& cell) {
      cell.on_start = [&](TestCell& self) {
        asked.answer = ask_number(self.scheduler(), peer_address, 1, far_off());
        asked.done = true;
      };
    });
  }
  /// An actor that sends what finds no room, and says what came of it.
  struct Blocked {
    std::atomic<bool> waits{false};
    std::atomic<bool> done{false};
    std::expected<void, SendError> result;
  };
  void block(Blocked& blocked, std::uint64_t value, std::uint64_t deadline_ns) {
    schedulers_.add(0, [&](TestCell& cell) {
      cell.on_start = [&, value, deadline_ns](TestCell& self) {
        blocked.waits = true;
        blocked.result = send_number(self.scheduler(), peer_address, value, deadline_ns);
        blocked.done = true;
      };
    });
    until([&] { return blocked.waits.load(); });
    schedulers_.run_on(0, [] {});
  }

  std::uint64_t forgotten_rings_ = 0;  ///< of the peer
  std::mutex mutex_;
  std::map<std::uint32_t, std::vector<std::string>> faults_;
  Schedulers schedulers_{2};
  TestLink link_{schedulers_, 2, link_number, ring_bytes};
};

}  // namespace ringmail::runtime::test

// A good peer that comes to a listening host again and again while others misbehave: it is served at once, and in the end the
// host holds what it held before.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "../transport/deadline.hpp"
#include "footprint.hpp"
#include "listener_fixture.hpp"
#include "ringmail.h"
#include "sanitizers.hpp"

namespace ringmail::runtime {

#if defined(RINGMAIL_ADDRESS_SANITIZER) || defined(RINGMAIL_THREAD_SANITIZER)
// Every step costs several times as much, and freed memory is kept for a while.
inline constexpr auto at_once = std::chrono::milliseconds(1000);
inline constexpr bool memory_is_ours = false;
#else
inline constexpr auto at_once = std::chrono::milliseconds(100);
inline constexpr bool memory_is_ours = true;
#endif
inline constexpr std::size_t growth_kib = 8192;  // of a heap that has seen an attack before: two backlogs of a stream

class GoodPeer : public Listener {
 protected:
  void SetUp() override {
    Listener::SetUp();
    host_ = std::make_unique<ReactorHost>(path_);
    link_ = await("peer");
    join();
    leave();
  }
  void TearDown() override {
    host_.reset();
    Listener::TearDown();
  }

  /// A peer that comes by itself, as often as it likes.
  std::uint32_t await(const std::string& name) {
    PeerOptions options = awaited_peer();
    options.name = name;
    options.restart = {.when = RestartPolicy::When::permanent, .max_restarts = 1'000'000};
    const auto link = host_->spawn(options);
    host_->log().await("peer '" + name + "': opening -> awaited");
    return link;
  }

  /// The good peer: how long it took from its first system call until the schedulers knew of it.
  std::chrono::nanoseconds join() {
    ringmail_options options = RINGMAIL_OPTIONS_INIT;
    options.path = path_.c_str();
    options.name = "peer";
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(ringmail_attach(&options, &peer_), 0) << ringmail_error(peer_);
    ++joins_;
    host_->told().await("up " + std::to_string(joins_));
    return std::chrono::steady_clock::now() - start;
  }

  void leave() {
    ringmail_detach(peer_);
    host_->log().await("peer 'peer': delayed -> awaited", joins_);
    // What it had goes behind that line, in the same turn of the loop.
    const auto turned = std::make_shared<std::promise<void>>();
    host_->reactor().post([turned] { turned->set_value(); });
    turned->get_future().wait();
  }

  /// Joins at least so many times, and until `enough` says so.
  template <class Enough>
  void expect_service(std::size_t times, Enough enough) {
    std::chrono::nanoseconds longest{0};
    for (std::size_t i = 0; (i < times || !enough()) && !HasFailure(); ++i) {
      longest = std::max(longest, join());
      // It stays a little: a second is not to be thousands of joins.
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      leave();
    }
    EXPECT_LE(longest, at_once);
    RecordProperty("joins", static_cast<int>(joins_));
    std::printf("%zu joins, the longest %lld us\n", joins_,
                static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(longest).count()));
  }

  static auto after(std::chrono::milliseconds time) {
    return [end = std::chrono::steady_clock::now() + time] { return std::chrono::steady_clock::now() >= end; };
  }

  /// As soon as it is as it should be; or how it is to the end.
  template <class IsGood>
  static test::Footprint footprint_once(IsGood is_good) {
    test::Footprint now;
    transport::test::until([&] { return is_good(now = test::Footprint::now()); });
    return now;
  }

  /// As soon as there are no more descriptors open than then.
  test::Footprint footprint_like(const test::Footprint& then) {
    // Who comes last is served last: nobody is left in the queue.
    join();
    leave();
    const test::Footprint now =
        footprint_once([&](const test::Footprint& found) { return found.descriptors <= then.descriptors; });
    EXPECT_EQ(now.descriptors, then.descriptors);
    return now;
  }

  void expect_nothing_left(const test::Footprint& before) {
    footprint_like(before);
    // Of other peers than this one the last may still be on its way out.
    const test::Footprint after = footprint_once([&](const test::Footprint& now) {
      const bool is_small = !memory_is_ours || now.resident_kib <= before.resident_kib + growth_kib;
      return now.segments == before.segments && is_small;
    });
    EXPECT_EQ(after.segments, before.segments) << before << " became " << after;
    if (!memory_is_ours) return;
    EXPECT_LE(after.mappings, before.mappings + 2) << before << " became " << after;
    EXPECT_LE(after.resident_kib, before.resident_kib + growth_kib) << before << " became " << after;
  }

  std::unique_ptr<ReactorHost> host_;
  std::uint32_t link_ = 0;
  ringmail_peer* peer_ = nullptr;
  std::size_t joins_ = 0;
};

}  // namespace ringmail::runtime

// Messages with bodies, between actors, and between actors and a peer process: in place, held, waited for, and across a death.
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "../transport/deadline.hpp"
#include "large.mail.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using large::Frame;
using large::Order;
using transport::test::until;

constexpr std::uint64_t arena_bytes = 1 << 20;

/// What a camera was sent back. The test holds it, on its own thread.
struct Album {
  std::mutex mutex;
  std::vector<Large<Frame>> frames;

  std::size_t size() {
    const std::lock_guard lock(mutex);
    return frames.size();
  }
  std::vector<Large<Frame>> take() {
    const std::lock_guard lock(mutex);
    return std::exchange(frames, {});
  }
};

/// Tells a camera to send a frame of so many bytes. It says what came of it.
struct Shoot {
  Frame frame;
  std::uint64_t bytes = 0;
  std::chrono::nanoseconds timeout = 20s;
};
struct Shot {
  std::optional<SendError> error;
};

class Camera : public Actor {
 public:
  using Protocol = large::Camera;
  Camera(Mailbox<large::Viewer> viewer, Album& album) : viewer_(viewer), album_(album) {}

  Shot on(const Shoot& shoot) {
    auto room = viewer_.loan_large(shoot.bytes, shoot.timeout);
    if (!room) return {room.error()};
    EXPECT_EQ(room->size(), shoot.bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(room->bytes().data()) % 4096, 0u);
    std::ranges::fill(room->bytes(), static_cast<std::byte>(shoot.frame.value));
    const auto sent = viewer_.send(Large<Frame>{shoot.frame, std::move(*room)}, shoot.timeout);
    return sent ? Shot{} : Shot{sent.error()};
  }
  void on(const Large<Frame>& frame) {
    const std::lock_guard lock(album_.mutex);
    album_.frames.push_back(frame);
  }

 private:
  Mailbox<large::Viewer> viewer_;
  Album& album_;
};

bool is_filled(const Body& body, std::size_t length, unsigned value) {
  return body.size() == length &&
         std::ranges::all_of(body.bytes(), [&](std::byte byte) { return byte == static_cast<std::byte>(value); });
}

/// Whom it is played with.
struct Partner {
  const char* name;
  std::uint32_t schedulers;
  std::vector<std::string> command;
  bool by_pipes = false;

  friend void PrintTo(const Partner& partner, std::ostream* out) { *out << partner.name; }
};

class LargeTest : public testing::TestWithParam<Partner> {
 protected:
  LargeTest() {
    transport::test::start_watchdog();
    system_ = std::move(*System::create(
        {.schedulers = GetParam().schedulers,
         .log = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>())}));
  }
  ~LargeTest() override {
    system_->shutdown();
    album.take();
  }

  void start(PeerOptions options = {.large_bytes = arena_bytes}) {
    options.name = "viewer";
    options.command = GetParam().command;
    options.control_by_pipes = GetParam().by_pipes;
    options.restart = {.when = RestartPolicy::When::permanent, .max_restarts = 1000, .first_delay = 0ms};
    auto spawned = system_->spawn_peer<large::Viewer>(options);
    ASSERT_TRUE(spawned) << spawned.error();
    viewer = *spawned;
    camera = system_->spawn<Camera>(viewer, album);
  }

  std::optional<SendError> shoot(Order order,
                                 std::uint64_t bytes,
                                 std::uint32_t value,
                                 std::chrono::nanoseconds timeout = 20s) {
    const Frame frame{.number = bytes, .order = order, .value = value};
    const auto shot = ask(camera, Shoot{.frame = frame, .bytes = bytes, .timeout = timeout}, 30s);
    EXPECT_TRUE(shot) << to_string(shot.error());
    return shot ? shot->error : std::nullopt;
  }
  bool await_frames(std::size_t count) {
    return until([&] { return album.size() >= count; });
  }
  /// All of the arena to the peer can be had, so nothing is out.
  bool is_whole() { return shoot(Order::forget, arena_bytes, 0) == std::nullopt; }

  System& system() { return *system_; }

  Album album;
  Mailbox<large::Viewer> viewer;
  Mailbox<Camera> camera;

 private:
  std::optional<System> system_;
};

TEST_P(LargeTest, a_body_goes_to_a_peer_and_another_comes_back) {
  start();
  for (unsigned i = 1; i <= 20; ++i) {
    ASSERT_EQ(shoot(Order::echo, 10'000 * i, i), std::nullopt);
    ASSERT_TRUE(await_frames(1));
    const auto frames = album.take();
    EXPECT_EQ(frames[0]->number, 10'000 * i);
    EXPECT_TRUE(is_filled(frames[0].body, 10'000 * i, i));
  }
  EXPECT_TRUE(is_whole());
}

TEST_P(LargeTest, a_body_of_no_bytes_and_no_body_are_both_messages) {
  start();
  ASSERT_EQ(shoot(Order::echo, 0, 1), std::nullopt);
  ASSERT_TRUE(viewer.send(Frame{.number = 5, .order = Order::keep}));
  ASSERT_TRUE(viewer.send(Large<Frame>{{.number = 6, .order = Order::keep}}));
  ASSERT_TRUE(await_frames(1));
  const auto frames = album.take();
  EXPECT_TRUE(frames[0].body);
  EXPECT_EQ(frames[0].body.size(), 0u);
  EXPECT_TRUE(is_whole());
}

TEST_P(LargeTest, a_question_may_have_a_body) {
  start();
  // From a thread that is no scheduler's.
  auto room = viewer.loan_large(1000);
  ASSERT_TRUE(room);
  std::ranges::fill(room->bytes(), std::byte{2});
  const auto sum = ask(viewer, Large<large::Question>{{.number = 5}, std::move(*room)}, 20s);
  ASSERT_TRUE(sum) << to_string(sum.error());
  EXPECT_EQ(sum->number, 2005u);
  EXPECT_EQ(sum->length, 1000u);
}

TEST_P(LargeTest, what_is_held_stays_until_the_last_lets_go_of_it) {
  start();
  ASSERT_EQ(shoot(Order::fill, 1, 7), std::nullopt);
  ASSERT_TRUE(await_frames(1));
  auto frames = album.take();
  const Body copy = frames[0].body;
  frames.clear();
  EXPECT_TRUE(is_filled(copy, 1, 7));
}

TEST_P(LargeTest, a_peer_waits_for_what_is_held_here) {
  start();
  const auto fill = [&](std::uint64_t bytes, unsigned value) {
    // From an actor: the frame comes back to it.
    const Frame frame{.number = bytes, .order = Order::fill, .value = value};
    EXPECT_TRUE(ask(camera, Shoot{.frame = frame, .bytes = 0}, 20s));
  };
  fill(arena_bytes, 1);
  ASSERT_TRUE(await_frames(1));
  auto first = album.take();
  fill(arena_bytes, 2);
  fill(arena_bytes, 3);
  EXPECT_TRUE(is_filled(first[0].body, arena_bytes, 1));
  // Given back on this thread, while the peer sleeps over it.
  first.clear();
  ASSERT_TRUE(await_frames(1));
  auto second = album.take();
  EXPECT_TRUE(is_filled(second[0].body, arena_bytes, 2));
  std::thread([body = std::move(second)]() mutable { body.clear(); }).join();
  ASSERT_TRUE(await_frames(1));
  EXPECT_TRUE(is_filled(album.take()[0].body, arena_bytes, 3));
}

TEST_P(LargeTest, an_arena_without_room_is_waited_for_and_nothing_else_is) {
  start();
  ASSERT_EQ(shoot(Order::keep, arena_bytes, 1), std::nullopt);
  EXPECT_EQ(shoot(Order::keep, 1, 1, 5ms), SendError::full);
  EXPECT_EQ(shoot(Order::keep, arena_bytes + 1, 1), SendError::too_long);
  std::jthread waits([&] { EXPECT_EQ(shoot(Order::echo, arena_bytes, 2), std::nullopt); });
  // What is small goes past it.
  const auto sum = ask(viewer, large::Question{.number = 1}, 20s);
  EXPECT_TRUE(sum && sum->number == 1);
  EXPECT_TRUE(viewer.send(Frame{.order = Order::forget}));
  ASSERT_TRUE(await_frames(1));
  EXPECT_TRUE(is_filled(album.take()[0].body, arena_bytes, 2));
}

TEST_P(LargeTest, a_loan_that_is_not_sent_is_given_back_wherever_it_ends) {
  start();
  {
    auto room = viewer.loan_large(arena_bytes);
    ASSERT_TRUE(room);
    EXPECT_EQ(viewer.loan_large(1, 5ms).error(), SendError::full);
  }
  auto room = viewer.loan_large(arena_bytes);
  ASSERT_TRUE(room);
  std::thread([loan = std::move(*room)] {}).join();
  EXPECT_TRUE(viewer.loan_large(arena_bytes));
}

TEST_P(LargeTest, what_somebody_else_has_as_well_is_sent_as_a_copy) {
  start();
  auto room = viewer.loan_large(1000);
  ASSERT_TRUE(room);
  std::ranges::fill(room->bytes(), std::byte{1});
  const Body shared = std::move(*room);
  auto own = BodyLoan::make(1000);
  std::ranges::fill(own.bytes(), std::byte{1});
  for (const Body& body : {shared, shared, Body(std::move(own))}) {
    const auto sum = ask(viewer, Large<large::Question>{{.number = 0}, body}, 20s);
    ASSERT_TRUE(sum) << to_string(sum.error());
    EXPECT_EQ(sum->number, 1000u);
  }
  EXPECT_TRUE(is_filled(shared, 1000, 1));
}

TEST_P(LargeTest, a_death_loses_nothing_and_leaves_the_arena_whole) {
  start();
  for (int round = 1; round <= 5; ++round) {
    ASSERT_EQ(shoot(Order::keep, arena_bytes / 4, 1), std::nullopt);
    ASSERT_EQ(shoot(Order::die, arena_bytes / 4, 2), std::nullopt);
    ASSERT_EQ(shoot(Order::echo, arena_bytes / 4, 3), std::nullopt);
    ASSERT_TRUE(await_frames(2));
    const auto frames = album.take();
    EXPECT_TRUE(is_filled(frames[0].body, arena_bytes / 4, 2));
    EXPECT_TRUE(is_filled(frames[1].body, arena_bytes / 4, 3));
    EXPECT_TRUE(is_whole());
  }
}

TEST_P(LargeTest, a_body_outlives_the_peer_that_wrote_it) {
  start();
  ASSERT_EQ(shoot(Order::echo, 5000, 4), std::nullopt);
  ASSERT_TRUE(await_frames(1));
  const auto frames = album.take();
  ASSERT_EQ(shoot(Order::die, 100, 5), std::nullopt);
  ASSERT_TRUE(await_frames(1));
  EXPECT_TRUE(is_filled(frames[0].body, 5000, 4));
  EXPECT_EQ(to_string(system().stop_and_wait(viewer).reason), "ended normally");
  EXPECT_TRUE(is_filled(frames[0].body, 5000, 4));
  EXPECT_EQ(shoot(Order::echo, 1, 1), SendError::unreachable);
}

TEST_P(LargeTest, a_peer_without_an_arena_is_sent_no_bodies) {
  start({.large_bytes = 0});
  EXPECT_EQ(shoot(Order::echo, 1, 1), SendError::too_long);
  EXPECT_TRUE(ask(viewer, large::Question{.number = 1}, 20s));
}

TEST_P(LargeTest, a_peer_that_is_not_trusted_is_sent_no_bodies) {
  start({.large_bytes = arena_bytes, .trusted = false});
  EXPECT_EQ(shoot(Order::echo, 1, 1), SendError::too_long);
  EXPECT_TRUE(ask(viewer, large::Question{.number = 1}, 20s));
}

TEST_P(LargeTest, a_size_that_cannot_be_is_named) {
  const auto peer = system().spawn_peer<large::Viewer>({.name = "odd", .command = {"true"}, .large_bytes = 5000});
  ASSERT_FALSE(peer);
  EXPECT_EQ(peer.error(), "peer 'odd': large_bytes cannot be 5000: whole pages of 4096 bytes, at most 1099511627776");
}

std::vector<Partner> partners() {
  std::vector<Partner> partners{{.name = "cpp_of_one_scheduler", .schedulers = 1, .command = {RINGMAIL_LARGE_PEER}},
                                {.name = "cpp_of_three_schedulers", .schedulers = 3, .command = {RINGMAIL_LARGE_PEER}}};
#ifdef RINGMAIL_LARGE_JAVA
  partners.push_back(
      {.name = "java",
       .schedulers = 2,
       .command = {RINGMAIL_LARGE_JAVA, "-XX:+UseSerialGC", "-cp", RINGMAIL_LARGE_JAVA_CLASSES, "LargePeer"},
       .by_pipes = true});
#endif
  return partners;
}

INSTANTIATE_TEST_SUITE_P(With, LargeTest, testing::ValuesIn(partners()), [](const auto& info) {
  return info.param.name;
});

// --- Within a process

class Viewing : public Actor {
 public:
  using Protocol = large::Camera;
  explicit Viewing(std::atomic<const std::byte*>& seen) : seen_(seen) {}
  void on(const Large<Frame>& frame) { seen_ = frame.bytes().data(); }

 private:
  std::atomic<const std::byte*>& seen_;
};

class Plain : public Actor {
 public:
  using Protocol = large::Camera;
  explicit Plain(std::atomic<std::uint64_t>& seen) : seen_(seen) {}
  void on(const Frame& frame) { seen_ += frame.number; }

 private:
  std::atomic<std::uint64_t>& seen_;
};

TEST(LargeLocal, between_actors_bytes_stay_where_they_are) {
  transport::test::start_watchdog();
  auto system = System::create({.schedulers = 2});
  std::atomic<const std::byte*> seen{nullptr};
  for (std::uint32_t scheduler : {0u, 1u}) {
    const Mailbox<large::Camera> camera = system->spawn_with<Viewing>({.scheduler = scheduler}, seen);
    auto room = camera.loan_large(3 << 20);
    ASSERT_TRUE(room);
    const std::byte* const bytes = room->bytes().data();
    EXPECT_TRUE(camera.send(Large<Frame>{{.number = 1}, std::move(*room)}));
    EXPECT_TRUE(until([&] { return seen == bytes; }));
    // Without a body it is the same message.
    EXPECT_TRUE(camera.send(Frame{.number = 1}));
    EXPECT_TRUE(until([&] { return seen == nullptr; }));
  }
  system->shutdown();
  EXPECT_EQ(system->counters().dead_letters, 0u);
}

TEST(LargeLocal, who_wants_no_body_is_given_the_message) {
  transport::test::start_watchdog();
  auto system = System::create({.schedulers = 2});
  std::atomic<std::uint64_t> seen{0};
  for (std::uint32_t scheduler : {0u, 1u}) {
    const Mailbox<large::Camera> camera = system->spawn_with<Plain>({.scheduler = scheduler}, seen);
    EXPECT_TRUE(camera.send(Large<Frame>{{.number = 10}, BodyLoan::make(100)}));
    EXPECT_TRUE(camera.send(Frame{.number = 1}));
  }
  EXPECT_TRUE(until([&] { return seen == 22; }));
  system->shutdown();
  EXPECT_EQ(system->counters().dead_letters, 0u);
}

}  // namespace
}  // namespace ringmail::test

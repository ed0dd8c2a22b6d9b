#include "test_host.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "deadline.hpp"

namespace ringmail::transport::test {
namespace {

std::uint64_t soon_ns() { return monotonic_ns() + 20'000'000'000; }

template <class Value, class Error>
Value must(std::expected<Value, Error> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", to_string(result.error()).c_str());
  std::abort();
}

}  // namespace

TestHost::TestHost(std::uint32_t lanes, std::uint64_t mail_bytes, std::uint64_t arena_bytes)
    : layout_{.lanes = lanes,
              .mail_to_peer_bytes = mail_bytes,
              .mail_to_host_bytes = mail_bytes,
              .control_bytes = 4096,
              .arena_to_peer_bytes = arena_bytes,
              .arena_to_host_bytes = arena_bytes},
      bells_(must(Bells::create("ringmail.test", lanes))),
      mail_(must(LinkMail::create(layout_))),
      incarnation_(must(Incarnation::create(layout_))),
      lanes_(lanes),
      acknowledged_(lanes),
      bodies_out_(lanes),
      bodies_in_(lanes) {
  start_watchdog();
  if (arena_bytes != 0) more_features |= large;
  for (std::uint32_t i = 0; i < lanes; ++i) {
    lanes_[i].mail_out = RingProducer(mail_.producer(i, incarnation_->host_end(i).mail_consumer));
  }
  open_lanes();
}

TestHost::~TestHost() {
  if (pid_ < 0) return;
  kill();
  join();
}

void TestHost::open_lanes() {
  ++incarnations_;
  for (std::uint32_t i = 0; i < layout_.lanes; ++i) {
    auto end = incarnation_->host_end(i);
    if (i == 0) peer_cursor_ = end.mail_consumer;
    lanes_[i].control_out = end.control_out;
    lanes_[i].mail_in = end.mail_in;
    lanes_[i].control_in = end.control_in;
    lanes_[i].bell = end.bell;
    bodies_in_[i] = end.bodies_in;
    if (!layout_.has_arenas()) continue;
    if (bodies_out_[i]) {
      bodies_out_[i].switch_consumer(lanes_[i].mail_out.cursor(), end.returns);
    } else {
      bodies_out_[i] = mail_.body_producer(i, end.returns);
    }
  }
}

void TestHost::spawn(const std::function<int()>& peer) {
  auto pair = control_pair();
  ASSERT_TRUE(pair.has_value());
  auto& [host_end, peer_end] = *pair;
  std::fflush(nullptr);
  pid_ = fork();
  ASSERT_GE(pid_, 0);
  if (pid_ == 0) {
    // With a copy of the host's end it would never see that the host is gone.
    host_end = Descriptor();
    stream_.reset();
    start_watchdog();
    fcntl(peer_end.get(), F_SETFD, 0);  // a peer may be a program of its own
    setenv(inherited_descriptors_variable, std::to_string(peer_end.release()).c_str(), 1);
    const int result = peer();
    std::fflush(nullptr);
    _exit(result);
  }
  peer_end = Descriptor();
  take(std::move(host_end));
}

void TestHost::take(Descriptor socket) { stream_.emplace(std::move(socket), ControlStream::Descriptors::refused); }

bool TestHost::receive_hello() {
  auto hello = next<Hello>();
  if (!hello) return false;
  hello_ = *hello;
  return true;
}

Welcome TestHost::make_welcome() {
  // This host never sleeps, so it owes no barrier.
  const auto chosen = negotiate(hello_, {.features = features_everywhere | asymmetric_barrier | more_features});
  const bool on_pipe = chosen && (chosen->features & pipe_doorbell) != 0;
  EXPECT_TRUE(!on_pipe || incarnation_->open_doorbell());
  Welcome welcome{.features = chosen ? chosen->features : 0,
                  .incarnation = incarnations_,
                  .lanes = layout_.lanes,
                  .mail_to_peer_bytes = layout_.mail_to_peer_bytes,
                  .mail_to_host_bytes = layout_.mail_to_host_bytes,
                  .control_bytes = layout_.control_bytes,
                  .name = name,
                  .schema = schema,
                  .host_pid = static_cast<std::uint32_t>(getpid())};
  descriptors.clear();
  welcome.segments = incarnation_->segments(mail_, bells_.segment(), descriptors, (welcome.features & large) != 0);
  return welcome;
}

void TestHost::send_welcome(const Welcome& welcome) {
  EXPECT_TRUE(stream_->send(Welcome::kind, encode(welcome), descriptors));
}

void TestHost::introduce(const Introduce& introduce, std::span<const int> with) {
  EXPECT_TRUE(stream_->send(Introduce::kind, encode(introduce), with));
  wake(incarnation_->bell()->bell[0]);
}

void TestHost::tell(const Presence& presence) {
  EXPECT_TRUE(stream_->send(Presence::kind, encode(presence)));
  wake(incarnation_->bell()->bell[0]);
}

void TestHost::send_refusal(const Refused& refused) { EXPECT_TRUE(stream_->send(Refused::kind, encode(refused))); }

bool TestHost::receive_ready() { return next<Ready>() && incarnation_->seal_peer(); }

bool TestHost::shake_hands() {
  if (!receive_hello()) return false;
  send_welcome(make_welcome());
  return receive_ready();
}

bool TestHost::respawn(const std::function<int()>& peer, std::uint32_t attempt) {
  auto next = must(Incarnation::create(layout_, Trust::trusted, incarnation_->bell()));
  for (std::uint32_t i = 0; i < layout_.lanes; ++i) {
    RingProducer& mail_out = lanes_[i].mail_out;
    const auto left = mail_out.unfinished(acknowledged_[i].position());
    if (!next.resume_at(
            i, {.cursor = left.cursor, .tail = mail_out.tail(), .sequence = left.sequence, .attempt = attempt})) {
      return false;
    }
    mail_out.switch_consumer(next.host_end(i).mail_consumer);
  }
  incarnation_ = std::move(next);
  open_lanes();
  spawn(peer);
  return shake_hands();
}

namespace {

void put(Lane& lane, RingProducer& ring, std::string_view text, const FrameHead& head) {
  std::byte* room = nullptr;
  const bool found = until([&] { return (room = ring.try_loan(static_cast<std::uint32_t>(text.size()))) != nullptr; });
  ASSERT_TRUE(found) << "no room to the peer: " << to_string(ring.fault());
  std::memcpy(room, text.data(), text.size());
  ring.commit(head);
  lane.publish();
}

}  // namespace

void TestHost::send(std::string_view text, FrameHead head, std::uint32_t lane) {
  put(lanes_[lane], lanes_[lane].mail_out, text, head);
}

std::byte* TestHost::loan_block(std::uint64_t length) {
  std::byte* block = nullptr;
  EXPECT_TRUE(until([&] { return (block = bodies_out_[0].try_loan(length, lanes_[0].mail_out)) != nullptr; }))
      << "no room for a body: " << to_string(bodies_out_[0].fault());
  return block;
}

void TestHost::send_large(std::string_view text, std::uint64_t length, std::byte fill, FrameHead head) {
  std::byte* const block = loan_block(length);
  ASSERT_NE(block, nullptr);
  std::memset(block, std::to_integer<int>(fill), length);
  send_block(block, text, head);
}

void TestHost::send_block(const std::byte* block, std::string_view text, FrameHead head) {
  Lane& lane = lanes_[0];
  const BodyPlace place = bodies_out_[0].place_of(block);
  const auto length = static_cast<std::uint32_t>(sizeof place + text.size());
  std::byte* room = nullptr;
  ASSERT_TRUE(until([&] { return (room = lane.mail_out.try_loan(length)) != nullptr; }));
  std::memcpy(room, &place, sizeof place);
  std::memcpy(room + sizeof place, text.data(), text.size());
  head.kind = FrameKind::large;
  lane.mail_out.commit(head);
  bodies_out_[0].committed(block, lane.mail_out);
  lane.publish();
}

void TestHost::send_control(std::string_view text, FrameHead head, std::uint32_t lane) {
  put(lanes_[lane], lanes_[lane].control_out, text, head);
}

void TestHost::stop() {
  for (std::uint32_t i = 0; i < layout_.lanes; ++i) {
    const std::uint64_t tail = lanes_[i].mail_out.tail();
    send_control({reinterpret_cast<const char*>(&tail), sizeof tail}, {.kind = FrameKind::stop}, i);
  }
}

std::vector<Mail> TestHost::drain() {
  std::vector<Mail> all;
  for (Lane& lane : lanes_) {
    for (RingConsumer* ring : {&lane.control_in, &lane.mail_in}) {
      while (const auto frame = ring->peek()) {
        if (frame->head.kind == FrameKind::signal && frame->head.type == signal_acknowledge) {
          std::uint64_t position = 0;
          EXPECT_EQ(frame->length, sizeof position);
          std::memcpy(&position, frame->payload, sizeof position);
          const auto fault =
              acknowledged_[static_cast<std::size_t>(&lane - lanes_.data())].take(position, lane.mail_out);
          EXPECT_EQ(fault, RingFault::none) << to_string(fault);
          ring->advance();
          continue;
        }
        Mail mail{frame->head, {reinterpret_cast<const char*>(frame->payload), frame->length}};
        if (frame->head.kind == FrameKind::large) {
          auto body =
              bodies_in_[static_cast<std::size_t>(&lane - lanes_.data())]->take({frame->payload, frame->length});
          EXPECT_TRUE(body.has_value());
          if (body) mail.body = *body;
          mail.text.erase(0, sizeof(BodyPlace));
        }
        all.push_back(std::move(mail));
        ring->advance();
      }
    }
    lane.store_cursors();
  }
  return all;
}

std::vector<Mail> TestHost::drain_until(std::size_t count) {
  std::vector<Mail> all;
  until([&] {
    for (Mail& mail : drain()) all.push_back(std::move(mail));
    return all.size() >= count;
  });
  return all;
}

std::optional<ControlFrame> TestHost::next_frame() {
  auto frame = stream_->receive_until(soon_ns());
  return frame ? std::move(*frame) : std::nullopt;
}

void TestHost::answer(const Resolved& resolved) { EXPECT_TRUE(stream_->send(Resolved::kind, encode(resolved))); }

void TestHost::await_parked() {
  constexpr std::size_t peer_bells = 4;  // of the welcome's segments
  void* mapped = mmap(nullptr, sizeof(Bell), PROT_READ, MAP_SHARED, descriptors.at(peer_bells), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const Bell& bell = *static_cast<const Bell*>(mapped);
  EXPECT_TRUE(until([&] { return ParkWord::state(bell.park.load()) == ParkState::parked; }));
  munmap(mapped, sizeof(Bell));
}

void TestHost::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);  // -1 would be everybody
}

int TestHost::join() {
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return -1;
  pid_ = -1;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ringmail::transport::test

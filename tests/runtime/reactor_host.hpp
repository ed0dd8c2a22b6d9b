// A reactor with its log and a stand-in for the schedulers, for tests that run real processes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ringmail/runtime/reactor.hpp"

namespace ringmail::runtime {

inline constexpr auto watchdog = std::chrono::seconds(20);

/// What happened, in order, as lines. Any thread.
class Diary {
 public:
  void write(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }

  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  std::size_t count(const std::string& part) const {
    const std::lock_guard lock(mutex_);
    return count_locked(part);
  }

  /// Fails the test when so many lines that hold `part` do not come in time.
  void await(const std::string& part, std::size_t times = 1) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, watchdog, [&] { return count_locked(part) >= times; })) return;
    std::string all;
    for (const std::string& line : lines_) all += line + "\n";
    ADD_FAILURE() << "waited in vain for '" << part << "' (" << times << "), and saw\n" << all;
  }

 private:
  std::size_t count_locked(const std::string& part) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(lines_, [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class DiarySink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DiarySink(Diary& diary) : diary_(diary) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto level = spdlog::level::to_string_view(message.level);
    diary_.write(std::string(level.data(), level.size()) + ": " +
                 std::string(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

  Diary& diary_;
};

/// One scheduler without a thread: does everything on the reactor's, and is done in a later turn.
class FakeOwner : public LinkOwner {
 public:
  static constexpr std::uint64_t known_mailbox = 7;

  void use(Reactor& reactor) { reactor_ = &reactor; }
  Diary& diary() { return diary_; }
  /// Known once the diary says "up".
  transport::Ordering agreed() const { return agreed_; }

  /// On the reactor's thread.
  void send(std::uint32_t link, std::uint32_t type) {
    Lane& lane = lanes_.at(link);
    ASSERT_NE(lane.mail.try_loan(0), nullptr);
    lane.mail.commit({.type = type});
    lane.mail.publish();
    lane.end.bell.ring();
  }

  void open(std::uint32_t link,
            transport::LinkMail& mail,
            transport::Incarnation& first,
            std::function<void()> done) override {
    Lane lane{.end = first.host_end(0), .mail = {}};
    lane.mail = transport::RingProducer(mail.producer(0, lane.end.mail_consumer));
    lanes_.emplace(link, lane);
    diary_.write("open");
    reactor_->post(std::move(done));
  }

  void replace(std::uint32_t link,
               transport::Incarnation& next,
               const Redelivery& redelivery,
               std::function<void(LinkAccount)> done) override {
    Lane& lane = lanes_.at(link);
    LinkAccount account = account_of(lane);
    const auto unfinished = lane.mail.unfinished();
    EXPECT_TRUE(next.resume_at(0, {.cursor = unfinished.cursor,
                                   .tail = redelivery.handed_over ? unfinished.cursor : lane.mail.tail(),
                                   .sequence = unfinished.sequence}));
    lane.end = next.host_end(0);
    lane.mail.switch_consumer(lane.end.mail_consumer);
    diary_.write("replace");
    reactor_->post([account, done = std::move(done)] { done(account); });
  }

  void close(std::uint32_t link, std::function<void(LinkAccount)> done) override {
    LinkAccount account = account_of(lanes_.at(link));
    lanes_.erase(link);
    diary_.write("close");
    reactor_->post([account, done = std::move(done)] { done(account); });
  }

  void down(std::uint32_t, const ExitReason& reason) override { diary_.write("down: " + to_string(reason)); }
  void look(std::uint32_t, std::function<void(LinkSight)> done) override { done({}); }
  void dead_letter(std::uint32_t, const MessageInHand&, const ExitReason&) override {}
  std::string describe(std::string_view, const MessageInHand&) override { return {}; }
  /// This host never sleeps, so it owes no barrier.
  transport::Ordering ordering() const override { return transport::Ordering::asymmetric; }
  void up(std::uint32_t, std::uint64_t incarnation, transport::Ordering ordering, bool) override {
    agreed_ = ordering;
    diary_.write("up " + std::to_string(incarnation));
  }

  void handed_over(std::uint32_t) override { diary_.write("handed over"); }

  void stop(std::uint32_t link, StopAt where) override {
    Lane& lane = lanes_.at(link);
    const std::uint64_t position = where == StopAt::message ? lane.mail.cursor() : lane.mail.tail();
    std::byte* room = lane.end.control_out.try_loan(sizeof position);
    ASSERT_NE(room, nullptr);
    std::memcpy(room, &position, sizeof position);
    lane.end.control_out.commit({.kind = transport::FrameKind::stop});
    lane.end.control_out.publish();
    lane.end.bell.ring();
    diary_.write(where == StopAt::message ? "yield" : "stop");
  }

  void resolve(std::uint32_t, std::string_view name, std::function<void(ActorId)> done) override {
    reactor_->post([found = name == "known", done = std::move(done)] { done(ActorId(found ? known_mailbox : 0)); });
  }

  std::string compare_schemas(std::string_view ours, std::string_view theirs) override {
    return ours == theirs ? "" : "message Tick: field price is f64 here and u64 there";
  }

  transport::Bells& bells() override { return bells_; }
  transport::ParkMirrors& mirrors() override { return mirrors_; }
  std::uint32_t schedulers() const override { return 1; }

 private:
  struct Lane {
    transport::Incarnation::HostEnd end;
    transport::RingProducer mail;
  };

  static LinkAccount account_of(Lane& lane) {
    const auto unfinished = lane.mail.unfinished();
    return {.published = lane.mail.published_messages(),
            .unfinished = unfinished.messages,
            .received = 0,
            .fault = lane.mail.fault() == transport::RingFault::none ? "" : std::string(to_string(lane.mail.fault()))};
  }

  Reactor* reactor_ = nullptr;
  Diary diary_;
  std::atomic<transport::Ordering> agreed_{transport::Ordering::sequential};
  transport::Bells bells_ = *transport::Bells::create("test", 1);
  transport::ParkMirrors mirrors_ = *transport::ParkMirrors::create(1);
  std::map<std::uint32_t, Lane> lanes_;
};

struct Ending {
  ExitReason reason;
  LinkAccount account;
};

/// A host as `main` would make it.
class ReactorHost {
 public:
  explicit ReactorHost(const std::string& listen = {}, const std::string& peer_cgroup = {}) {
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<DiarySink>(log_));
    auto reactor = Reactor::start({.log = logger, .listen = listen, .peer_cgroup = peer_cgroup}, owner_);
    EXPECT_TRUE(reactor) << reactor.error();
    reactor_ = std::move(*reactor);
    owner_.use(*reactor_);
  }
  ~ReactorHost() {
    if (reactor_) reactor_->stop();
  }

  Reactor& reactor() { return *reactor_; }
  FakeOwner& owner() { return owner_; }
  Diary& log() { return log_; }
  Diary& told() { return owner_.diary(); }  ///< what the schedulers were told

  /// Starts link 1, 2, ... and gives its number.
  std::uint32_t spawn(const PeerOptions& options) {
    const std::uint32_t link = ++last_link_;
    const auto spawned = reactor_->spawn_peer(link, options, [this, link](ExitReason reason, LinkAccount account) {
      const std::lock_guard lock(mutex_);
      endings_.emplace(link, Ending{std::move(reason), std::move(account)});
      ended_.notify_all();
    });
    EXPECT_TRUE(spawned) << spawned.error();
    return link;
  }

  void send(std::uint32_t link, std::uint32_t type) {
    reactor_->post([this, link, type] { owner_.send(link, type); });
  }

  /// To its process. Without one it fails the test: the number 0 would reach the test's own group.
  void signal(std::uint32_t link, int number) {
    const int pid = reactor_->peer_pid(link);
    ASSERT_GT(pid, 1);
    ::kill(pid, number);
  }

  Ending await_end(std::uint32_t link) {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, watchdog, [&] { return endings_.contains(link); })) {
      ADD_FAILURE() << "link " << link << " did not end";
      for (const std::string& line : log_.lines()) std::cerr << line << "\n";
      return {};
    }
    return endings_.at(link);
  }

 private:
  Diary log_;
  FakeOwner owner_;
  std::unique_ptr<Reactor> reactor_;
  std::uint32_t last_link_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::uint32_t, Ending> endings_;
};

/// A peer called "peer" that runs the test program with these arguments.
inline PeerOptions test_peer(std::vector<std::string> arguments) {
  PeerOptions options{.name = "peer", .command = {RINGMAIL_TEST_PEER}};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.mail_bytes = 1 << 16;
  options.control_bytes = 1 << 12;
  return options;
}

/// One that prints what this script does, and ends.
inline PeerOptions shell_peer(const std::string& script) {
  PeerOptions options = test_peer({});
  options.command = {"/bin/sh", "-c", script};
  return options;
}

}  // namespace ringmail::runtime

// The conformance peer of each language that attaches by a path, started by somebody else than its system, which listens there.
#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "conformance.mail.hpp"
#include "languages.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using conformance::Get, conformance::Tick;
using transport::test::until;

class Sink : public Actor {
 public:
  using Protocol = conformance::Host;
  explicit Sink(std::atomic<std::uint64_t>& heard) : heard_(heard) {}
  void on(const Tick&) { ++heard_; }
  void on(const conformance::Ping&) {}
  void on(const conformance::Bulk&) {}
  void on(const conformance::Ended&) {}
  void on(const conformance::Outcome&) {}

 private:
  std::atomic<std::uint64_t>& heard_;
};

class Attached : public testing::TestWithParam<Language> {
 protected:
  void SetUp() override {
    transport::test::start_watchdog();
    std::string folder = testing::TempDir() + "ringmail.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    auto created = System::create(
        {.schedulers = 2, .listen = folder + "/at", .log = std::make_shared<spdlog::logger>("host", log_)});
    ASSERT_TRUE(created);
    system.emplace(std::move(*created));
    system->publish("sink", system->spawn<Sink>(heard));
  }
  void TearDown() override {
    system->shutdown();
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    join();
    std::filesystem::remove_all(folder_);
    if (!HasFailure()) return;
    for (const std::string& line : log_->last_formatted()) std::fputs(line.c_str(), stderr);
  }

  /// Again as long as the system is not ready for it, and so refuses it.
  void start(std::uint32_t link) {
    do {
      join();
      pid_ = start_by_hand(GetParam(), "CONFORMANCE_PATH", folder_ + "/at");
      ASSERT_TRUE(until([&] { return has_attached(link) || has_ended(); }));
    } while (!has_attached(link));
  }
  void kill() { ::kill(pid_, SIGKILL); }
  int join() {
    int status = 0;
    if (pid_ > 0) waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  std::optional<System> system;
  std::atomic<std::uint64_t> heard{0};

 private:
  bool has_attached(std::uint32_t link) { return system->runtime().peer_pid(link) == pid_; }
  bool has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> log_ = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  std::string folder_;
  pid_t pid_ = -1;
};

INSTANTIATE_TEST_SUITE_P(Of, Attached, testing::ValuesIn(languages()), [](const auto& info) {
  return info.param.name;
});

TEST_P(Attached, is_sent_to_is_asked_and_comes_back_after_its_death) {
  constexpr std::uint64_t count = 100;
  PeerOptions options{.name = "conformance"};
  options.control_by_pipes = GetParam().by_pipes;
  options.restart = {.when = RestartPolicy::When::permanent, .first_delay = 0ns, .longest_delay = 0ns};
  const auto peer = system->spawn_peer<conformance::Player>(options);
  ASSERT_TRUE(peer) << peer.error();
  start(peer->address().link);
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(peer->send(Tick{.number = i}));
  const auto sum = ask(*peer, Get{}, 60s);
  ASSERT_TRUE(sum) << to_string(sum.error());
  EXPECT_EQ(sum->count, count);
  ASSERT_TRUE(until([&] { return heard == count; })) << heard;

  kill();
  EXPECT_EQ(join(), -SIGKILL);
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_TRUE(peer->send(Tick{.number = i}));
  start(peer->address().link);
  // More, where the first life was killed before it had finished with what it had echoed.
  ASSERT_TRUE(until([&] { return heard >= 2 * count; })) << heard;
  EXPECT_EQ(to_string(system->stop_and_wait(*peer).reason), to_string(ExitReason{}));
  EXPECT_EQ(join(), 0);
}

}  // namespace
}  // namespace ringmail::test

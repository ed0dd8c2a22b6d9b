// What peers start, and nobody is to find when the peer or its host has ended.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "../transport/deadline.hpp"
#include "control_group.hpp"
#include "peer_cgroups.hpp"
#include "peer_os.hpp"
#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;
using transport::test::until;

/// Prints its own number and that of a child, and is no peer.
constexpr const char* parent = "sleep 1000 & echo here $! ; wait";
/// The same of a child in a session of its own, that holds nothing of the peer's.
constexpr const char* parent_of_a_daemon = "setsid sh -c 'echo here $$; exec sleep 1000 >/dev/null 2>&1' & sleep 1000";

pid_t pid_in(const std::string& line) { return static_cast<pid_t>(std::stol(line.substr(line.rfind(' ') + 1))); }

/// Of the child whose number is in the log.
pid_t child_of(ReactorHost& host, std::size_t times = 1) {
  host.log().await("[peer] here ", times);
  pid_t pid = 0;
  for (const std::string& line : host.log().lines()) {
    if (line.find("[peer] here ") != std::string::npos) pid = pid_in(line);
  }
  return pid;
}

bool is_dead(const Descriptor& watch) {
  pollfd entry{.fd = watch.get(), .events = POLLIN, .revents = 0};
  return poll(&entry, 1, 20'000) == 1;
}

std::size_t groups_of(const std::string& base, pid_t host) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(base, error)) {
    count += entry.path().filename().string().starts_with("ringmail." + std::to_string(host) + ".") ? 1 : 0;
  }
  return count;
}

/// The guard of this process's only host: the one child that is no peer.
pid_t guard() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string command(std::istreambuf_iterator<char>(file), {});
    const std::string wanted =
        std::string("ringmail-exec\0", 14) + std::to_string(getpid()) + std::string("\0--guard\0", 9);
    if (command.starts_with(wanted)) return static_cast<pid_t>(std::stol(entry.path().filename().string()));
  }
  return 0;
}

TEST(LeftBehind, is_no_child_of_a_peer_that_was_killed) {
  ReactorHost host;
  const auto link = host.spawn(shell_peer(parent));
  const Descriptor child = transport::open_death_watch(child_of(host));
  host.signal(link, SIGKILL);
  host.await_end(link);
  EXPECT_TRUE(is_dead(child));
}

TEST(LeftBehind, is_no_child_of_a_peer_that_went_by_itself) {
  ReactorHost host;
  const auto link = host.spawn(shell_peer("sleep 1000 & echo here $!"));
  const Descriptor child = transport::open_death_watch(child_of(host));
  host.await_end(link);
  EXPECT_TRUE(is_dead(child));
}

/// A host in a child of this test, whose peers start children; it writes their numbers and waits to be killed.
class KilledHost {
 public:
  explicit KilledHost(const std::function<std::vector<pid_t>()>& run) {
    // What is left of it becomes a child of this process: when that has none any more, nothing is left.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto pipe = make_pipe();
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const std::vector<pid_t> pids = run();
      for (const pid_t pid : pids) {
        if (write(pipe->second.get(), &pid, sizeof pid) != sizeof pid) _exit(1);
      }
      pipe->second = {};
      while (true) pause();
    }
    pipe->second = {};
    for (pid_t pid = 0; read(pipe->first.get(), &pid, sizeof pid) == sizeof pid;) pids_.push_back(pid);
  }

  const std::vector<pid_t>& pids() const { return pids_; }
  pid_t pid() const { return pid_; }

  /// Whether nothing is left of it.
  bool kill_all() const {
    ::kill(pid_, SIGKILL);
    return until([] {
      while (true) {
        const pid_t ended = waitpid(-1, nullptr, WNOHANG);
        if (ended <= 0) return ended < 0;
      }
    });
  }

 private:
  pid_t pid_ = 0;
  std::vector<pid_t> pids_;
};

/// Never destroyed: it is killed.
ReactorHost& lasting_host(const std::string& cgroup = {}) { return *new ReactorHost({}, cgroup); }

TEST(LeftBehind, is_nothing_of_a_host_that_was_killed) {
  const KilledHost killed([] {
    ReactorHost& host = lasting_host();
    PeerOptions other = shell_peer("trap '' TERM HUP INT; " + std::string(parent));
    other.name = "other";
    host.spawn(shell_peer(parent));
    host.spawn(other);
    host.log().await("here", 2);
    return std::vector<pid_t>{child_of(host)};
  });
  ASSERT_EQ(killed.pids().size(), 1U);
  EXPECT_TRUE(killed.kill_all());
}

TEST(LeftBehind, is_nothing_of_another_user_when_the_host_was_killed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may become another user";
  const KilledHost killed([] {
    ReactorHost& host = lasting_host();
    PeerOptions options = shell_peer(parent);
    options.user = "nobody";
    options.working_directory = "/";
    host.spawn(options);
    return std::vector<pid_t>{child_of(host)};
  });
  ASSERT_EQ(killed.pids().size(), 1U);
  EXPECT_TRUE(killed.kill_all());
}

TEST(LeftBehind, is_nothing_although_the_guard_was_killed_before_another_peer_was_started) {
  const KilledHost killed([] {
    ReactorHost& host = lasting_host();
    host.spawn(shell_peer(parent));
    child_of(host);
    const pid_t first = guard();
    EXPECT_GT(first, 1);
    const Descriptor watch = transport::open_death_watch(first);
    ::kill(first, SIGKILL);
    EXPECT_TRUE(is_dead(watch));
    PeerOptions other = shell_peer(parent);
    other.name = "other";
    host.spawn(other);
    host.log().await("[other] here");
    // That it was told of both is seen when the host is killed.
    EXPECT_NE(guard(), first);
    return std::vector<pid_t>{child_of(host)};
  });
  ASSERT_EQ(killed.pids().size(), 1U);
  EXPECT_TRUE(killed.kill_all());
}

TEST(LeftBehind, is_no_peer_of_a_host_that_was_killed_with_its_guard) {
  const KilledHost killed([] {
    ReactorHost& host = lasting_host();
    PeerOptions options = shell_peer("echo here $$; exec sleep 1000");
    // What ties it to its host is forgotten by the kernel when the user changes, and has to be tied again.
    if (geteuid() == 0) options.user = "nobody";
    options.working_directory = "/";
    host.spawn(options);
    const pid_t peer = child_of(host);
    const pid_t behind = guard();
    EXPECT_GT(behind, 1);
    const Descriptor watch = transport::open_death_watch(behind);
    ::kill(behind, SIGKILL);
    EXPECT_TRUE(is_dead(watch));
    return std::vector<pid_t>{peer};
  });
  ASSERT_EQ(killed.pids().size(), 1U);
  EXPECT_TRUE(killed.kill_all());
}

TEST(LeftBehind, is_no_guard_of_a_host_that_ended_in_order) {
  {
    ReactorHost host;
    const auto link = host.spawn(test_peer({"serve"}));
    host.told().await("up 1");
    EXPECT_GT(guard(), 1);
    host.reactor().stop_peer(link);
    host.await_end(link);
  }
  EXPECT_EQ(guard(), 0);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "there is a child, perhaps a zombie";
}

TEST(LeftBehind, is_told_of_once_where_no_control_group_is_to_be_had) {
  ReactorHost host;
  if (PeerCgroups({}).prepare()) GTEST_SKIP() << "one has been delegated to this process";
  host.await_end(host.spawn(shell_peer("true")));
  host.await_end(host.spawn(shell_peer("true")));
  EXPECT_EQ(host.log().count("no control group (v2) was delegated to this process"), 1U);

  PeerOptions options = test_peer({"serve"});
  options.cgroup.memory_max = 1 << 30;
  EXPECT_EQ(to_string(host.await_end(host.spawn(options)).reason),
            "not started: cgroup: no control group (v2) was delegated to this process, and SystemOptions::peer_cgroup "
            "names none");
}

TEST(LeftBehind, is_told_of_where_what_is_named_is_no_control_group) {
  ReactorHost host({}, testing::TempDir());
  PeerOptions options = test_peer({"serve"});
  options.cgroup.tasks_max = 10;
  EXPECT_THAT(host.await_end(host.spawn(options)).reason.text, testing::EndsWith("is no control group (v2)"));
}

class LeftBehindInCgroups : public testing::Test {
 protected:
  void SetUp() override {
    base_ = usable_cgroup();
    if (base_.empty()) GTEST_SKIP() << "this process may make no control group (v2)";
  }
  std::string base_;
};

TEST_F(LeftBehindInCgroups, is_no_daemon_of_a_peer_that_was_killed) {
  {
    ReactorHost host({}, base_);
    const auto link = host.spawn(shell_peer(parent_of_a_daemon));
    const Descriptor daemon = transport::open_death_watch(child_of(host));
    EXPECT_EQ(groups_of(base_, getpid()), 1U);
    host.signal(link, SIGKILL);
    host.await_end(link);
    EXPECT_TRUE(is_dead(daemon));
  }
  EXPECT_EQ(groups_of(base_, getpid()), 0U);
}

TEST_F(LeftBehindInCgroups, is_no_daemon_and_no_group_of_a_host_that_was_killed) {
  const KilledHost killed([this] {
    ReactorHost& host = lasting_host(base_);
    host.spawn(shell_peer(parent_of_a_daemon));
    return std::vector<pid_t>{child_of(host)};
  });
  ASSERT_EQ(killed.pids().size(), 1U);
  EXPECT_EQ(groups_of(base_, killed.pid()), 1U);
  EXPECT_TRUE(killed.kill_all());
  EXPECT_EQ(groups_of(base_, killed.pid()), 0U);
}

TEST_F(LeftBehindInCgroups, is_no_limit_that_was_asked_for_and_not_set) {
  ReactorHost host({}, base_);
  PeerOptions options = shell_peer("cat $(sed -n \"s|^0::|" + base_ + "|p\" /proc/self/cgroup)/pids.max");
  options.cgroup.tasks_max = 77;
  const Ending ending = host.await_end(host.spawn(options));
  if (ending.reason.kind == ExitReason::Kind::not_started) {
    EXPECT_THAT(ending.reason.text, testing::StartsWith("cannot set cgroup.tasks_max to 77: "));
  } else {
    EXPECT_EQ(host.log().count("[peer] 77"), 1U);
  }
}

}  // namespace
}  // namespace ringmail::runtime

// A process that does not run because somebody stopped it is suspect, not dead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "control_group.hpp"
#include "peer_os.hpp"
#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

PeerOptions stopped_at_start(std::chrono::milliseconds deadline) {
  PeerOptions options = shell_peer("kill -STOP $$; exec " RINGMAIL_TEST_PEER " serve");
  options.deadlines.start = deadline;
  options.deadlines.drain = options.deadlines.terminate = std::chrono::milliseconds(50);
  return options;
}

constexpr const char* begins_anew = " is stopped by a signal, and is waited for: the time for its hello begins anew";

TEST(SuspendedPeer, is_not_killed_however_often_the_deadline_of_its_start_passes) {
  ReactorHost host;
  const auto link = host.spawn(stopped_at_start(std::chrono::milliseconds(250)));
  host.log().await(begins_anew, 3);
  EXPECT_EQ(host.log().count("-> killing"), 0U);
  // To be stopped by its host is another matter.
  host.reactor().stop_peer(link);
  EXPECT_EQ(host.await_end(link).reason.signal, SIGKILL);
}

TEST(SuspendedPeer, goes_on_where_it_was) {
  ReactorHost host;
  const auto link = host.spawn(stopped_at_start(std::chrono::seconds(3)));
  host.log().await(begins_anew);
  host.signal(link, SIGCONT);
  host.told().await("up 1");
}

TEST(SuspendedPeer, may_be_in_the_middle_of_its_handshake) {
  ReactorHost host;
  PeerOptions options = shell_peer("printf '\\100\\0\\0\\0\\1\\0\\0\\0RM' >&3; kill -STOP $$");
  options.deadlines.handshake = std::chrono::milliseconds(250);
  options.deadlines.drain = options.deadlines.terminate = std::chrono::milliseconds(50);
  const auto link = host.spawn(options);
  host.log().await(" is stopped by a signal, and is waited for: the time for its handshake begins anew", 3);
  EXPECT_EQ(host.log().count("handshaking -> "), 0U);
  host.reactor().stop_peer(link);
  host.await_end(link);
}

#ifdef __linux__
/// The group of a peer, by which all of it is stopped at once.
class FrozenPeer : public testing::Test {
 protected:
  void SetUp() override {
    base_ = usable_cgroup();
    if (base_.empty()) GTEST_SKIP() << "this process may make no control group (v2)";
  }
  /// Of the process of that number, as the kernel says.
  void freeze(int pid, bool frozen) const {
    std::ifstream groups("/proc/" + std::to_string(pid) + "/cgroup");
    std::string own;
    for (std::string line; std::getline(groups, line);) {
      if (line.starts_with("0::")) own = line.substr(line.find("/ringmail."));
    }
    ASSERT_NE(own, "");
    std::ofstream(base_ + own + "/cgroup.freeze") << (frozen ? '1' : '0') << std::flush;
  }

  std::string base_;
};

/// The same by a group of the older kind.
class OldFreezer {
 public:
  OldFreezer() : made_(::mkdir(path_.c_str(), 0755) == 0) {}
  ~OldFreezer() {
    if (made_) ::rmdir(path_.c_str());
  }
  bool is_usable() const { return made_; }
  void take(int pid) const { write("cgroup.procs", std::to_string(pid)); }
  void freeze(bool frozen) const { write("freezer.state", frozen ? "FROZEN" : "THAWED"); }

 private:
  void write(const char* file, const std::string& text) const {
    std::ofstream(path_ + "/" + file) << text << std::flush;
  }

  const std::string path_ = freezer_mount() + "/ringmail-test." + std::to_string(::getpid());
  const bool made_;
};

/// A peer that begins its handshake late, and is frozen until then.
void expect_to_be_waited_for(const std::string& base, const std::function<void(int pid, bool frozen)>& freeze) {
  ReactorHost host({}, base);
  const std::string gate = testing::TempDir() + "ringmail_thawed_" + std::to_string(::getpid());
  PeerOptions options =
      shell_peer("echo begun; while [ ! -e " + gate + " ]; do sleep 0.01; done; exec " RINGMAIL_TEST_PEER " serve");
  options.deadlines.start = std::chrono::seconds(2);
  const auto link = host.spawn(options);
  host.log().await("[peer] begun");
  freeze(host.reactor().peer_pid(link), true);
  host.log().await(" is frozen with its cgroup, and is waited for: the time for its hello begins anew");
  std::ofstream(gate).put('x');
  freeze(host.reactor().peer_pid(link), false);
  host.told().await("up 1");
  std::filesystem::remove(gate);
}

TEST_F(FrozenPeer, is_waited_for_and_goes_on_when_it_is_thawed) {
  expect_to_be_waited_for(base_, [this](int pid, bool frozen) { freeze(pid, frozen); });
}

TEST(SuspendedPeer, may_be_in_a_freezer_of_the_older_kind) {
  const OldFreezer freezer;
  if (!freezer.is_usable()) GTEST_SKIP() << "this process may make no freezer (cgroup v1)";
  expect_to_be_waited_for({}, [&freezer](int pid, bool frozen) {
    if (frozen) freezer.take(pid);
    freezer.freeze(frozen);
  });
}

/// Where even SIGKILL waits until it is thawed.
TEST(DeadPeer, that_the_kernel_does_not_give_up_is_told_of_again_and_again) {
  const OldFreezer freezer;
  if (!freezer.is_usable()) GTEST_SKIP() << "this process may make no freezer (cgroup v1)";
  ReactorHost host;
  PeerOptions options = test_peer({"serve"});
  options.deadlines.drain = options.deadlines.terminate = options.deadlines.reap = std::chrono::milliseconds(50);
  const auto link = host.spawn(options);
  host.told().await("up 1");
  freezer.take(host.reactor().peer_pid(link));
  freezer.freeze(true);
  host.reactor().stop_peer(link);
  host.log().await("was sent SIGKILL 50 ms ago and is not dead yet", 3);
  freezer.freeze(false);
  EXPECT_NE(host.await_end(link).reason.signal, 0);
}

class ProcTree : public testing::Test {
 protected:
  ProcTree() {
    std::string name = testing::TempDir() + "ringmail_proc_XXXXXX";
    root_ = ::mkdtemp(name.data());
    std::filesystem::create_directories(root_ + "/proc/7");
    std::filesystem::create_directories(root_ + "/cgroup/a/b");
    write("/proc/7/cgroup", "9:name=systemd:/\n0::/a/b\n");
    write("/cgroup/a/b/cgroup.events", "populated 1\nfrozen 0\n");
  }
  ~ProcTree() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) { std::ofstream(root_ + path) << text; }
  std::string suspension() { return suspension_of(7, root_ + "/proc", root_ + "/cgroup", root_ + "/freezer"); }

  std::string root_;
};

TEST_F(ProcTree, tells_what_stopped_a_process_whatever_its_name_is) {
  write("/proc/7/stat", "7 (a) T (b) S 1 7 7 0");
  EXPECT_EQ(suspension(), "");
  write("/proc/7/stat", "7 (a) T 1 7 7 0");
  EXPECT_EQ(suspension(), "stopped by a signal");
  write("/proc/7/stat", "7 (a) t 1 7 7 0");
  EXPECT_EQ(suspension(), "stopped by a debugger");
}

TEST_F(ProcTree, tells_a_frozen_cgroup) {
  write("/proc/7/stat", "7 (a) S 1 7 7 0");
  EXPECT_EQ(suspension(), "");
  write("/cgroup/a/b/cgroup.events", "populated 1\nfrozen 1\n");
  EXPECT_EQ(suspension(), "frozen with its cgroup");
}

TEST_F(ProcTree, tells_a_group_that_a_freezer_of_the_first_version_holds) {
  write("/proc/7/stat", "7 (a) D 1 7 7 0");
  write("/proc/7/cgroup", "9:name=systemd:/\n6:freezer:/a/b\n0::/\n");
  std::filesystem::create_directories(root_ + "/freezer/a/b");
  write("/freezer/a/b/freezer.state", "THAWED\n");
  EXPECT_EQ(suspension(), "");
  write("/freezer/a/b/freezer.state", "FROZEN\n");
  EXPECT_EQ(suspension(), "frozen with its cgroup");
}

TEST_F(ProcTree, knows_nothing_of_a_process_that_is_gone) {
  EXPECT_EQ(suspension_of(8, root_ + "/proc", root_ + "/cgroup", root_ + "/freezer"), "");
}
#endif

}  // namespace
}  // namespace ringmail::runtime

// A process that does not run because somebody stopped it is suspect, not dead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

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
  const auto link = host.spawn(stopped_at_start(std::chrono::milliseconds(50)));
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

#ifdef __linux__
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
  std::string suspension() { return suspension_of(7, root_ + "/proc", root_ + "/cgroup"); }

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

TEST_F(ProcTree, knows_nothing_of_a_process_that_is_gone) {
  EXPECT_EQ(suspension_of(8, root_ + "/proc", root_ + "/cgroup"), "");
}
#endif

}  // namespace
}  // namespace ringmail::runtime

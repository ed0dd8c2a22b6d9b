// What a peer inherits, and that none outlives its host.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "peer_os.hpp"
#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;

TEST(ExecHelper, lets_no_descriptor_of_the_host_into_the_peer) {
  // As somebody would open one who has never heard of close-on-exec; high ones too.
  const Descriptor careless(open("/dev/null", O_RDONLY));
  const Descriptor high(fcntl(careless.get(), F_DUPFD, 300));
  ASSERT_TRUE(careless && high);
  ReactorHost host;
  host.await_end(host.spawn(test_peer({"list-descriptors"})));
  EXPECT_EQ(host.log().count("descriptor "), 4U);
  for (const char* number : {"0", "1", "2", "3"}) {
    EXPECT_EQ(host.log().count("[peer] descriptor " + std::string(number)), 1U) << number;
  }
}

TEST(ExecHelper, gives_the_peer_signals_as_they_are_by_default_and_a_group_of_its_own) {
  sigset_t some;
  sigset_t before;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR1);
  sigaddset(&some, SIGRTMIN + 3);
  pthread_sigmask(SIG_BLOCK, &some, &before);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGRTMIN + 4, SIG_IGN);
  {
    ReactorHost host;
    host.await_end(host.spawn(test_peer({"say-inherited"})));
    EXPECT_EQ(host.log().count("signal "), 0U);
    EXPECT_EQ(host.log().count("[peer] leads its group"), 1U);
    EXPECT_EQ(host.log().count("[peer] RINGMAIL_FDS=3"), 1U);
  }
  signal(SIGPIPE, SIG_DFL);
  signal(SIGRTMIN + 4, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(ExecHelper, gives_the_peer_the_environment_of_the_host_with_changes) {
  setenv("RINGMAIL_TEST_KEPT", "kept", 1);
  setenv("RINGMAIL_TEST_CHANGED", "old", 1);
  ReactorHost host;
  PeerOptions options = shell_peer("echo \"$RINGMAIL_TEST_KEPT $RINGMAIL_TEST_CHANGED $RINGMAIL_TEST_NEW $PWD\"");
  options.environment = {{"RINGMAIL_TEST_CHANGED", "changed"}, {"RINGMAIL_TEST_NEW", "new"}};
  options.working_directory = "/";
  host.await_end(host.spawn(options));
  EXPECT_EQ(host.log().count("[peer] kept changed new /"), 1U);
}

TEST(ExecHelper, is_looked_up_by_the_path_that_the_peer_will_have) {
  ReactorHost host;
  PeerOptions options = test_peer({});
  options.command = {"sh", "-c", "exit 9"};
  EXPECT_EQ(host.await_end(host.spawn(options)).reason.code, 9);
  options.environment = {{"PATH", "/nowhere"}};
  EXPECT_EQ(host.await_end(host.spawn(options)).reason.kind, ExitReason::Kind::not_started);
}

/// Runs the helper itself, with no option but `--`; gives what waitpid() says.
int run_helper(ExecHelper& helper, const std::string& host, const std::string& program, const char* option = "--") {
  const pid_t child = fork();
  if (child == 0) {
    execl(helper.path().c_str(), "ringmail-exec", host.c_str(), option, program.c_str(), nullptr);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ExecHelper, does_not_run_the_program_when_its_host_is_gone) {
  ExecHelper helper;
  ASSERT_TRUE(helper.prepare());
  EXPECT_EQ(run_helper(helper, std::to_string(getpid()), "/bin/true"), 0);
  EXPECT_EQ(run_helper(helper, "1", "/bin/true"), 125);
}

TEST(ExecHelper, runs_no_program_without_an_option_that_it_does_not_know) {
  ExecHelper helper;
  ASSERT_TRUE(helper.prepare());
  EXPECT_EQ(run_helper(helper, std::to_string(getpid()), "--", "--colour=blue"), 125);
}

TEST(ExecHelper, tells_a_program_that_is_missing_from_one_that_cannot_be_run) {
  ExecHelper helper;
  ASSERT_TRUE(helper.prepare());
  EXPECT_EQ(run_helper(helper, std::to_string(getpid()), "/no/such/program"), 127);
  EXPECT_EQ(run_helper(helper, std::to_string(getpid()), "/etc/passwd"), 126);
}

#ifdef __linux__
TEST(ExecHelper, stands_at_a_number_that_no_stream_will_take) {
  ExecHelper helper;
  ASSERT_TRUE(helper.prepare());
  EXPECT_GE(std::atoi(helper.path().substr(helper.path().rfind('/') + 1).c_str()), 64);
}
#endif

/// What a host prints about its peers, until it is killed. Runs in a child of the test.
[[noreturn]] void be_a_host(int to_test) {
  ReactorHost host;
  auto one = shell_peer("while true; do sleep 1000; done");
  auto two = test_peer({"silent"});
  one.name = "one";
  two.name = "two";
  const auto first = host.spawn(one);
  const auto second = host.spawn(two);
  host.log().await("is incarnation", 2);
  const pid_t pids[] = {host.reactor().peer_pid(first), host.reactor().peer_pid(second)};
  if (write(to_test, pids, sizeof pids) != sizeof pids) _exit(1);
  while (true) pause();
}

TEST(ExecHelper, leaves_no_orphan_when_the_host_is_killed) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  const Descriptor from_host = std::move(pipe->first);
  const pid_t host = fork();
  ASSERT_GE(host, 0);
  if (host == 0) be_a_host(pipe->second.get());
  pipe->second = {};
  pid_t pids[2] = {};
  ASSERT_EQ(read(from_host.get(), pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  const Descriptor watches[] = {open_death_watch(pids[0]), open_death_watch(pids[1])};

  kill(host, SIGKILL);
  waitpid(host, nullptr, 0);
  for (const Descriptor& watch : watches) {
    pollfd entry{.fd = watch.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&entry, 1, 1000), 1) << "a peer is alive a second after its host's death";
  }
}

}  // namespace
}  // namespace ringmail::runtime

// What a peer is held to, each by the option that says so, and what is said where it cannot be had.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>

#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

using Kind = ExitReason::Kind;
using namespace std::chrono_literals;

/// What the shell prints with those options.
std::vector<std::string> printed_by(const std::string& script, const PeerOptions& options) {
  ReactorHost host;
  PeerOptions shell = options;
  shell.command = shell_peer(script).command;
  host.await_end(host.spawn(shell));
  std::vector<std::string> lines;
  constexpr std::string_view prefix = "info: [peer] ";
  for (const std::string& line : host.log().lines()) {
    if (line.starts_with(prefix)) lines.push_back(line.substr(prefix.size()));
  }
  return lines;
}

ExitReason end_of(const PeerOptions& options) {
  ReactorHost host;
  return host.await_end(host.spawn(options)).reason;
}

/// What spawn_peer() says against them.
std::string objection_to(const PeerOptions& options) {
  ReactorHost host;
  const auto spawned = host.reactor().spawn_peer(1, options, [](const ExitReason&, const LinkAccount&) {});
  return spawned ? "" : spawned.error();
}

bool is_root() { return geteuid() == 0; }

TEST(Containment, of_each_process_is_by_limits_that_no_process_raises_again) {
  PeerOptions options = test_peer({});
  options.limits = {.address_space = 1 << 30,
                    .core_file = 0,
                    .cpu_time = 7s,
                    .data = 1 << 28,
                    .file_size = 1 << 20,
                    .locked_memory = 1 << 16,
                    .open_files = 64,
                    .processes = 10'000,
                    .stack = 1 << 20};
  const auto lines = printed_by("cat /proc/self/limits | sed 's/  */ /g'", options);
  for (const char* line :
       {"Max address space 1073741824 1073741824 bytes ", "Max core file size 0 0 bytes ", "Max cpu time 7 7 seconds ",
        "Max data size 268435456 268435456 bytes ", "Max file size 1048576 1048576 bytes ",
        "Max locked memory 65536 65536 bytes ", "Max open files 64 64 files ", "Max processes 10000 10000 processes ",
        "Max stack size 1048576 1048576 bytes "}) {
    EXPECT_THAT(lines, testing::Contains(std::string(line)));
  }
}

TEST(Containment, leaves_what_is_not_set_as_it_is_for_the_host_but_for_new_privileges) {
  std::ifstream file("/proc/self/limits");
  const std::string ours(std::istreambuf_iterator<char>(file), {});
  std::string theirs;
  for (const std::string& line : printed_by("cat /proc/self/limits", test_peer({}))) theirs += line + "\n";
  EXPECT_EQ(theirs, ours);
  EXPECT_THAT(printed_by("grep NoNewPrivs /proc/self/status", test_peer({})), testing::ElementsAre("NoNewPrivs:\t1"));
  PeerOptions options = test_peer({});
  options.no_new_privileges = false;
  EXPECT_THAT(printed_by("grep NoNewPrivs /proc/self/status", options), testing::ElementsAre("NoNewPrivs:\t0"));
}

TEST(Containment, is_by_niceness_and_by_cpus) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  unsigned last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &set)) --last;
  PeerOptions options = test_peer({});
  options.nice = 7;
  options.cpus = {last};
  EXPECT_THAT(printed_by("nice; grep Cpus_allowed_list /proc/self/status", options),
              testing::ElementsAre("7", "Cpus_allowed_list:\t" + std::to_string(last)));
}

TEST(Containment, that_the_kernel_refuses_names_the_option_and_its_value) {
  PeerOptions options = test_peer({"serve"});
  options.cpus = {1023};
  EXPECT_EQ(to_string(end_of(options)), "not started: cannot set cpus to 1023: Invalid argument");
  options.cpus = {};
  options.limits.open_files = PeerLimits::unlimited;  // more than the kernel gives to anybody
  EXPECT_EQ(to_string(end_of(options)),
            "not started: cannot set limits.open_files to unlimited: Operation not permitted");
  options.limits = {};
  options.seccomp_filter = "/no/such/filter";
  EXPECT_EQ(to_string(end_of(options)),
            "not started: cannot set seccomp_filter to /no/such/filter: No such file or directory");
  options.seccomp_filter = "/etc/passwd";
  const std::ifstream text("/etc/passwd");
  EXPECT_THAT(to_string(end_of(options)), testing::StartsWith("not started: cannot "));
  EXPECT_THAT(to_string(end_of(options)), testing::HasSubstr("seccomp_filter"));
}

TEST(Containment, that_is_impossible_anywhere_is_refused_before_anything_runs) {
  PeerOptions options = test_peer({});
  options.nice = -21;
  EXPECT_EQ(objection_to(options), "peer 'peer': nice cannot be -21: it is from -20 to 19");
  options = test_peer({});
  options.cpus = {1024};
  EXPECT_EQ(objection_to(options), "peer 'peer': cpus: there is no CPU 1024");
  options = test_peer({});
  options.user = "ringmail-no-such-user";
  EXPECT_EQ(objection_to(options), "peer 'peer': user: there is no user 'ringmail-no-such-user'");
  options.user = "4242424";
  EXPECT_EQ(objection_to(options),
            "peer 'peer': user: 4242424 has no entry in the user database, so `group` must be named");
  options.user = "";
  options.group = "ringmail-no-such-group";
  EXPECT_EQ(objection_to(options), "peer 'peer': group: there is no group 'ringmail-no-such-group'");
  options = test_peer({});
  options.user = "root";
  options.control_by_pipes = true;
  EXPECT_THAT(objection_to(options), testing::HasSubstr("no other user may"));
  options.control_by_pipes = false;
  options.introduce = true;
  EXPECT_THAT(objection_to(options), testing::StartsWith("peer 'peer': introduce: "));
  options = test_peer({});
  options.cgroup.cpu_quota = 0;
  EXPECT_EQ(objection_to(options), "peer 'peer': cgroup.cpu_quota is in CPUs, from 0.01");
}

TEST(Containment, is_by_an_environment_of_its_own) {
  PeerOptions options = test_peer({});
  options.inherit_environment = false;
  options.environment = {{"GREETING", "hello"}};
  // What the shell adds to what it was given.
  EXPECT_THAT(printed_by("/usr/bin/env | grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD='", options),
              testing::UnorderedElementsAre("GREETING=hello", "RINGMAIL_FDS=3"));
}

TEST(Containment, is_by_a_user_who_has_nothing_of_the_hosts) {
  if (!is_root()) GTEST_SKIP() << "only root may become another user";
  PeerOptions options = test_peer({});
  options.user = "nobody";
  options.working_directory = "/";
  const auto lines = printed_by(
      "id -u; id -ru; id -G; echo $HOME $USER; grep -c '^Cap...:.*0000000000000000' /proc/self/status", options);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "65534");
  EXPECT_EQ(lines[1], "65534");
  EXPECT_EQ(lines[2], "65534");
  EXPECT_THAT(lines[3], testing::EndsWith(" nobody"));
  EXPECT_THAT(lines[4], testing::AnyOf("4", "3"));  // all but the bounding set, which is a limit and no privilege

  options.group = "daemon";
  options.supplementary_groups = {"5", "6"};
  EXPECT_THAT(printed_by("id -G", options), testing::ElementsAre("1 5 6"));
}

TEST(Containment, lets_a_peer_of_another_user_serve_and_does_not_trust_it) {
  if (!is_root()) GTEST_SKIP() << "only root may become another user";
  // Where nobody may run it.
  const std::string copy = "/tmp/ringmail_test_peer." + std::to_string(getpid());
  std::filesystem::copy_file(RINGMAIL_TEST_PEER, copy);
  chmod(copy.c_str(), 0755);
  ReactorHost host;
  PeerOptions options = test_peer({"serve"});
  options.command[0] = copy;
  options.user = "nobody";
  options.working_directory = "/";
  const auto link = host.spawn(options);
  host.send(link, 41);
  host.log().await("[peer] message 41");
  host.reactor().stop_peer(link);
  EXPECT_EQ(host.await_end(link).reason, ExitReason{});

  // It may not ring what only those share who are trusted.
  options.command = {copy, "ring", "0", "3"};
  EXPECT_EQ(host.await_end(host.spawn(options)).reason.text,
            "on the control stream: it rang more often than this host slept");
  std::remove(copy.c_str());
}

#if defined(__x86_64__) || defined(__aarch64__)
/// A compiled program under which these calls fail with EPERM.
class Filter {
 public:
  explicit Filter(const std::vector<unsigned>& forbidden)
      : path_(testing::TempDir() + "ringmail_filter." + std::to_string(getpid())) {
    std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const unsigned number : forbidden) {
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
      program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(program.data()),
               static_cast<std::streamsize>(program.size() * sizeof program[0]));
  }
  ~Filter() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Containment, is_by_a_filter_of_system_calls_for_all_that_it_starts) {
#ifdef SYS_symlink
  const Filter filter({SYS_symlink, SYS_symlinkat});
#else
  const Filter filter({SYS_symlinkat});
#endif
  PeerOptions options = test_peer({});
  options.seccomp_filter = filter.path();
  EXPECT_THAT(printed_by("grep Seccomp: /proc/self/status; ln -s a /tmp/ringmail_never 2>&1 | grep -c 'not permitted'",
                         options),
              testing::ElementsAre("Seccomp:\t2", "1"));

  // It costs a peer nothing that it needs.
  ReactorHost host;
  options.command = test_peer({"serve"}).command;
  const auto link = host.spawn(options);
  host.send(link, 41);
  host.log().await("[peer] message 41");
  host.reactor().stop_peer(link);
  EXPECT_EQ(host.await_end(link).reason, ExitReason{});
}
#endif

}  // namespace
}  // namespace ringmail::runtime

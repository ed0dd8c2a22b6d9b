// What a peer prints: how much of it gets into the log, what into its file, and what is left of it when it is dead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core_dump.hpp"
#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A directory that is gone afterwards.
class Directory {
 public:
  Directory() {
    std::string name = testing::TempDir() + "ringmail_output_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(PeerOutput, of_a_peer_that_prints_without_end_is_counted_in_the_log_and_whole_in_its_file) {
  const Directory directory;
  ReactorHost host;
  PeerOptions options = shell_peer("i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done");
  options.output.lines_a_second = 10;
  options.output.file = directory / "peer.log";
  host.await_end(host.spawn(options));

  const std::size_t passed = host.log().count("info: [peer] line ");
  EXPECT_GE(passed, 100U);
  EXPECT_LT(passed, 500U);
  std::size_t kept_back = 0;
  for (const std::string& line : host.log().lines()) {
    std::size_t more = 0;
    if (std::sscanf(line.c_str(), "warning: peer 'peer': and %zu more lines on its stdout", &more) == 1)
      kept_back += more;
  }
  EXPECT_EQ(passed + kept_back, 500U);
  const std::string file = contents(options.output.file);
  for (int i = 0; i < 500; ++i) ASSERT_THAT(file, HasSubstr(" out line " + std::to_string(i) + "\n"));
}

TEST(PeerOutput, has_a_traceback_in_one_record_of_the_log) {
  ReactorHost host;
  // In one write: how long a pause within a traceback may be is not for a busy machine to decide.
  host.await_end(host.spawn(
      shell_peer("printf 'Traceback (most recent call last):\\n  f()\\nKeyError: 1\\nx\\n' >&2; echo between")));
  EXPECT_EQ(host.log().count("warning: [peer] Traceback (most recent call last):\n[peer]   f()\n[peer] KeyError: 1"),
            1U);
  EXPECT_EQ(host.log().count("warning: [peer] x"), 1U);
}

TEST(PeerOutput, of_one_that_is_not_trusted_holds_no_control_characters) {
  ReactorHost host;
  PeerOptions options = shell_peer("printf '\\033]0;title\\007\\n'");
  options.trusted = false;
  host.await_end(host.spawn(options));
  EXPECT_EQ(host.log().count("info: [peer] \\x1b]0;title\\x07"), 1U);
}

TEST(PeerOutput, of_all_its_incarnations_is_in_its_file_with_what_became_of_them) {
  const Directory directory;
  ReactorHost host;
  PeerOptions options = test_peer({"exit", "3", "no such airport"});
  options.restart = {
      .when = RestartPolicy::When::permanent, .max_restarts = 1, .first_delay = std::chrono::nanoseconds(0)};
  options.output.file = directory / "peer.log";
  const Ending ending = host.await_end(host.spawn(options));
  const std::string file = contents(options.output.file);
  for (const char* incarnation : {"1", "2"}) {
    EXPECT_THAT(file,
                HasSubstr(std::string("--- post-mortem of peer 'peer', incarnation ") + incarnation + ", process "));
  }
  EXPECT_THAT(file, HasSubstr(" err ValueError: no such airport\n"));

  ASSERT_NE(ending.reason.post_mortem, nullptr);
  const PostMortem& found = *ending.reason.post_mortem;
  EXPECT_EQ(found.deaths, 2U);
  EXPECT_EQ(found.incarnation, 2U);
  EXPECT_EQ(found.reason.code, 3);
  EXPECT_THAT(found.last_lines, ElementsAre("Traceback:", "  somewhere", "ValueError: no such airport"));
  EXPECT_EQ(host.log().count("post-mortem of peer 'peer'"), 2U);
}

TEST(PeerOutput, is_in_its_file_before_the_host_dies_with_it) {
  const Directory directory;
  ReactorHost host;
  PeerOptions options = shell_peer("echo said; exec sleep 100");
  options.output.file = directory / "peer.log";
  host.spawn(options);
  host.log().await("info: [peer] said");
  // In the kernel's hands, not in a buffer of this process.
  EXPECT_THAT(contents(options.output.file), HasSubstr(" out said\n"));
}

TEST(PeerOutput, goes_on_in_a_new_file_when_one_is_full) {
  const Directory directory;
  ReactorHost host;
  PeerOptions options = shell_peer("i=0; while [ $i -lt 1000 ]; do echo line $i; i=$((i+1)); done");
  options.output.file = directory / "peer.log";
  options.output.file_bytes = 16384;
  options.output.old_files = 1;
  host.await_end(host.spawn(options));
  EXPECT_THAT(contents(directory / "peer.log"), HasSubstr(" out line 999\n"));
  EXPECT_TRUE(std::filesystem::exists(directory / "peer.1.log"));
  EXPECT_FALSE(std::filesystem::exists(directory / "peer.2.log"));
}

TEST(PeerOutput, without_a_place_for_its_file_is_an_error_that_names_it) {
  ReactorHost host;
  PeerOptions options = shell_peer("exit 0");
  options.output.file = "/proc/no/such/file";
  const auto spawned = host.reactor().spawn_peer(1, options, nullptr);
  ASSERT_FALSE(spawned);
  EXPECT_THAT(spawned.error(), HasSubstr("peer 'peer': no file for its output: "));
  EXPECT_THAT(spawned.error(), HasSubstr("/proc/no/such"));
}

TEST(PeerOutput, is_kept_as_last_words_as_far_as_asked_for) {
  ReactorHost host;
  PeerOptions options = shell_peer("for i in 1 2 3 4; do echo word $i >&2; done; echo >&2; exit 7");
  options.output.last_lines = 3;
  const Ending ending = host.await_end(host.spawn(options));
  ASSERT_NE(ending.reason.post_mortem, nullptr);
  EXPECT_THAT(ending.reason.post_mortem->last_lines, ElementsAre("word 3", "word 4"));
}

#ifdef __linux__
TEST(CoreDump, is_found_by_the_pattern_of_the_kernel) {
  const Directory directory;
  const auto touch = [&](const std::string& name) { std::ofstream(directory / name) << "core"; };
  touch("core");
  touch("core.peer.41.1700000000");
  touch("core.42");
  const DumpedProcess process{.pid = 41, .signal = 6, .working_directory = directory.path()};
  EXPECT_EQ(find_core(process, "core", false), directory / "core");
  EXPECT_EQ(find_core(process, "core", true), "") << "core.41 is not there";
  EXPECT_EQ(find_core({.pid = 42, .working_directory = directory.path()}, "core", true), directory / "core.42");
  EXPECT_EQ(find_core(process, directory / "core.%e.%p.%t", true), directory / "core.peer.41.1700000000");
  EXPECT_EQ(find_core(process, "|/usr/lib/systemd/systemd-coredump %P %u", true), "coredumpctl info 41");
  EXPECT_EQ(find_core(process, "|/usr/share/apport/apport %p", true), "handed to /usr/share/apport/apport");
  EXPECT_EQ(find_core(process, "", false), "");
}
#endif

}  // namespace
}  // namespace ringmail::runtime

// Two processes without a system, neither of them this one: the conformance listener of a language, and the conformance peer of one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "languages.hpp"

namespace ringmail::test {
namespace {

/// A process, killed at the end.
class Program {
 public:
  /// `output`: what its stdout becomes, or none.
  Program(std::vector<std::string> words, const char* variable, const std::string& path, int output = -1) {
    pid_ = fork();
    if (pid_ != 0) return;
    setenv(variable, path.c_str(), 1);
    if (output >= 0) dup2(output, STDOUT_FILENO);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  Program(const Program&) = delete;
  ~Program() { kill(); }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    join();
  }
  /// The exit status, or minus the signal that ended it.
  int join() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

class Pair : public testing::TestWithParam<std::tuple<Language, Language>> {
 protected:
  void SetUp() override {
    transport::test::start_watchdog();
    std::string folder = testing::TempDir() + "ringmail.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    ASSERT_EQ(pipe2(lines_, O_CLOEXEC), 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::vector<std::string> command(const Language& language, const char* argument) {
    std::vector<std::string> words = language.command;
    words.emplace_back(argument);
    return words;
  }

  /// Both end in order; how often the peer was killed before.
  int run(const char* what) {
    const auto& [listens, attaches] = GetParam();
    const std::string path = folder_ + "/at";
    Program listener(command(listens, what), "CONFORMANCE_LISTEN", path, lines_[1]);
    close(lines_[1]);
    std::FILE* const said = fdopen(lines_[0], "r");
    std::optional<Program> peer;
    int killed = 0;
    char line[64];
    while (std::fgets(line, sizeof line, said) != nullptr) {
      const std::string_view word(line);
      EXPECT_TRUE(word == "listening\n" || word == "kill\n") << word;
      if (peer) {
        peer->kill();
        ++killed;
      }
      peer.emplace(command(attaches, "echo"), "CONFORMANCE_PATH", path);
    }
    std::fclose(said);
    EXPECT_EQ(listener.join(), 0);
    EXPECT_TRUE(peer && peer->join() == 0);
    return killed;
  }

 private:
  std::string folder_;
  int lines_[2] = {-1, -1};
};

INSTANTIATE_TEST_SUITE_P(Of,
                         Pair,
                         testing::Combine(testing::ValuesIn(read_languages(RINGMAIL_CONFORMANCE_LISTENERS)),
                                          testing::ValuesIn(languages())),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + "_and_" + std::get<1>(info.param).name;
                         });

TEST_P(Pair, asks_sends_and_streams) { EXPECT_EQ(run("plays"), 0); }

TEST_P(Pair, loses_nothing_when_the_peer_is_killed_in_mid_stream) { EXPECT_EQ(run("outlives"), 2); }

}  // namespace
}  // namespace ringmail::test

#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>
#include <random>
#include <string>
#include <vector>

#include "peer_os.hpp"
#include "peer_output_lines.hpp"
#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Collector {
  std::vector<std::string> lines;
  OutputLines output{[this](std::string_view line) { lines.emplace_back(line); }};
};

TEST(OutputLines, hand_out_each_line_without_its_end) {
  Collector collector;
  collector.output.feed("one\ntwo\r\n\nfour\n");
  EXPECT_THAT(collector.lines, ElementsAre("one", "two", "", "four"));
}

TEST(OutputLines, put_together_what_comes_in_parts) {
  Collector collector;
  collector.output.feed("o");
  collector.output.feed("n");
  collector.output.feed("e\nt");
  EXPECT_THAT(collector.lines, ElementsAre("one"));
  collector.output.feed("wo\r");
  collector.output.feed("\n");
  EXPECT_THAT(collector.lines, ElementsAre("one", "two"));
}

TEST(OutputLines, hand_out_a_last_line_that_has_no_end) {
  Collector collector;
  collector.output.feed("one\ntwo");
  collector.output.finish();
  collector.output.finish();
  EXPECT_THAT(collector.lines, ElementsAre("one", "two"));
}

TEST(OutputLines, of_nothing_are_none) {
  Collector collector;
  collector.output.feed("");
  collector.output.finish();
  EXPECT_THAT(collector.lines, IsEmpty());
}

TEST(OutputLines, cut_a_line_that_is_too_long_into_pieces) {
  constexpr std::size_t most = OutputLines::longest_line_bytes;
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, most, 3 * most + 10}) {
    Collector collector;
    const std::string text = std::string(2 * most + 5, 'x') + "\nshort\n" + std::string(most, 'y') + "\n";
    for (std::size_t at = 0; at < text.size(); at += chunk) collector.output.feed(text.substr(at, chunk));
    EXPECT_THAT(collector.lines,
                ElementsAre(std::string(most, 'x'), std::string(most, 'x'), "xxxxx", "short", std::string(most, 'y')))
        << chunk;
  }
}

TEST(OutputLines, are_the_same_however_the_bytes_are_cut) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (std::size_t i = random() % 400; i > 0; --i) {
      text +=
          random() % 5 == 0 ? std::string("\n") : std::string(random() % 300, static_cast<char>('a' + random() % 26));
    }
    Collector whole;
    whole.output.feed(text);
    whole.output.finish();
    Collector parts;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 5000;
      parts.output.feed(std::string_view(text).substr(at, size));
      at += size;
    }
    parts.output.finish();
    ASSERT_EQ(parts.lines, whole.lines) << "round " << round;
  }
}

PeerOptions without_limit(PeerOptions options) {
  options.output.lines_a_second = 0;
  return options;
}

TEST(Output, goes_to_the_log_under_the_name_of_the_peer) {
  ReactorHost host;
  host.await_end(host.spawn(shell_peer("echo out; echo err >&2; printf 'no end'")));
  EXPECT_EQ(host.log().count("info: [peer] out"), 1U);
  EXPECT_EQ(host.log().count("warning: [peer] err"), 1U);
  EXPECT_EQ(host.log().count("info: [peer] no end"), 1U);
}

TEST(Output, is_complete_although_the_peer_exits_at_once) {
  ReactorHost host;
  host.await_end(
      host.spawn(without_limit(shell_peer("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 1"))));
  const auto lines = host.log().lines();
  int next = 0;
  for (const std::string& line : lines) {
    if (!line.contains("[peer] line ")) continue;
    ASSERT_EQ(line, "info: [peer] line " + std::to_string(next));
    ++next;
  }
  EXPECT_EQ(next, 20000);
}

TEST(Output, is_read_to_its_end_before_the_peer_is_said_to_be_dead) {
  constexpr int lines = 50'000;  // more than is read in one turn of the loop
  ReactorHost host;
  const auto link = host.spawn(without_limit(test_peer({"print-at-once", std::to_string(lines)})));
  host.log().await("[peer] waiting");
  // Keeps the reactor from reading until the peer is dead.
  host.reactor().post([&] {
    const auto death = open_death_watch(host.reactor().peer_pid(link));
    host.signal(link, SIGUSR1);
    pollfd entry{.fd = death.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&entry, 1, 20'000), 1);
  });
  host.await_end(link);
  const auto log = host.log().lines();
  const auto last = std::ranges::find(log, "info: [peer] line " + std::to_string(lines - 1));
  const auto death = std::ranges::find_if(log, [](const auto& line) { return line.contains("-> closing"); });
  ASSERT_NE(last, log.end());
  ASSERT_NE(death, log.end());
  EXPECT_LT(last, death);
  EXPECT_EQ(host.log().count("[peer] line "), static_cast<std::size_t>(lines));
}

TEST(Output, can_be_opened_anew_by_its_path) {
  ReactorHost host;
  host.await_end(host.spawn(shell_peer("echo through the path > /dev/stdout")));
  EXPECT_EQ(host.log().count("[peer] through the path"), 1U);
}

}  // namespace
}  // namespace ringmail::runtime

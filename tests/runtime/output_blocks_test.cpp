// Tracebacks stay whole, whatever language they are of, and however many lines may pass.
#include "output_blocks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "output_budget.hpp"
#include "printable.hpp"

namespace ringmail::runtime {
namespace {

using testing::ElementsAre;

/// Blocks, their lines joined by "|"; a "+" before those that continue.
std::vector<std::string> blocks_of(const std::string& text) {
  std::vector<std::string> blocks;
  OutputBlocks output([&](std::span<const std::string> lines, bool continues) {
    std::string block = continues ? "+" : "";
    for (const std::string& line : lines) block += (&line == lines.data() ? "" : "|") + line;
    blocks.push_back(block);
  });
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) output.add(line);
  output.flush();
  return blocks;
}

TEST(OutputBlocks, are_single_lines_by_default) {
  EXPECT_THAT(blocks_of("one\ntwo\n\nthree\n"), ElementsAre("one", "two", "", "three"));
}

TEST(OutputBlocks, keep_a_python_traceback_together_with_those_that_it_came_from) {
  const std::string first = "Traceback (most recent call last):\n  File \"a.py\", line 1\n    f()\nKeyError: 'x'\n";
  const std::string chained =
      first + "\nDuring handling of the above exception, another exception occurred:\n\n" + first;
  std::string joined = chained.substr(0, chained.size() - 1);
  std::ranges::replace(joined, '\n', '|');
  EXPECT_THAT(blocks_of("before\n" + chained + "after\n"), ElementsAre("before", joined, "after"));
}

TEST(OutputBlocks, keep_those_of_other_languages_together) {
  EXPECT_THAT(
      blocks_of("Exception in thread \"main\" java.lang.Error: x\n\tat A.b(A.java:1)\nCaused by: y\n\t... 3 more\nz\n"),
      ElementsAre("Exception in thread \"main\" java.lang.Error: x|\tat A.b(A.java:1)|Caused by: y|\t... 3 more", "z"));
  EXPECT_THAT(blocks_of("panic: x\n\ngoroutine 1 [running]:\nmain.f()\n\t/a.go:5 +0x18\nexit status 2\n"),
              ElementsAre("panic: x||goroutine 1 [running]:|main.f()|\t/a.go:5 +0x18|exit status 2"));
  EXPECT_THAT(blocks_of("thread 'main' panicked at src/main.rs:2:5:\nx\nnote: run with\nz\n"),
              ElementsAre("thread 'main' panicked at src/main.rs:2:5:|x|note: run with", "z"));
  EXPECT_THAT(blocks_of("TypeError: x\n    at f (a.js:1:1)\nz\n"),
              ElementsAre("TypeError: x|    at f (a.js:1:1)", "z"));
  EXPECT_THAT(blocks_of("==7==ERROR: AddressSanitizer: x\n    #0 0x1 in f\nSUMMARY: x\n"),
              ElementsAre("==7==ERROR: AddressSanitizer: x|    #0 0x1 in f|SUMMARY: x"));
}

TEST(OutputBlocks, say_of_indented_lines_what_they_continue) {
  EXPECT_THAT(blocks_of("one\n  two\n  three\nfour\n"), ElementsAre("one", "+  two|  three", "four"));
}

TEST(OutputBlocks, are_bounded) {
  std::string text = "Traceback (most recent call last):\n";
  for (std::size_t i = 0; i < OutputBlocks::most_lines; ++i) text += "  line\n";
  const auto blocks = blocks_of(text);
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[1], "+  line");
}

TEST(OutputBudget, lets_a_burst_pass_and_then_so_many_a_second) {
  OutputBudget budget(10);
  std::uint64_t now = 1;
  const auto passed = [&](int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += budget.admit(1, false, now);
    return count;
  };
  EXPECT_EQ(passed(200), 100);
  EXPECT_EQ(budget.take_kept_back(), 100u);
  EXPECT_EQ(budget.take_kept_back(), 0u);
  now += 1'000'000'000;
  EXPECT_EQ(passed(200), 10);
  now += 1'000'000'000'000;
  EXPECT_EQ(passed(200), 100);
}

TEST(OutputBudget, tears_nothing_apart) {
  OutputBudget budget(1);
  EXPECT_TRUE(budget.admit(9, false, 1));
  EXPECT_TRUE(budget.admit(50, false, 1)) << "longer than what is left";
  EXPECT_TRUE(budget.admit(1, true, 1));
  EXPECT_FALSE(budget.admit(1, false, 1));
  EXPECT_FALSE(budget.admit(5, true, 20'000'000'000'000)) << "what it continues was kept back";
  EXPECT_EQ(budget.take_kept_back(), 6u);
}

TEST(OutputBudget, of_0_is_none) {
  OutputBudget budget(0);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(budget.admit(1, false, 1));
}

TEST(Printable, shows_control_characters_of_every_kind_and_leaves_other_letters) {
  EXPECT_EQ(printable("a\tb\x1b[31m\x7f", 100), "a\tb\\x1b[31m\\x7f");
  EXPECT_EQ(printable("gr\xc3\xbc\xc2\x9b", 100), "gr\xc3\xbc\\x9b");
  EXPECT_EQ(printable("gr\xc3\xbc", 3), "gr...");
}

}  // namespace
}  // namespace ringmail::runtime

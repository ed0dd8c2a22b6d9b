#include "ask_table.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

namespace ringmail::runtime {
namespace {

constexpr MessageType type{.id = 1, .name = "Nothing"};

std::unique_ptr<PendingAsk> ask(AskTable& table) {
  const Question question{
      .to = Address{}, .binding = nullptr, .object = nullptr, .reply_type = &type, .reply = nullptr};
  return std::make_unique<PendingAsk>(table, question, nullptr);
}

TEST(AskTable, an_ask_is_found_by_its_correlation_as_long_as_it_lives) {
  AskTable table;
  auto pending = ask(table);
  const std::uint32_t correlation = pending->correlation;
  EXPECT_NE(correlation, 0u) << "0 says that nobody waits";
  EXPECT_EQ(table.find(correlation), pending.get());
  pending.reset();
  EXPECT_EQ(table.find(correlation), nullptr);
}

TEST(AskTable, a_late_answer_never_meets_a_later_ask) {
  AskTable table;
  std::set<std::uint32_t> used;
  for (int i = 0; i < 10'000; ++i) {
    auto pending = ask(table);
    EXPECT_TRUE(used.insert(pending->correlation).second);
    for (const std::uint32_t gone : {pending->correlation - 64, pending->correlation + 64, 0u}) {
      EXPECT_EQ(table.find(gone), nullptr);
    }
  }
}

TEST(AskTable, old_asks_stay_where_they_are_found_while_it_grows_and_new_ones_go_round_them) {
  AskTable table;
  std::vector<std::unique_ptr<PendingAsk>> old;
  for (int i = 0; i < 500; ++i) {
    old.push_back(ask(table));
    // Short ones in between, so that the counter comes round to places that old ones hold.
    for (int j = 0; j < 37; ++j) ask(table);
  }
  for (const auto& pending : old) EXPECT_EQ(table.find(pending->correlation), pending.get());
  std::size_t count = 0;
  table.for_each([&](PendingAsk&) { ++count; });
  EXPECT_EQ(count, old.size());
}

TEST(AskTable, what_a_refusal_means_is_known_of_every_code_that_a_peer_can_write) {
  EXPECT_EQ(ask_error(transport::NoReply::no_handler), AskError::no_handler);
  EXPECT_EQ(ask_error(transport::NoReply::failed), AskError::failed);
  EXPECT_EQ(ask_error(transport::NoReply::stopped), AskError::unreachable);
  EXPECT_EQ(ask_error(static_cast<transport::NoReply>(0)), AskError::failed);
  EXPECT_EQ(ask_error(static_cast<transport::NoReply>(0xffff'ffff)), AskError::failed);
}

}  // namespace
}  // namespace ringmail::runtime

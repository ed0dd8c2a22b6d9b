// The account finds what it is there to find, and nothing in what is promised.
#include "ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringmail::chaos {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LedgerTest : public testing::Test {
 protected:
  /// Ten messages that were sent.
  LedgerTest() {
    for (int i = 0; i < 10; ++i) items_.push_back(ledger_.next());
  }
  void came(std::size_t first, std::size_t last) {
    for (std::size_t number = first; number <= last; ++number) ledger_.came(items_[number]);
  }
  /// All faults, now that no more comes.
  std::vector<std::string> close() {
    ledger_.close();
    return ledger_.faults();
  }

  Ledger ledger_{"link", 0, 1, 100};
  std::vector<Item> items_;
};

TEST_F(LedgerTest, what_came_once_and_in_order_is_sound) {
  came(0, 9);
  EXPECT_THAT(close(), IsEmpty());
  EXPECT_EQ(ledger_.figures().delivered, 10u);
  EXPECT_EQ(ledger_.open(), 0u);
}

TEST_F(LedgerTest, a_later_life_may_repeat_what_its_predecessor_had_not_finished) {
  came(0, 5);
  ledger_.life_ended(1);
  came(3, 4);
  ledger_.life_ended(2);
  came(4, 9);
  EXPECT_THAT(close(), IsEmpty());
  EXPECT_EQ(ledger_.figures().repeated, 4u);
}

TEST_F(LedgerTest, a_message_that_does_not_come_is_lost) {
  came(0, 3);
  ledger_.life_ended(1);
  came(5, 9);
  EXPECT_EQ(ledger_.open(), 1u);
  EXPECT_THAT(close(), ElementsAre(HasSubstr("message 4 is lost")));
}

TEST_F(LedgerTest, one_at_the_end_too) {
  came(0, 8);
  EXPECT_THAT(close(), ElementsAre(HasSubstr("message 9 is lost")));
}

TEST_F(LedgerTest, a_dead_letter_is_not_lost) {
  came(0, 3);
  ledger_.life_ended(1);
  came(5, 9);
  ledger_.dead_letter(items_[4]);
  EXPECT_THAT(close(), IsEmpty());
  EXPECT_EQ(ledger_.figures().dead, 1u);
}

TEST_F(LedgerTest, nor_is_one_twice) {
  came(0, 3);
  ledger_.dead_letter(items_[4]);
  ledger_.dead_letter(items_[4]);
  EXPECT_THAT(ledger_.faults(), ElementsAre(HasSubstr("dead letter twice")));
}

TEST_F(LedgerTest, a_life_that_leaves_one_out_is_found) {
  came(0, 3);
  came(5, 9);
  EXPECT_THAT(close(), testing::Contains(HasSubstr("1 times not what follows")));
}

TEST_F(LedgerTest, a_life_that_repeats_is_found) {
  came(0, 3);
  came(3, 9);
  EXPECT_THAT(close(), ElementsAre(HasSubstr("not what follows")));
}

TEST_F(LedgerTest, a_life_that_turns_two_around_is_found) {
  came(0, 3);
  came(5, 5);
  came(4, 4);
  came(6, 9);
  EXPECT_THAT(close(), testing::Contains(HasSubstr("message 4 came behind later ones")));
}

TEST_F(LedgerTest, a_life_whose_end_could_not_be_told_explains_one_break) {
  came(0, 3);
  came(2, 6);
  ledger_.life_ended(2);  // and so has life 1
  came(5, 9);
  EXPECT_THAT(close(), IsEmpty());
}

TEST_F(LedgerTest, a_life_that_repeats_what_was_finished_is_found) {
  came(0, 6);
  ledger_.life_ended(1);
  came(4, 8);  // the repetitions are finished, one by one
  ledger_.life_ended(2);
  came(5, 9);
  EXPECT_THAT(
      close(),
      ElementsAre(HasSubstr("message 5 came again in a later life, whose predecessor had finished all before 7")));
}

TEST_F(LedgerTest, a_message_that_is_altered_is_found) {
  Item other = items_[0];
  other.content ^= 1;
  other.chain = other.chained_to(0);
  ledger_.came(other);
  EXPECT_THAT(ledger_.faults(), ElementsAre(HasSubstr("message 0 came altered")));
}

TEST_F(LedgerTest, a_message_that_was_not_sent_is_found) {
  const Item item = ledger_.next();
  ledger_.take_back();
  ledger_.came(item);
  EXPECT_THAT(ledger_.faults(), ElementsAre(HasSubstr("message 10 came, and was not sent")));
}

TEST(Items, come_back_as_they_were) {
  const Item item{.stream = 3, .number = 77, .content = 5, .chain = 9};
  EXPECT_EQ(from(to_ping(item)), item);
  EXPECT_EQ(from(to_bulk(item)), item);
  auto ping = to_ping(item);
  ping.words[3] ^= 1;
  EXPECT_FALSE(from(ping));
  auto bulk = to_bulk(item);
  bulk.bytes[1000] ^= 1;
  EXPECT_FALSE(from(bulk));
}

}  // namespace
}  // namespace ringmail::chaos

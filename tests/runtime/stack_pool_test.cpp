#include "ringmail/runtime/stack_pool.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace ringmail::runtime {
namespace {

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

/// Pages of `stack` that hold memory.
std::size_t resident_pages(Stack stack) {
  std::vector<unsigned char> pages(stack.size() / page_bytes());
  EXPECT_EQ(::mincore(stack.data(), stack.size(), pages.data()), 0);
  std::size_t count = 0;
  for (const unsigned char page : pages) count += page & 1U;
  return count;
}

void write_every_page(Stack stack) {
  for (std::size_t offset = 0; offset < stack.size(); offset += page_bytes()) stack[offset] = std::byte{1};
  stack.back() = std::byte{1};
}

[[gnu::noinline]] void write_below(Stack stack, std::size_t distance) {
  volatile std::byte* below = stack.data() - distance;
  *below = std::byte{1};
}

class StackPoolGuards : public testing::TestWithParam<StackGuards> {
 protected:
  StackPoolOptions options() const { return {.guards = GetParam()}; }
};

TEST_P(StackPoolGuards, every_byte_of_a_stack_can_be_written) {
  StackPool pool(options());
  for (int i = 0; i < 3; ++i) {
    const auto stack = pool.acquire();
    ASSERT_TRUE(stack);
    EXPECT_EQ(stack->size(), (256 - 16) * 1024U);
    write_every_page(*stack);
  }
  EXPECT_EQ(pool.unguarded(), 0U);
}

TEST_P(StackPoolGuards, a_write_below_a_stack_dies_instead_of_reaching_the_next_one) {
  StackPool pool(options());
  const auto first = pool.acquire();
  const auto second = pool.acquire();
  ASSERT_TRUE(first && second);
  ASSERT_EQ(first->data() + 256 * 1024, second->data())
      << "below the second stack there must be another, or any write would die";
  EXPECT_DEATH(write_below(*second, 1), "");
  EXPECT_DEATH(write_below(*second, 16 * 1024), "");
  write_below(*second, 16 * 1024 + 1);  // the top of the first: the guard is no larger than it says
}

TEST_P(StackPoolGuards, a_stack_that_was_given_back_and_trimmed_keeps_its_guard) {
  StackPoolOptions options = this->options();
  options.keep_resident = 0;
  StackPool pool(options);
  ASSERT_TRUE(pool.acquire());
  auto stack = pool.acquire();
  ASSERT_TRUE(stack);
  pool.release(*stack);
  stack = pool.acquire();
  ASSERT_TRUE(stack);
  EXPECT_DEATH(write_below(*stack, 1), "");
}

TEST_P(StackPoolGuards, five_thousand_stacks_are_in_use_at_once) {
  StackPool pool(options());
  std::vector<Stack> stacks;
  std::set<std::byte*> addresses;
  for (std::size_t i = 0; i < 5'000; ++i) {
    const auto stack = pool.acquire();
    ASSERT_TRUE(stack);
    stack->back() = static_cast<std::byte>(i);
    stacks.push_back(*stack);
    addresses.insert(stack->data());
  }
  EXPECT_EQ(addresses.size(), 5'000U);
  EXPECT_EQ(pool.in_use(), 5'000U);
  EXPECT_EQ(pool.unguarded(), 0U);
  const std::size_t reserved = pool.reserved_bytes();
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    ASSERT_EQ(stacks[i].back(), static_cast<std::byte>(i));
    pool.release(stacks[i]);
  }
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_EQ(pool.idle(), 5'000U);
  for (std::size_t i = 0; i < 5'000; ++i) {
    const auto stack = pool.acquire();
    ASSERT_TRUE(stack);
    ASSERT_TRUE(addresses.contains(stack->data()));
  }
  EXPECT_EQ(pool.reserved_bytes(), reserved);
}

INSTANTIATE_TEST_SUITE_P(Modes,
                         StackPoolGuards,
                         testing::Values(StackGuards::automatic, StackGuards::protection),
                         [](const testing::TestParamInfo<StackGuards>& mode) {
                           return std::string(mode.param == StackGuards::automatic ? "automatic" : "protection");
                         });

TEST(StackPool, maps_nothing_before_the_first_stack) {
  StackPool pool;
  EXPECT_EQ(pool.reserved_bytes(), 0U);
  ASSERT_TRUE(pool.acquire());
  EXPECT_EQ(pool.reserved_bytes(), 64 * 256 * 1024U);
}

TEST(StackPool, the_last_stack_given_back_is_the_first_handed_out) {
  StackPool pool;
  const auto first = pool.acquire();
  const auto second = pool.acquire();
  ASSERT_TRUE(first && second);
  pool.release(*first);
  pool.release(*second);
  EXPECT_EQ(pool.acquire()->data(), second->data());
  EXPECT_EQ(pool.acquire()->data(), first->data());
}

TEST(StackPool, idle_stacks_beyond_the_limit_give_their_memory_back_the_oldest_first) {
  StackPool pool({.keep_resident = 2});
  std::vector<Stack> stacks;
  for (int i = 0; i < 5; ++i) {
    stacks.push_back(pool.acquire().value());
    write_every_page(stacks.back());
  }
  for (const Stack stack : stacks) pool.release(stack);
  EXPECT_EQ(pool.idle(), 5U);
  EXPECT_EQ(pool.idle_resident(), 2U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(resident_pages(stacks[i]), i < 3 ? 0 : stacks[i].size() / page_bytes()) << i;
  }
  for (int i = 0; i < 4; ++i) pool.release(*pool.acquire());
  EXPECT_EQ(pool.idle_resident(), 2U) << "who takes and gives back one stack trims no other";
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(pool.acquire());
  EXPECT_EQ(pool.idle_resident(), 0U);
}

TEST(StackPool, an_untouched_stack_holds_no_memory) {
  StackPool pool;
  EXPECT_EQ(resident_pages(pool.acquire().value()), 0U);
}

TEST(StackPool, no_address_space_left_is_an_error) {
  StackPool pool({.stack_bytes = std::size_t{1} << 46, .stacks_per_mapping = 4});
  const auto stack = pool.acquire();
  ASSERT_FALSE(stack);
  EXPECT_EQ(stack.error(), StackError::out_of_memory);
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_EQ(pool.reserved_bytes(), 0U);
}

TEST(StackPool, one_stack_more_than_the_limit_is_an_error_until_one_is_given_back) {
  StackPool pool({.max_stacks = 2});
  const auto first = pool.acquire();
  ASSERT_TRUE(first);
  ASSERT_TRUE(pool.acquire());
  const auto third = pool.acquire();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error(), StackError::limit_reached);
  pool.release(*first);
  EXPECT_TRUE(pool.acquire());
}

TEST(StackPool, protected_guards_stop_at_their_limit_and_the_stacks_without_one_are_counted) {
  constexpr std::size_t page = 16 * 1024;
  const StackPoolOptions options{
      .stack_bytes = 2 * page, .guard_bytes = page, .stacks_per_mapping = 1024, .guards = StackGuards::protection};
  constexpr std::size_t beyond = 10;
  {
    StackPool pool(options);
    for (std::size_t i = 0; i < StackPool::max_protected_guards + beyond; ++i) ASSERT_TRUE(pool.acquire());
    EXPECT_EQ(pool.unguarded(), beyond);
    StackPool other(options);
    ASSERT_TRUE(other.acquire());
    EXPECT_EQ(other.unguarded(), 1U) << "the limit is the process's";
  }
  StackPool pool(options);
  ASSERT_TRUE(pool.acquire());
  EXPECT_EQ(pool.unguarded(), 0U) << "a pool that is gone has given its share back";
}

}  // namespace
}  // namespace ringmail::runtime

#include "guarded.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ringmail::fuzz {
namespace {

const std::array<std::byte, 5> input{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};

std::byte read(const std::byte* from) { return *static_cast<const volatile std::byte*>(from); }

TEST(Guarded, bytes_behind_the_end_cannot_be_read) {
  Guarded memory(Guarded::Page::behind);
  const auto copy = memory.copy_of(input);
  EXPECT_EQ(read(copy.data() + 4), std::byte{5});
  EXPECT_DEATH(read(copy.data() + 5), "");
}

TEST(Guarded, bytes_in_front_of_the_start_cannot_be_read) {
  Guarded memory(Guarded::Page::in_front);
  const auto copy = memory.copy_of(input);
  EXPECT_EQ(read(copy.data()), std::byte{1});
  EXPECT_DEATH(read(copy.data() - 1), "");
}

TEST(Guarded, nothing_of_an_empty_input_can_be_read) {
  Guarded memory(Guarded::Page::behind);
  EXPECT_DEATH(read(memory.copy_of({}).data()), "");
}

TEST(Guarded, memory_that_is_used_again_ends_where_the_next_input_does) {
  Guarded memory(Guarded::Page::behind);
  memory.bytes(10000);
  const auto copy = memory.copy_of(input);
  EXPECT_EQ(read(copy.data()), std::byte{1});
  EXPECT_DEATH(read(copy.data() + 5), "");
}

}  // namespace
}  // namespace ringmail::fuzz

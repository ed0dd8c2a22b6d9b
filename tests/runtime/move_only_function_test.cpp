#include "ringmail/runtime/move_only_function.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace ringmail::runtime {
namespace {

// What stands in where the library has none: here it has one, so this is named.
static_assert(!std::is_copy_constructible_v<BoxedFunction<void()>>);
static_assert(std::is_nothrow_move_constructible_v<BoxedFunction<void()>>);
static_assert(!std::is_constructible_v<BoxedFunction<void(int)>, void (*)(std::string)>);

TEST(BoxedFunction, holds_what_cannot_be_copied_until_it_ends) {
  const auto counted = std::make_shared<int>(0);
  {
    BoxedFunction<void()> function([held = std::make_unique<std::shared_ptr<int>>(counted)] { ++**held; });
    EXPECT_EQ(counted.use_count(), 2);
    function();
    function();
  }
  EXPECT_EQ(*counted, 2);
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(BoxedFunction, leaves_nothing_behind_when_it_is_moved) {
  BoxedFunction<int()> first([] { return 7; });
  BoxedFunction<int()> second;
  EXPECT_FALSE(second);
  second = std::move(first);
  EXPECT_FALSE(first);
  ASSERT_TRUE(second);
  EXPECT_EQ(second(), 7);
}

TEST(BoxedFunction, passes_on_what_it_is_given_and_what_comes_back) {
  const auto twice = [](std::string& text, std::unique_ptr<int> number) {
    text += std::to_string(*number);
    return text + text;
  };
  BoxedFunction<std::string(std::string&, std::unique_ptr<int>)> function(twice);
  std::string text = "a";
  EXPECT_EQ(function(text, std::make_unique<int>(1)), "a1a1");
  EXPECT_EQ(text, "a1");
}

}  // namespace
}  // namespace ringmail::runtime

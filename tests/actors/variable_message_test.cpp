// Messages of variable length within a process, where they are moved. tests/bindings has them between processes.
#include <string>

#include "system_test.hpp"
#include "vectors.mail.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using vectors::Content, vectors::Grown2, vectors::Grown3, vectors::Numbers, vectors::Point;

Content content(std::uint32_t id) {
  return {.id = id,
          .title = std::string(id, 'x'),
          .raw = std::vector<std::byte>(id % 7),
          .numbers = std::vector<std::uint64_t>(id % 5, id),
          .points = std::vector<Point>(id % 3, Point{.x = -1, .y = 2}),
          .flags = {true, false}};
}

class VariableMessageTest : public SystemTest {};

INSTANTIATE_TEST_SUITE_P(Schedulers, VariableMessageTest, testing::Values(1, 3), testing::PrintToStringParamName());

TEST_P(VariableMessageTest, is_moved_between_actors) {
  struct Where {
    const void* title;
    const void* numbers;
  };
  const auto where = [](const Content& content) { return Where{content.title.data(), content.numbers.data()}; };
  auto last = system().spawn_on(GetParam() - 1, [where](const Content& content) { return where(content); });
  auto first = system().spawn_on(0, [last, where](const Tick&) {
    Content sent = content(104);
    const Where before = where(sent);
    const auto after = ask(last, std::move(sent), 20s);
    return after && after->title == before.title && after->numbers == before.numbers;
  });
  EXPECT_TRUE(ask(first, Tick{}, 20s).value_or(false));
}

TEST_P(VariableMessageTest, is_an_answer_too) {
  auto actor = system().spawn([](const Grown2& grown) {
    return Grown3{.number = grown.number, .title = grown.title + grown.title, .numbers = {1, 2}};
  });
  const auto answer = ask(actor, Grown2{.number = 7, .title = std::string(100, 'y')}, 20s);
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, (Grown3{.number = 7, .title = std::string(200, 'y'), .numbers = {1, 2}}));
}

TEST_P(VariableMessageTest, that_nobody_takes_is_destroyed) {
  auto actor = system().spawn([](const Content&) {});
  actor.stop();
  for (std::uint32_t i = 0; i < 100; ++i) static_cast<void>(actor.send(content(i)));
}

}  // namespace
}  // namespace ringmail::test

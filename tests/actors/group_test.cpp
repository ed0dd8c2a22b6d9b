// Topics, process groups, routers, and the stream of dead letters.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <set>
#include <vector>

#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"

namespace {

using namespace std::chrono_literals;
using ringmail::Mailbox;
using ringmail::Route;
using ringmail::Router;
namespace this_actor = ringmail::this_actor;

struct News {
  int number = 0;
};
struct Seen {};
struct Fail {};

class Reader : public ringmail::Actor {
 public:
  void on(const News& news) { seen_.push_back(news.number); }
  std::vector<int> on(const Seen&) { return seen_; }
  void on(const Fail&) { throw std::runtime_error("no"); }

 private:
  std::vector<int> seen_;
};

class GroupTest : public ringmail::test::SystemTest {
 protected:
  std::vector<Mailbox<Reader>> readers(int count) {
    std::vector<Mailbox<Reader>> made;
    for (int i = 0; i < count; ++i) made.push_back(system().spawn<Reader>());
    return made;
  }
  /// Stops it and waits until it has ended.
  static void end(const Mailbox<Reader>& reader) {
    reader.stop();
    while (ringmail::ask(reader, Seen{}, 10s)) {
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Schedulers, GroupTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

TEST_P(GroupTest, a_plain_thread_publishes_through_each_scheduler_once_and_in_order_with_what_it_sends) {
  struct Who {};
  // Whoever speaks for the thread is another actor each time.
  struct Subscriber : ringmail::Actor {
    void on(const News& news) { got.emplace_back(news.number, this_actor::sender<Reader>().address().actor.value()); }
    std::vector<std::pair<int, std::uint64_t>> on(const Who&) { return got; }
    std::vector<std::pair<int, std::uint64_t>> got;
  };
  auto topic = system().topic<News>("news");
  std::vector<Mailbox<Subscriber>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(system().spawn<Subscriber>());
    ASSERT_TRUE(topic.subscribe(all.back()));
  }
  EXPECT_EQ(topic.publish(News{1}).sent, 20u);
  for (const auto& one : all) ASSERT_TRUE(one.send(News{2}));
  EXPECT_EQ(topic.publish(News{3}).sent, 20u);
  std::set<std::uint64_t> speakers;
  for (const auto& one : all) {
    const auto got = ringmail::ask(one, Who{}, 20s);
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ((*got)[i].first, static_cast<int>(i) + 1);
    speakers.insert((*got)[0].second);
  }
  EXPECT_EQ(speakers.size(), GetParam());
}

TEST_P(GroupTest, what_is_published_reaches_each_subscriber_once_and_in_order) {
  auto topic = system().topic<News>("news");
  const auto all = readers(10);
  for (const auto& reader : all) EXPECT_TRUE(topic.subscribe(reader));
  EXPECT_FALSE(topic.subscribe(all[0]));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(topic.publish(News{i}).sent, 10u);
  std::vector<int> expected(100);
  std::ranges::generate(expected, [n = 0]() mutable { return n++; });
  for (const auto& reader : all) EXPECT_EQ(ringmail::ask(reader, Seen{}, 10s), expected);
}

TEST_P(GroupTest, a_handler_publishes_through_a_topic_of_its_own) {
  auto topic = system().topic<News>("news");
  const auto all = readers(8);
  for (const auto& reader : all) topic.subscribe(reader);
  auto publisher =
      system().spawn([topic](const News& news) mutable { return static_cast<int>(topic.publish(news).sent); });
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ringmail::ask(publisher, News{i}, 10s), 8);
  // Those of other schedulers come the way the messages went, behind them.
  for (const auto& reader : all) {
    auto asker = system().spawn([reader](const Seen&) { return ringmail::ask(reader, Seen{}, 10s).value().size(); });
    while (ringmail::ask(asker, Seen{}, 10s).value() != 10u) {
    }
  }
}

TEST_P(GroupTest, topics_are_told_apart_by_name_and_by_type) {
  struct Other {};
  const auto all = readers(1);
  system().topic<News>("news").subscribe(all[0]);
  EXPECT_EQ(system().topic<News>("new").publish(News{}).sent, 0u);
  EXPECT_EQ(system().topic<Other>("news").publish(Other{}).sent, 0u);
  EXPECT_EQ(system().topic<News>("news").publish(News{}).sent, 1u);
}

TEST_P(GroupTest, who_has_ended_or_unsubscribed_is_no_subscriber) {
  auto topic = system().topic<News>("news");
  const auto all = readers(3);
  for (const auto& reader : all) topic.subscribe(reader);
  EXPECT_TRUE(topic.unsubscribe(all[0]));
  EXPECT_FALSE(topic.unsubscribe(all[0]));
  end(all[1]);
  EXPECT_EQ(topic.subscribers(), 1u);
  EXPECT_FALSE(topic.subscribe(all[1])) << "it has ended";
  EXPECT_EQ(topic.publish(News{7}).sent, 1u);
  EXPECT_EQ(ringmail::ask(all[2], Seen{}, 10s), std::vector{7});
}

TEST_P(GroupTest, subscribers_that_come_and_go_while_it_is_published_cost_no_other_a_message) {
  auto topic = system().topic<News>("news");
  const auto steady = readers(1);
  topic.subscribe(steady[0]);
  std::atomic<bool> done{false};
  std::thread changes([&] {
    while (!done) {
      auto passing = system().spawn<Reader>();
      topic.subscribe(passing);
      end(passing);  // or they would become more and more
    }
  });
  auto own = system().topic<News>("news");
  std::vector<int> expected;
  for (int i = 0; i < 500; ++i) {
    own.publish(News{i});
    expected.push_back(i);
  }
  done = true;
  changes.join();
  EXPECT_EQ(ringmail::ask(steady[0], Seen{}, 10s), expected);
}

TEST_P(GroupTest, members_leave_a_group_when_they_end) {
  auto group = system().group<Reader>("readers");
  const auto all = readers(3);
  for (const auto& reader : all) EXPECT_TRUE(group.join(reader));
  EXPECT_FALSE(group.join(all[0]));
  EXPECT_EQ(group.members(), all);
  end(all[1]);
  EXPECT_TRUE(group.leave(all[0]));
  EXPECT_EQ(group.members(), std::vector{all[2]});
  EXPECT_EQ(system().group<Reader>("readers").size(), 1u);
  EXPECT_EQ(system().group<Reader>("writers").size(), 0u);
}

class RouterTest : public GroupTest {
 protected:
  ringmail::Group<Reader> pool(const std::vector<Mailbox<Reader>>& members) {
    auto group = system().group<Reader>("pool");
    for (const auto& member : members) group.join(member);
    return group;
  }
  static std::size_t count(const Mailbox<Reader>& reader) { return ringmail::ask(reader, Seen{}, 10s).value().size(); }
};
INSTANTIATE_TEST_SUITE_P(Schedulers, RouterTest, testing::Values(1, 2), testing::PrintToStringParamName());

TEST_P(RouterTest, round_robin_gives_each_its_turn) {
  const auto all = readers(4);
  Router router(pool(all));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(router.send(News{i}));
  for (std::size_t i = 0; i < 4; ++i) {
    const auto seen = ringmail::ask(all[i], Seen{}, 10s).value();
    ASSERT_EQ(seen.size(), 10u);
    for (std::size_t turn = 0; turn < 10; ++turn) EXPECT_EQ(seen[turn], static_cast<int>(4 * turn + i));
  }
}

TEST_P(RouterTest, a_broadcast_reaches_all) {
  const auto all = readers(4);
  Router router(pool(all), Route::broadcast);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(router.send(News{i}));
  for (const auto& reader : all) EXPECT_EQ(count(reader), 10u);
}

TEST_P(RouterTest, without_members_nobody_can_be_reached) {
  Router router(pool({}));
  EXPECT_EQ(router.send(News{}), std::unexpected(ringmail::SendError::unreachable));
  EXPECT_EQ(router.ask(Seen{}, 1s), std::unexpected(ringmail::AskError::unreachable));
  EXPECT_EQ(router.send_by(1, News{}), std::unexpected(ringmail::SendError::unreachable));
}

TEST_P(RouterTest, a_key_stays_with_its_member_and_only_those_of_one_that_leaves_move) {
  const auto all = readers(5);
  auto group = pool(all);
  Router router(group);
  std::map<int, Mailbox<Reader>> owner;
  std::map<std::uint64_t, int> keys;
  for (int key = 0; key < 1000; ++key) {
    owner[key] = router.of(key);
    EXPECT_EQ(router.of(key), owner[key]);
    ++keys[owner[key].address().actor.value()];
  }
  EXPECT_EQ(keys.size(), 5u);
  for (const auto& [member, share] : keys) EXPECT_GT(share, 100) << "a fifth each, roughly";
  group.leave(all[2]);
  for (int key = 0; key < 1000; ++key) {
    if (owner[key] == all[2]) {
      EXPECT_NE(router.of(key), all[2]);
    } else {
      EXPECT_EQ(router.of(key), owner[key]);
    }
  }
}

/// Answers when it is told to.
struct Work {};
struct Finish {};
class Worker : public ringmail::Actor {
 public:
  ringmail::Later<std::uint64_t> on(const Work&) {
    work_.push_back(this_actor::promise<std::uint64_t>());
    return {};
  }
  void on(const Finish&) {
    for (auto& promise : work_) promise.fulfil(this_actor::mailbox<Worker>().address().actor.value());
    work_.clear();
  }

 private:
  std::vector<ringmail::Promise<std::uint64_t>> work_;
};

/// Asks through a router, and says who answered.
struct Dispatch {};
struct Answered {};
class Dispatcher : public ringmail::Actor {
 public:
  explicit Dispatcher(ringmail::Group<Worker> workers) : router_(std::move(workers), Route::least_loaded) {}
  void on(const Dispatch&) {
    router_.ask_then(Work{}, 20s,
                     [this](std::expected<std::uint64_t, ringmail::AskError> who) { ++answers_[who.value()]; });
  }
  std::map<std::uint64_t, int> on(const Answered&) { return answers_; }

 private:
  Router<Worker> router_;
  std::map<std::uint64_t, int> answers_;
};

TEST_P(RouterTest, questions_go_to_whoever_has_the_fewest_unanswered) {
  std::vector<Mailbox<Worker>> workers;
  auto group = system().group<Worker>("workers");
  for (int i = 0; i < 3; ++i) {
    workers.push_back(system().spawn<Worker>());
    group.join(workers.back());
  }
  auto dispatcher = system().spawn<Dispatcher>(group);
  const auto dispatch = [&](int times) {
    for (int i = 0; i < times; ++i) ASSERT_TRUE(dispatcher.send(Dispatch{}));
  };
  const auto answers = [&] { return ringmail::ask(dispatcher, Answered{}, 10s).value(); };
  const auto finish = [&](std::size_t worker, int expected) {
    const std::uint64_t id = workers[worker].address().actor.value();
    while (answers()[id] < expected) ASSERT_TRUE(workers[worker].send(Finish{}));
    EXPECT_EQ(answers()[id], expected);
  };
  dispatch(6);
  finish(1, 2);  // the others still have two each
  dispatch(2);
  finish(1, 4);
  finish(0, 2);
  finish(2, 2);
}

/// Keeps what it is told.
class Undertaker : public ringmail::Actor {
 public:
  void on(const ringmail::DeadLetter& letter) { letters_.push_back(letter); }
  std::vector<ringmail::DeadLetter> on(const Seen&) { return letters_; }

 private:
  std::vector<ringmail::DeadLetter> letters_;
};

TEST_P(GroupTest, dead_letters_are_told_with_their_reason) {
  auto undertaker = system().spawn<Undertaker>();
  ASSERT_TRUE(system().dead_letters().subscribe(undertaker));
  auto reader = system().spawn<Reader>();
  end(reader);
  const auto of_reader = [&] {
    auto letters = ringmail::ask(undertaker, Seen{}, 10s).value();
    std::erase_if(letters, [&](const auto& letter) { return letter.target != reader.address().actor; });
    return letters;
  };
  const std::size_t before = of_reader().size();
  ASSERT_TRUE(reader.send(News{1}));
  EXPECT_FALSE(ringmail::ask(reader, Seen{}, 10s));
  // Told by the reader's scheduler, perhaps not the undertaker's.
  while (of_reader().size() != before + 2) {
  }
  const auto letters = of_reader();
  EXPECT_EQ(letters[before].why, "there is no such actor");
  EXPECT_FALSE(letters[before].asked);
  EXPECT_TRUE(letters[before + 1].asked);
}

TEST_P(GroupTest, a_dead_letter_about_a_dead_letter_is_not_told) {
  auto first = system().spawn<Undertaker>();
  auto second = system().spawn<Undertaker>();
  auto letters = system().dead_letters();
  letters.subscribe(first);
  letters.subscribe(second);
  first.stop();
  auto reader = system().spawn<Reader>();
  end(reader);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(reader.send(News{i}));
  // It ends; and shutdown's account balances.
  while (ringmail::ask(second, Seen{}, 10s).value().size() < 100) {
  }
}

}  // namespace

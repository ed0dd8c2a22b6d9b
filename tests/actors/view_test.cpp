// Handlers that take a message of variable length as a View: in place, for as long as they run, whoever sent it.
#include <atomic>
#include <numeric>
#include <string>
#include <vector>

#include "../transport/sanitized.hpp"
#include "ringmail/actors/actors.hpp"
#include "system_test.hpp"
#include "view.mail.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using view::Article;
using view::Digest;

Digest digest_of(const View<Article>& article) {
  return {.number = article.number,
          .length = article.title.size(),
          .sum = std::accumulate(article.figures.begin(), article.figures.end(), std::uint64_t{0})};
}

/// What an actor of this process shows when it is looked at.
struct Look {};

class Reader : public Actor {
 public:
  using Protocol = view::Reader;
  Digest on(const View<Article>& article) {
    const Digest before = digest_of(article);
    // What came meanwhile has waited, and lies elsewhere.
    if (article.number % 8 == 1) static_cast<void>(this_actor::sleep_for(1ms));
    EXPECT_EQ(digest_of(article), before);
    kept_ = article.title;
    return digest_of(article);
  }
  std::string on(const Look&) { return std::string(kept_); }

 private:
  std::string_view kept_;
};

class ViewTest : public SystemTest {
 protected:
  /// The account of this system does not have what a peer has sent.
  void TearDown() override { system().shutdown(); }

  Mailbox<view::Writer> spawn_writer(bool trusted) {
    auto writer =
        system().spawn_peer<view::Writer>({.name = "writer", .command = {RINGMAIL_VIEW_PEER}, .trusted = trusted});
    EXPECT_TRUE(writer) << writer.error();
    return *writer;
  }
  /// What the writer was answered, when that is so much.
  view::Tally await(Mailbox<view::Writer> writer, std::uint32_t answers) {
    view::Tally tally;
    transport::test::until([&] {
      tally = ask(writer, view::Ask{}, 20s).value_or(view::Tally{});
      return tally.right + tally.refused + tally.wrong >= answers;
    });
    return tally;
  }
  void be_written_to_by(bool trusted) {
    ASSERT_TRUE(system().publish("reader", system().spawn<Reader>()));
    const auto writer = spawn_writer(trusted);
    ASSERT_TRUE(writer.send(view::Order{.good = 500, .bad = 50}));
    const view::Tally tally = await(writer, 550);
    EXPECT_EQ(tally.right, 500u);
    EXPECT_EQ(tally.refused, 50u);
    EXPECT_EQ(tally.wrong, 0u);
  }
};

INSTANTIATE_TEST_SUITE_P(Schedulers, ViewTest, testing::Values(1u, 3u), testing::PrintToStringParamName());

TEST_P(ViewTest, is_of_the_very_object_that_was_sent_within_a_process) {
  struct Where {
    const void* title;
    const void* figures;
  };
  auto reader = system().spawn_on(GetParam() - 1, [](const View<Article>& article) {
    static_cast<void>(this_actor::sleep_for(1ms));
    return Where{article.title.data(), article.figures.data()};
  });
  auto sender = system().spawn_on(0, [reader](const Look&) {
    Article article{.title = std::string(100, 'x'), .figures = {1, 2, 3}};
    const Where before{article.title.data(), article.figures.data()};
    const auto seen = ask(reader, std::move(article), 20s);
    return seen && seen->title == before.title && seen->figures == before.figures;
  });
  EXPECT_TRUE(ask(sender, Look{}, 20s).value_or(false));
}

TEST_P(ViewTest, is_what_an_actor_takes_that_is_known_by_its_protocol) {
  Mailbox<view::Reader> reader = system().spawn<Reader>();
  const auto answer = ask(reader, Article{.number = 9, .title = "abc", .figures = {4, 5}}, 20s);
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, (Digest{.number = 9, .length = 3, .sum = 9}));
}

TEST_P(ViewTest, is_what_a_behaviour_takes) {
  class Changing : public Actor {
   public:
    Digest on(const Article& article) { return {.number = article.number}; }
    void on(const Look&) {
      this_actor::become<Changing>([](const View<Article>& article) { return digest_of(article); });
    }
  };
  auto changing = system().spawn<Changing>();
  ASSERT_TRUE(changing.send(Look{}));
  const auto viewed = ask(changing, Article{.number = 3, .title = "four"}, 20s);
  EXPECT_EQ(viewed.value_or(Digest{}).length, 4u);
}

TEST_P(ViewTest, can_be_put_aside_as_a_copy) {
  class Sleeper : public Actor {
   public:
    Digest on(const View<Article>& article) {
      return !awake_ && this_actor::stash(article) ? Digest{} : digest_of(article);
    }
    void on(const Look&) {
      awake_ = true;
      this_actor::unstash_all();
    }

   private:
    bool awake_ = false;
  };
  auto sleeper = system().spawn<Sleeper>();
  std::atomic<std::uint64_t> length = 0;
  auto asker = system().spawn([sleeper, &length](const Look&) {
    this_actor::ask_then(sleeper, Article{.title = "aside"}, 20s,
                         [&](const auto& digest) { length = digest.value_or(Digest{}).length; });
    static_cast<void>(sleeper.send(Look{}));
  });
  ASSERT_TRUE(asker.send(Look{}));
  EXPECT_TRUE(transport::test::until([&] { return length == 5; }));
}

TEST_P(ViewTest, lies_in_bytes_of_a_trusted_peer_that_were_copied_and_checked_first) { be_written_to_by(true); }
TEST_P(ViewTest, lies_in_bytes_of_an_untrusted_peer_that_were_copied_and_checked_first) { be_written_to_by(false); }

#ifndef NDEBUG
TEST_P(ViewTest, that_is_kept_longer_is_found_out) {
  if (transport::test::under_asan) GTEST_SKIP() << "AddressSanitizer ends the process of who looks";
  auto reader = system().spawn<Reader>();
  ASSERT_TRUE(system().publish("reader", reader));
  const auto writer = spawn_writer(true);
  ASSERT_TRUE(writer.send(view::Order{.good = 6}));  // the last has five letters
  ASSERT_EQ(await(writer, 6).right, 6u);
  EXPECT_EQ(ask(reader, Look{}, 20s), std::string(5, '\xdd'));
}
#endif

// A view is no message: what it shows is not the sender's to promise.
static_assert(Accepts<Reader, Article>);
static_assert(!Accepts<Reader, View<Article>>);
static_assert(std::is_same_v<Reply<Reader, Article>, Digest>);

/// The object as it is, where a handler takes that as well.
struct Both : Actor {
  int on(const Article&) { return 1; }
  long on(const View<Article>&) { return 2; }
};
static_assert(std::is_same_v<Reply<Both, Article>, int>);

}  // namespace
}  // namespace ringmail::test

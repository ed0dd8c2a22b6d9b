// A host of another version than the conformance peers: what one of them does not know, or was not sent, is no obstacle.
// Compiled once with an older schema and once with a newer one.
#include <gtest/gtest.h>

#include <optional>
#include <type_traits>

#include "../transport/deadline.hpp"
#include "languages.hpp"
#include "notes.mail.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::test {
namespace {

using conformance::Note;

constexpr auto patience = std::chrono::seconds(20);  ///< a watchdog, not a measure

class Evolution : public testing::TestWithParam<Language> {};

INSTANTIATE_TEST_SUITE_P(With, Evolution, testing::ValuesIn(languages()), [](const auto& info) {
  return info.param.name;
});

/// The newer one has these: the peer does not know of pages and remark, and cannot send them back.
template <class N>
void set_what_is_newer(N& note) {
  if constexpr (requires { note.pages; }) {
    note.author = "me";
    note.pages = 7;
    note.remark = "unknown to the peer";
  }
}
template <class N>
void expect_what_is_newer(const N& note, std::string_view author) {
  if constexpr (requires { note.pages; }) {
    EXPECT_EQ(note.author, author);
    EXPECT_EQ(note.pages, 3);
    EXPECT_FALSE(note.remark);
  }
}

TEST_P(Evolution, the_two_understand_each_other) {
  transport::test::start_watchdog();
  auto system = System::create({.schedulers = 1});
  ASSERT_TRUE(system);
  PeerOptions options{.name = GetParam().name, .command = GetParam().command};
  options.control_by_pipes = GetParam().by_pipes;
  const auto peer = system->spawn_peer<conformance::Notes>(options);
  ASSERT_TRUE(peer) << peer.error();

  Note note{.number = 21, .limit = 2.5, .title = "h\u00e9llo", .values = {1.5, -2.5}};
  set_what_is_newer(note);
  const auto reply = ask(*peer, note, patience);
  ASSERT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(reply->number, 42u);
  EXPECT_EQ(reply->limit, 2.5);
  EXPECT_EQ(reply->title, note.title);
  EXPECT_EQ(reply->values, (std::vector<double>{3, -5}));
  expect_what_is_newer(*reply, "me");

  const auto empty = ask(*peer, Note{}, patience);
  ASSERT_TRUE(empty) << to_string(empty.error());
  EXPECT_EQ(*empty, Note{});
  EXPECT_EQ(to_string(system->stop_and_wait(*peer).reason), to_string(ExitReason{}));
  system->shutdown();
}

}  // namespace
}  // namespace ringmail::test

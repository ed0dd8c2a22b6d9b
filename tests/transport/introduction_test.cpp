// Two peers that a host has introduced: they talk without it, and each can die and come back.
#include "ringmail/transport/introduction.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <vector>

#include "abi_pair.hpp"
#include "deadline.hpp"
#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::transport::test {
namespace {

constexpr std::uint32_t met = 1;  ///< the lane to the other, behind the one to the host
constexpr ringmail_mailbox other_peer = mailbox_on(met, 0);

/// Two peers of hosts of one lane each, and what lies between them.
class Two {
 public:
  Two() : memory_(*Introduction::create(4096, 4096)) {
    for (TestHost& host : hosts) host.more_features |= introductions;
  }

  void start(unsigned side, const std::function<int()>& body) {
    hosts[side].spawn(body);
    ASSERT_TRUE(hosts[side].shake_hands());
    introduce(side);
  }
  void restart(unsigned side, const std::function<int()>& body) {
    ASSERT_TRUE(hosts[side].respawn(body));
    introduce(side);
  }
  /// As the runtime does it; `spoil` may change what is sent.
  void introduce(
      unsigned side,
      const std::function<void(Introduce&, std::vector<int>&)>& spoil = [](Introduce&, std::vector<int>&) {}) {
    PeerBell& bell = *hosts[1 - side].incarnation().bell();
    ASSERT_TRUE(bell.pipe.open());
    const auto pipe = reopen_pipe(bell.pipe.read_end());
    ASSERT_TRUE(pipe);
    std::vector<int> descriptors{memory_.side(side).descriptor(), memory_.side(1 - side).descriptor(),
                                 bell.bell.segment().descriptor(), pipe->get()};
    Introduce introduce{.lane = met, .name = side == 0 ? "second" : "first", .mail_bytes = 4096, .control_bytes = 4096};
    spoil(introduce, descriptors);
    hosts[side].introduce(introduce, descriptors);
  }
  std::string answer_of(unsigned side) {
    const auto answer = hosts[side].next<Introduced>();
    return answer ? answer->text : "nothing";
  }
  const Introduction& memory() const { return memory_; }

  TestHost hosts[2];

 private:
  Introduction memory_;
};

/// Looks, as often as it takes, until the host has introduced this peer: it is sent to then.
int send_number(AbiPeer& peer, std::uint32_t number) {
  ringmail_message message;
  while (true) {
    const int sent = ringmail_send(peer, other_peer, 7, &number, sizeof number, -1);
    if (sent != RINGMAIL_ENOTFOUND) return sent;
    if (ringmail_receive(peer, &message) == 1) return RINGMAIL_EMISUSE;
    ringmail_wait(peer, 10'000'000);
  }
}
std::uint32_t number_of(const ringmail_message& message) {
  std::uint32_t number = 0;
  std::memcpy(&number, message.payload, sizeof number);
  return number;
}

ringmail_options polls(bool pollable) {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.pollable = pollable;
  return options;
}

/// Sends back what it gets, until it is told to stop.
std::function<int()> echo(bool pollable) {
  return [=]() -> int {
    const auto options = polls(pollable);
    AbiPeer peer(&options);
    ringmail_message message;
    int result = 0;
    while ((result = peer.next(message)) == 1) {
      if (message.correlation != 0) {
        PEER_EXPECT(ringmail_reply(peer, &message, message.type, message.payload, message.length) == 0);
      } else {
        PEER_EXPECT(message.lane == met && message.sender == other_peer);
        PEER_EXPECT(ringmail_send(peer, message.sender, 7, message.payload, message.length, -1) == 0);
      }
      PEER_EXPECT(ringmail_release(peer) == 0);
    }
    return result == RINGMAIL_ESTOPPED ? 0 : 1;
  };
}

TEST(Introduction, two_peers_stream_and_ask_each_other_without_the_host) {
  for (const int kinds : {0, 1, 2, 3}) {
    constexpr std::uint32_t count = 5'000;
    Two two;
    two.start(1, echo((kinds & 1) != 0));
    two.start(0, [=]() -> int {
      const auto options = polls((kinds & 2) != 0);
      AbiPeer peer(&options);
      ringmail_message message;
      std::uint32_t sent = 0;
      PEER_EXPECT(send_number(peer, sent++) == 0);
      for (std::uint32_t back = 0; back < count; ++back) {
        while (sent < count && ringmail_send(peer, other_peer, 7, &sent, sizeof sent, 0) == 0) ++sent;
        PEER_EXPECT(peer.next(message) == 1);
        PEER_EXPECT(number_of(message) == back && message.redelivered == 0);
        ringmail_release(peer);
      }
      std::uint32_t correlation = 0;
      PEER_EXPECT(ringmail_ask(peer, other_peer, 9, "ask", 3, -1, &correlation) == 0);
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(message.kind == RINGMAIL_REPLY && message.correlation == correlation && text_of(message) == "ask");
      ringmail_release(peer);
      ringmail_counters counters{};
      ringmail_count(peer, &counters);
      PEER_EXPECT(counters.lost_wakeups == 0);
      return 0;
    });
    EXPECT_EQ(two.answer_of(1), "");
    EXPECT_EQ(two.answer_of(0), "");
    EXPECT_EQ(two.hosts[0].join(), 0);
    two.hosts[1].stop();
    EXPECT_EQ(two.hosts[1].join(), 0);
    for (TestHost& host : two.hosts) EXPECT_TRUE(host.drain().empty());
    EXPECT_EQ(two.memory().mail_of(0)->messages, 0u);
    EXPECT_EQ(two.memory().mail_of(1)->messages, 0u);
  }
}

// --- Deaths

/// What a peer notes, whatever becomes of it: a pipe to the test.
class Notes {
 public:
  Notes() { EXPECT_EQ(pipe2(ends_.data(), O_NONBLOCK), 0); }
  ~Notes() {
    close(ends_[0]);
    close(ends_[1]);
  }
  void write(std::uint32_t number) const { static_cast<void>(!::write(ends_[1], &number, sizeof number)); }
  std::vector<std::uint32_t> read() const {
    std::vector<std::uint32_t> numbers;
    std::uint32_t number = 0;
    while (::read(ends_[0], &number, sizeof number) == sizeof number) numbers.push_back(number);
    return numbers;
  }

 private:
  std::array<int, 2> ends_{};
};

/// Every number from 0 to `count` is in the notes, in order; those that are there twice were redelivered.
void expect_all(const std::vector<std::uint32_t>& noted, std::uint32_t count) {
  std::uint32_t next = 0;
  for (const std::uint32_t number : noted) {
    ASSERT_LE(number, next) << "something is missing";
    if (number == next) ++next;
  }
  EXPECT_EQ(next, count);
}

TEST(Introduction, a_reader_that_is_killed_again_and_again_loses_nothing_and_its_writer_notices_nothing) {
  constexpr std::uint32_t count = 600;
  constexpr int deaths = 6;
  for (const bool pollable : {false, true}) {
    Two two;
    const Notes notes;
    const auto reader = [&](int after) {
      return [&notes, pollable, after]() -> int {
        const auto options = polls(pollable);
        AbiPeer peer(&options);
        ringmail_message message;
        for (int i = 0; true; ++i) {
          const int result = peer.next(message);
          if (result == RINGMAIL_ESTOPPED) return 0;
          PEER_EXPECT(result == 1);
          notes.write(number_of(message));
          if (i == after) std::raise(SIGKILL);
          ringmail_release(peer);
        }
      };
    };
    two.start(1, reader(50));
    two.start(0, [&]() -> int {
      AbiPeer peer;
      for (std::uint32_t i = 0; i < count; ++i) PEER_EXPECT(send_number(peer, i) == 0);
      ringmail_flush(peer);
      ringmail_message message;
      PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
      ringmail_counters counters{};
      ringmail_count(peer, &counters);
      PEER_EXPECT(counters.sent == count);
      return 0;
    });
    for (int death = 0; death < deaths; ++death) {
      EXPECT_EQ(two.hosts[1].join(), -SIGKILL);
      two.hosts[0].tell({.lane = met, .state = Presence::away});
      EXPECT_TRUE(two.memory().is_sound());
      two.restart(1, reader(death + 1 == deaths ? -1 : 40));
      two.hosts[0].tell({.lane = met, .state = Presence::there});
    }
    std::vector<std::uint32_t> noted;
    EXPECT_TRUE(until([&] {
      for (const std::uint32_t number : notes.read()) noted.push_back(number);
      return !noted.empty() && noted.back() == count - 1;
    }));
    for (TestHost& host : two.hosts) host.stop();
    for (TestHost& host : two.hosts) EXPECT_EQ(host.join(), 0);
    expect_all(noted, count);
    EXPECT_EQ(two.memory().mail_of(0)->messages, 0u);
  }
}

TEST(Introduction, a_writer_that_is_killed_leaves_what_it_published_and_its_successor_goes_on_behind_it) {
  constexpr int lives = 6;
  constexpr std::uint32_t each = 150;
  Two two;
  const Notes notes;
  const auto writer = [](int life) {
    return [life]() -> int {
      AbiPeer peer;
      for (std::uint32_t i = 0; i < each; ++i) {
        PEER_EXPECT(send_number(peer, static_cast<std::uint32_t>(life) * each + i) == 0);
      }
      ringmail_flush(peer);
      // Not published: it was never sent.
      PEER_EXPECT(send_number(peer, 1'000'000) == 0);
      if (life + 1 < lives) std::raise(SIGKILL);
      ringmail_message message;
      PEER_EXPECT(ringmail_receive(peer, &message) == 0);
      std::raise(SIGKILL);
      return 0;
    };
  };
  two.start(1, [&]() -> int {
    AbiPeer peer;
    ringmail_message message;
    int result = 0;
    while ((result = peer.next(message)) == 1) {
      notes.write(number_of(message));
      PEER_EXPECT(message.redelivered == 0);
      ringmail_release(peer);
    }
    return result == RINGMAIL_ESTOPPED ? 0 : 1;
  });
  two.start(0, writer(0));
  for (int life = 1; life < lives; ++life) {
    EXPECT_EQ(two.hosts[0].join(), -SIGKILL);
    EXPECT_TRUE(two.memory().is_sound());
    two.restart(0, writer(life));
  }
  EXPECT_EQ(two.hosts[0].join(), -SIGKILL);
  // A stop lets a peer read what others had published before it.
  two.hosts[1].stop();
  EXPECT_EQ(two.hosts[1].join(), 0);
  const auto noted = notes.read();
  EXPECT_EQ(noted.size(), lives * each);
  expect_all(noted, lives * each);
  EXPECT_EQ(two.memory().mail_of(0)->messages, 0u);
}

TEST(Introduction, both_may_be_dead_at_once) {
  Two two;
  const Notes notes;
  two.start(0, []() -> int {
    AbiPeer peer;
    for (std::uint32_t i = 0; i < 20; ++i) PEER_EXPECT(send_number(peer, i) == 0);
    ringmail_flush(peer);
    std::raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(two.hosts[0].join(), -SIGKILL);
  EXPECT_EQ(two.memory().mail_of(0)->messages, 20u);
  two.restart(0, []() -> int {
    AbiPeer peer;
    for (std::uint32_t i = 20; i < 30; ++i) PEER_EXPECT(send_number(peer, i) == 0);
    ringmail_flush(peer);
    std::raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(two.hosts[0].join(), -SIGKILL);
  two.start(1, [&]() -> int {
    AbiPeer peer;
    ringmail_message message;
    for (std::uint32_t i = 0; i < 30; ++i) {
      PEER_EXPECT(peer.next(message) == 1);
      notes.write(number_of(message));
      ringmail_release(peer);
    }
    return 0;
  });
  EXPECT_EQ(two.hosts[1].join(), 0);
  expect_all(notes.read(), 30);
}

TEST(Introduction, a_message_that_kills_is_told_how_often) {
  Two two;
  const auto reader = [](std::uint32_t life) {
    return [life]() -> int {
      AbiPeer peer;
      ringmail_message message;
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(message.attempt == life && (message.redelivered != 0) == (life != 0));
      if (life < 3) std::raise(SIGKILL);
      ringmail_release(peer);
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(message.attempt == 0);
      ringmail_release(peer);
      return 0;
    };
  };
  two.start(1, reader(0));
  two.start(0, []() -> int {
    AbiPeer peer;
    PEER_EXPECT(send_number(peer, 1) == 0);
    PEER_EXPECT(send_number(peer, 2) == 0);
    ringmail_flush(peer);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  });
  for (std::uint32_t life = 1; life <= 3; ++life) {
    EXPECT_EQ(two.hosts[1].join(), -SIGKILL);
    two.restart(1, reader(life));
  }
  EXPECT_EQ(two.hosts[1].join(), 0);
  two.hosts[0].stop();
  EXPECT_EQ(two.hosts[0].join(), 0);
}

TEST(Introduction, an_answer_to_a_dead_asker_does_not_reach_its_successor) {
  Two two;
  // Answers the first ask only when a second one has come.
  two.start(1, []() -> int {
    AbiPeer peer;
    ringmail_message first;
    ringmail_message second;
    PEER_EXPECT(peer.next(first) == 1);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(second) == 1);
    PEER_EXPECT(ringmail_reply(peer, &first, 7, "old", 3) == 0);
    PEER_EXPECT(ringmail_reply(peer, &second, 7, "new", 3) == 0);
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(peer.next(second) == RINGMAIL_ESTOPPED);
    return 0;
  });
  const auto asker = [](bool dies) {
    return [dies]() -> int {
      AbiPeer peer;
      ringmail_message message;
      std::uint32_t correlation = 0;
      while (ringmail_ask(peer, other_peer, 7, "", 0, -1, &correlation) == RINGMAIL_ENOTFOUND) {
        PEER_EXPECT(ringmail_receive(peer, &message) == 0);
        ringmail_wait(peer, 10'000'000);
      }
      ringmail_flush(peer);
      if (dies) std::raise(SIGKILL);
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(message.kind == RINGMAIL_REPLY && message.correlation == correlation);
      PEER_EXPECT(text_of(message) == "new");
      ringmail_release(peer);
      return 0;
    };
  };
  two.start(0, asker(true));
  EXPECT_EQ(two.hosts[0].join(), -SIGKILL);
  EXPECT_TRUE(until([&] { return two.memory().mail_of(0)->messages == 0; }));
  two.restart(0, asker(false));
  EXPECT_EQ(two.hosts[0].join(), 0);
  two.hosts[1].stop();
  EXPECT_EQ(two.hosts[1].join(), 0);
}

TEST(Introduction, a_peer_that_has_ended_is_sent_to_in_vain_and_what_it_left_is_read) {
  Two two;
  two.start(1, []() -> int {
    AbiPeer peer;
    PEER_EXPECT(send_number(peer, 9) == 0);
    return 0;
  });
  EXPECT_EQ(two.hosts[1].join(), 0);
  two.start(0, []() -> int {
    AbiPeer peer;
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(number_of(message) == 9);
    ringmail_release(peer);
    while (true) {
      const int sent = ringmail_send(peer, other_peer, 7, "", 0, 0);
      if (sent != 0 && sent != RINGMAIL_EFULL) break;
      ringmail_wait(peer, 1'000'000);
    }
    PEER_EXPECT(contains(peer.error(), "the peer 'second' has ended"));
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  });
  EXPECT_EQ(two.answer_of(0), "");
  two.hosts[0].tell({.lane = met, .state = Presence::ended});
  two.hosts[0].stop();
  EXPECT_EQ(two.hosts[0].join(), 0);
}

TEST(Introduction, answers_to_a_peer_that_is_away_do_not_stop_who_gives_them) {
  Two two;
  two.start(1, []() -> int {
    AbiPeer peer;
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    const std::string large(1000, 'x');
    for (int i = 0; i < 100; ++i) PEER_EXPECT(ringmail_reply(peer, &message, 7, large.data(), 1000) == 0);
    ringmail_release(peer);
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  });
  two.start(0, []() -> int {
    AbiPeer peer;
    ringmail_message message;
    std::uint32_t correlation = 0;
    while (ringmail_ask(peer, other_peer, 7, "", 0, -1, &correlation) == RINGMAIL_ENOTFOUND) {
      PEER_EXPECT(ringmail_receive(peer, &message) == 0);
      ringmail_wait(peer, 10'000'000);
    }
    ringmail_flush(peer);
    std::raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(two.hosts[0].join(), -SIGKILL);
  two.hosts[1].tell({.lane = met, .state = Presence::away});
  two.hosts[1].stop();
  EXPECT_EQ(two.hosts[1].join(), 0);
}

// --- What is not taken

std::function<int()> lives_on() {
  return []() -> int {
    AbiPeer peer;
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(text_of(message) == "still here");
    ringmail_release(peer);
    PEER_EXPECT(ringmail_send(peer, other_peer, 7, "", 0, 0) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  };
}

TEST(Introduction, a_lane_that_is_none_is_refused_and_the_link_to_the_host_goes_on) {
  const Segment unsealed = *Segment::create("ringmail.test", Introduction::create(4096, 4096)->layout().peer_bytes());
  struct Case {
    const char* part;
    std::function<void(Introduce&, std::vector<int>&)> spoil;
  };
  const Case cases[] = {
      {"descriptors", [](Introduce&, std::vector<int>& with) { with.pop_back(); }},
      {"does not have the size", [](Introduce& introduce, std::vector<int>&) { introduce.mail_bytes = 8192; }},
      {"lacks the seals", [&](Introduce&, std::vector<int>& with) { with[0] = unsealed.descriptor(); }},
      {"the other's bell", [](Introduce&, std::vector<int>& with) { with[2] = with[0]; }},
      {"is no pipe", [](Introduce&, std::vector<int>& with) { with[3] = with[2]; }},
      {"is not the next", [](Introduce& introduce, std::vector<int>&) { introduce.lane = 0; }},
      {"is not the next", [](Introduce& introduce, std::vector<int>&) { introduce.lane = 200; }},
  };
  for (const Case& bad : cases) {
    SCOPED_TRACE(bad.part);
    Two two;
    two.hosts[0].spawn(lives_on());
    ASSERT_TRUE(two.hosts[0].shake_hands());
    two.introduce(0, bad.spoil);
    const std::string answer = two.answer_of(0);
    EXPECT_TRUE(contains(answer, bad.part)) << answer;
    two.hosts[0].send("still here");
    two.hosts[0].stop();
    EXPECT_EQ(two.hosts[0].join(), 0);
  }
}

TEST(Introduction, what_a_hostile_peer_writes_ends_that_lane_alone) {
  constexpr std::uint64_t too_long = 0x0000'0002'7fff'ffff;  // the commit word of a message
  constexpr std::uint64_t stop = 0x0000'0005'0000'0000;      // of an empty one that only hosts send
  constexpr std::uint64_t signal = 0x0000'0008'0000'0000;
  constexpr std::uint64_t large = 0x0000'0009'0000'0000;
  struct Case {
    const char* part;
    bool on_control;
    std::uint64_t word;
    bool is_there;  ///< before the lane is
  };
  const Case cases[] = {{"longer", false, too_long, false},
                        {"only a host sends", true, stop, false},
                        {"a system frame as mail", false, stop, false},
                        {"a system frame as mail", false, signal, false},
                        {"a system frame as mail", false, large, false},
                        {"impossible", false, too_long, true}};
  for (const Case& bad : cases) {
    SCOPED_TRACE(bad.part);
    Two two;
    auto mapping = two.memory().side(1).map(Mapping::Access::write);
    ASSERT_TRUE(mapping);
    const auto& layout = two.memory().layout();
    auto& word =
        detail::word_at(mapping->data(), bad.on_control ? layout.peer_control_data(0) : layout.peer_mail_data(0));
    if (bad.is_there) word.store(bad.word);
    two.start(0, lives_on());
    if (!bad.is_there) {
      EXPECT_EQ(two.answer_of(0), "");
      word.store(bad.word);
      wake(two.hosts[0].incarnation().bell()->bell[0]);
    } else {
      EXPECT_FALSE(two.memory().is_sound());
    }
    const std::string answer = two.answer_of(0);
    EXPECT_TRUE(contains(answer, bad.part)) << answer;
    two.hosts[0].send("still here");
    two.hosts[0].stop();
    EXPECT_EQ(two.hosts[0].join(), 0);
  }
}

TEST(Introduction, an_impossible_cursor_gives_no_room_and_ends_that_lane_alone) {
  Two two;
  auto mapping = two.memory().side(1).map(Mapping::Access::write);
  ASSERT_TRUE(mapping);
  two.start(0, []() -> int {
    AbiPeer peer;
    PEER_EXPECT(send_number(peer, 0) == 0);
    const std::uint32_t number = 1;
    int sent = 0;
    do {
      sent = ringmail_send(peer, other_peer, 7, &number, sizeof number, 0);
    } while (sent == 0 || sent == RINGMAIL_EFULL);
    PEER_EXPECT(sent == RINGMAIL_ENOTFOUND && contains(ringmail_error(peer), "broke the protocol"));
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  });
  EXPECT_EQ(two.answer_of(0), "");
  mapping->at<ConsumerBlock>(two.memory().layout().peer_mail_consumer(0))->cursor.store(std::uint64_t{1} << 40);
  const std::string answer = two.answer_of(0);
  EXPECT_TRUE(contains(answer, "'second' broke the protocol")) << answer;
  two.hosts[0].stop();
  EXPECT_EQ(two.hosts[0].join(), 0);
}

TEST(Introduction, there_are_no_bodies_and_no_monitors_between_peers) {
  Two two;
  two.start(1, echo(false));
  two.start(0, []() -> int {
    AbiPeer peer;
    PEER_EXPECT(send_number(peer, 1) == 0);
    ringmail_body body{};
    PEER_EXPECT(ringmail_loan_large(peer, other_peer, 100, 0, &body) == RINGMAIL_EREFUSED);
    PEER_EXPECT(contains(ringmail_error(peer), "no bodies between two peers"));
    std::uint64_t monitor = 0;
    PEER_EXPECT(ringmail_monitor(peer, other_peer, 0, &monitor) == RINGMAIL_EREFUSED);
    PEER_EXPECT(contains(ringmail_error(peer), "no monitors between two peers"));
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1 && number_of(message) == 1);
    ringmail_release(peer);
    return 0;
  });
  EXPECT_EQ(two.answer_of(1), "");
  EXPECT_EQ(two.answer_of(0), "");
  EXPECT_EQ(two.hosts[0].join(), 0);
  two.hosts[1].stop();
  EXPECT_EQ(two.hosts[1].join(), 0);
}

TEST(Introduction, who_has_not_agreed_to_be_introduced_is_not) {
  Two two;
  two.hosts[0].more_features = 0;
  two.start(0, lives_on());
  EXPECT_EQ(two.answer_of(0), "introductions were not agreed on");
  two.hosts[0].send("still here");
  two.hosts[0].stop();
  EXPECT_EQ(two.hosts[0].join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

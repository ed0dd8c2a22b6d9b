// Two processes without a system: one listens at a path, the others attach to it.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "listen_fixture.hpp"
#include "ringmail/transport/join.hpp"

namespace ringmail::transport::test {
namespace {

// --- Talking

TEST(Listen, a_peer_that_has_attached_asks_and_is_answered) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == 0);
    PEER_EXPECT(std::string_view(ringmail_name(peer)) == "desk");
    std::uint32_t correlation = 0;
    PEER_EXPECT(ringmail_ask(peer, market(peer), 7, "how?", 4, -1, &correlation) == 0);
    ringmail_message answer;
    PEER_EXPECT(peer.next(answer) == 1);
    PEER_EXPECT(answer.kind == RINGMAIL_REPLY && answer.correlation == correlation && text_of(answer) == "so");
    ringmail_release(peer);
    return 0;
  });
  const Link link = listener.accept();
  EXPECT_STREQ(ringmail_name(link), "desk");
  EXPECT_EQ(ringmail_incarnation(link), 1u);
  ringmail_message message;
  ASSERT_EQ(link.next(message), 1) << ringmail_error(link);
  EXPECT_EQ(text_of(message), "how?");
  EXPECT_EQ(message.target, 1u);
  EXPECT_EQ(ringmail_reply(link, &message, 8, "so", 2), 0);
  EXPECT_EQ(ringmail_release(link), 0);
  EXPECT_EQ(peer.join(), 0);
}

TEST(Listen, a_name_is_looked_up_while_the_one_who_knows_it_is_busy) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    const ringmail_mailbox to = market(peer);
    PEER_EXPECT(to != 0);
    for (int i = 0; i < 100'000; ++i) PEER_EXPECT(send(peer, to, "busy") == 0);
    ringmail_mailbox none = 0;
    PEER_EXPECT(ringmail_lookup(peer, "nobody", soon, &none) == RINGMAIL_ENOTFOUND);
    PEER_EXPECT(market(peer) == to);
    PEER_EXPECT(send(peer, to, "last") == 0);
    return 0;
  });
  const Link link = listener.accept();
  while (link.text().value_or("last") != "last") {
  }
  EXPECT_EQ(peer.join(), 0);
}

TEST(Listen, whoever_is_sent_to_can_send_back_to_the_sender) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    const std::string text(text_of(message));
    PEER_EXPECT(ringmail_release(peer) == 0);
    PEER_EXPECT(send(peer, message.sender, text + " back") == 0);
    PEER_EXPECT(ringmail_flush(peer) == 0);
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(text_of(message) == "and again");
    return 0;
  });
  const Link link = listener.accept();
  EXPECT_EQ(link.send("there"), 0);
  ringmail_flush(link);
  ringmail_message message;
  ASSERT_EQ(link.next(message), 1);
  EXPECT_EQ(text_of(message), "there back");
  ringmail_mailbox desk = 0;
  EXPECT_EQ(ringmail_lookup(link, "desk", 0, &desk), 0);
  EXPECT_EQ(desk, message.sender);
  EXPECT_EQ(ringmail_lookup(link, "market", 0, &desk), RINGMAIL_ENOTFOUND);
  ringmail_release(link);
  EXPECT_EQ(link.send("and again", message.sender), 0);
  ringmail_flush(link);
  EXPECT_EQ(peer.join(), 0);
}

TEST(Listen, a_stream_larger_than_the_ring_arrives_in_order_both_ways) {
  constexpr std::uint64_t count = 20'000;
  for (const bool pollable : {false, true}) {
    const Listener listener;
    Process peer([&]() -> int {
      const auto options = listener.from("desk", pollable);
      AbiPeer peer(&options);
      ringmail_message message;
      for (std::uint64_t i = 0; i < count; ++i) {
        PEER_EXPECT(peer.next(message) == 1);
        PEER_EXPECT(message.length == sizeof i && std::memcmp(message.payload, &i, sizeof i) == 0);
        PEER_EXPECT(ringmail_send(peer, message.sender, 7, &i, sizeof i, -1) == 0);
        PEER_EXPECT(ringmail_release(peer) == 0);
      }
      return 0;
    });
    const Link link = listener.accept();
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    ringmail_message message;
    while (received < count) {
      // Sends what there is room for, so that neither side waits for the other with its own ring full.
      while (sent < count && ringmail_send(link, 1, 7, &sent, sizeof sent, 0) == 0) ++sent;
      ringmail_flush(link);
      ASSERT_EQ(link.next(message), 1) << ringmail_error(link);
      ASSERT_EQ(std::memcmp(message.payload, &received, sizeof received), 0);
      ++received;
      ringmail_release(link);
    }
    EXPECT_EQ(peer.join(), 0);
    EXPECT_EQ(link.unfinished(), 0u);
    EXPECT_EQ(link.counters().lost_wakeups, 0u);
  }
}

TEST(Listen, who_waits_for_room_is_woken_by_who_reads) {
  for (const bool pollable : {false, true}) {
    const Listener listener;
    Process peer([&]() -> int {
      const auto options = listener.from("desk", pollable);
      AbiPeer peer(&options);
      ringmail_message message;
      for (int i = 0; i < 300; ++i) {
        PEER_EXPECT(peer.next(message) == 1);
        if (i % 50 == 0) look_away();
        PEER_EXPECT(ringmail_release(peer) == 0);
      }
      const ringmail_mailbox back = message.sender;
      for (int i = 0; i < 300; ++i) PEER_EXPECT(send(peer, back, std::string(100, 'x')) == 0);
      return 0;
    });
    const Link link = listener.accept();
    const std::string text(100, 'y');
    for (int i = 0; i < 300; ++i) ASSERT_EQ(link.send(text), 0) << ringmail_error(link);
    ringmail_flush(link);
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(link.text());
    EXPECT_EQ(peer.join(), 0);
  }
}

TEST(Listen, a_peer_without_a_name_is_let_in_and_its_mail_dies_with_it) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from(nullptr);
    AbiPeer peer(&options);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    return 0;  // without a release
  });
  {
    const Link link = listener.accept();
    EXPECT_EQ(link.send("a"), 0);
    EXPECT_EQ(link.send("b"), 0);
    ringmail_message message;
    EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
  }
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(listener.counters().waiting, 0u);
  EXPECT_EQ(listener.counters().given_up, 2u);
}

// --- Ends

TEST(Listen, what_a_peer_published_is_received_before_its_end_is_told_with_its_last_words) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    const ringmail_mailbox to = market(peer);
    for (const char* text : {"one", "two", "three"}) PEER_EXPECT(send(peer, to, text) == 0);
    ringmail_fail(peer, "out of luck");
    std::raise(SIGKILL);
    return 0;
  });
  const Link link = listener.accept();
  EXPECT_EQ(ringmail_wait(link, soon), 1);
  EXPECT_EQ(peer.join(), -SIGKILL);
  EXPECT_EQ(link.text(), "one");
  EXPECT_EQ(link.text(), "two");
  EXPECT_EQ(link.text(), "three");
  ringmail_message message;
  EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
  EXPECT_TRUE(contains(ringmail_error(link), "out of luck")) << ringmail_error(link);
  EXPECT_EQ(link.send("x"), RINGMAIL_ECLOSED);
  EXPECT_EQ(ringmail_wait(link, 0), RINGMAIL_ECLOSED);
}

TEST(Listen, a_child_of_the_peer_that_holds_the_stream_does_not_hide_its_death) {
  const Listener listener;
  std::array<int, 2> held{};
  ASSERT_EQ(pipe(held.data()), 0);
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    market(peer);
    if (fork() == 0) {  // ends when the test closes its end
      close(held[1]);
      char byte = 0;
      static_cast<void>(!read(held[0], &byte, 1));
      _exit(0);
    }
    std::raise(SIGKILL);
    return 0;
  });
  const Link link = listener.accept();
  ringmail_message message;
  EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
  EXPECT_EQ(peer.join(), -SIGKILL);
  close(held[0]);
  close(held[1]);
}

TEST(Listen, a_stop_comes_behind_the_mail_and_what_is_sent_after_it_is_for_the_next) {
  const Listener listener;
  const auto body = [&](std::string_view first, std::size_t count) -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    ringmail_message message;
    for (std::size_t i = 0; i < count; ++i) {
      PEER_EXPECT(peer.next(message) == 1);
      if (i == 0) PEER_EXPECT(text_of(message) == first);
      ringmail_release(peer);
    }
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  };
  Process peer([&] { return body("a", 2); });
  Link link = listener.accept();
  EXPECT_EQ(link.send("a"), 0);
  EXPECT_EQ(link.send("b"), 0);
  EXPECT_EQ(ringmail_stop(link), 0);
  EXPECT_EQ(link.send("c"), 0);
  ringmail_message message;
  EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
  EXPECT_EQ(peer.join(), 0);
  EXPECT_EQ(listener.counters().waiting, 1u);

  Process next([&] { return body("c", 1); });
  link = listener.accept();
  EXPECT_EQ(ringmail_incarnation(link), 2u);
  EXPECT_EQ(ringmail_stop(link), 0);
  EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
  EXPECT_EQ(next.join(), 0);
  EXPECT_EQ(listener.counters().waiting, 0u);
}

/// Received by the peers in the file, one byte each: what an incarnation had in hand when it was killed comes again.
TEST(Listen, a_peer_that_is_killed_in_mid_stream_again_and_again_is_taken_up_without_loss) {
  constexpr std::uint32_t count = 400;
  constexpr int lives = 8;
  for (const bool pollable : {false, true}) {
    const Listener listener;
    std::uint32_t next_sent = 0;
    std::uint32_t echoed = 0;  // the next number that has not come back
    std::uint64_t received = 0;
    std::uint64_t repeated = 0;
    for (int life = 0; life < lives && echoed < count; ++life) {
      Process peer([&]() -> int {
        const auto options = listener.from("desk", pollable);
        AbiPeer peer(&options);
        ringmail_message message;
        // It dies with a message in hand, what it sent for it published or not.
        for (int i = 0;; ++i) {
          PEER_EXPECT(peer.next(message) == 1);
          PEER_EXPECT(ringmail_send(peer, message.sender, 7, message.payload, message.length, -1) == 0);
          if (i == 60 && life + 1 < lives) {
            if (life % 2 == 0) ringmail_flush(peer);
            std::raise(SIGKILL);
          }
          PEER_EXPECT(ringmail_release(peer) == 0);
        }
      });
      const Link link = listener.accept();
      EXPECT_EQ(ringmail_incarnation(link), static_cast<std::uint64_t>(life + 1));
      ringmail_message message;
      while (echoed < count) {
        while (next_sent < count && ringmail_send(link, 1, 7, &next_sent, sizeof next_sent, 0) == 0) ++next_sent;
        ringmail_flush(link);
        const int result = link.next(message);
        if (result == RINGMAIL_ECLOSED) break;
        ASSERT_EQ(result, 1) << ringmail_error(link);
        std::uint32_t number = 0;
        std::memcpy(&number, message.payload, sizeof number);
        ++received;
        // In order, and nothing is left out; what is repeated has been there before.
        ASSERT_LE(number, echoed);
        number == echoed ? ++echoed : ++repeated;
        ringmail_release(link);
      }
      // sent = finished + unfinished, by its own account.
      ringmail_listener_counters left = listener.counters();
      if (echoed < count) {
        EXPECT_EQ(left.waiting, link.unfinished());
      }
      EXPECT_EQ(left.given_up, 0u);
    }
    EXPECT_EQ(next_sent, count);
    EXPECT_EQ(echoed, count);
    EXPECT_EQ(received, echoed + repeated);
    EXPECT_GT(repeated, 0u);
  }
}

TEST(Listen, a_message_that_kills_is_told_how_often) {
  const Listener listener;
  for (std::uint32_t life = 0; life < 3; ++life) {
    Process peer([&]() -> int {
      const auto options = listener.from("desk");
      AbiPeer peer(&options);
      ringmail_message message;
      PEER_EXPECT(peer.next(message) == 1);
      PEER_EXPECT(message.attempt == life);
      PEER_EXPECT((message.redelivered != 0) == (life != 0));
      std::raise(SIGKILL);
      return 0;
    });
    const Link link = listener.accept();
    if (life == 0) {
      EXPECT_EQ(link.send("poison"), 0);
    }
    ringmail_message message;
    EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
    EXPECT_EQ(peer.join(), -SIGKILL);
  }
}

TEST(Listen, who_attaches_learns_that_the_listener_died_and_finds_the_next_at_the_same_path) {
  Listener listener;
  std::array<int, 2> told{};
  ASSERT_EQ(pipe(told.data()), 0);
  listener.unlisten();
  const auto serve = [&](bool dies) {
    return [&listener, dies, &told]() -> int {
      ringmail_listener* own = nullptr;
      PEER_EXPECT(ringmail_listen(&listener.options, &own) == 0);
      PEER_EXPECT(write(told[1], "x", 1) == 1);
      ringmail_peer* peer = nullptr;
      PEER_EXPECT(ringmail_accept(own, soon, &peer) == 1);
      const Link link(peer);
      PEER_EXPECT(link.send("hello") == 0);
      ringmail_flush(link);
      PEER_EXPECT(link.text() == "again");
      if (dies) std::raise(SIGKILL);
      return 0;
    };
  };
  for (const bool dies : {true, false}) {
    Process server(serve(dies));
    char byte = 0;
    ASSERT_EQ(read(told[0], &byte, 1), 1);
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    ASSERT_EQ(peer.attached(), 0) << peer.error();
    ringmail_message message;
    ASSERT_EQ(peer.next(message), 1);
    EXPECT_EQ(text_of(message), "hello");
    ringmail_release(peer);
    EXPECT_EQ(send(peer, message.sender, "again"), 0);
    ringmail_flush(peer);
    EXPECT_EQ(peer.next(message), RINGMAIL_ECLOSED);
    EXPECT_EQ(server.join(), dies ? -SIGKILL : 0);
  }
  close(told[0]);
  close(told[1]);
}

TEST(Listen, the_next_of_a_name_waits_for_the_end_of_the_one_before) {
  const Listener listener;
  const auto body = [&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == 0);
    PEER_EXPECT(send(peer, market(peer), "here") == 0);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == RINGMAIL_ESTOPPED);
    return 0;
  };
  Process first(body);
  Link link = listener.accept();
  Process second(body);
  ringmail_peer* none = nullptr;
  EXPECT_EQ(ringmail_accept(listener, 50'000'000, &none), 0);
  EXPECT_EQ(ringmail_stop(link), 0);
  EXPECT_EQ(link.text(), "here");
  ringmail_message message;
  EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
  link = listener.accept();
  EXPECT_EQ(ringmail_incarnation(link), 2u);
  EXPECT_EQ(link.text(), "here");
  EXPECT_EQ(ringmail_stop(link), 0);
  EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
  EXPECT_EQ(first.join(), 0);
  EXPECT_EQ(second.join(), 0);
}

TEST(Listen, a_name_that_is_taken_for_long_is_refused) {
  const Listener listener;
  const auto body = [&](int expected) {
    return [&listener, expected]() -> int {
      const auto options = listener.from("desk");
      AbiPeer peer(&options);
      PEER_EXPECT(peer.attached() == expected);
      if (expected != 0) PEER_EXPECT(contains(peer.error(), "'desk' is connected already"));
      ringmail_message message;
      PEER_EXPECT(peer.next(message) == RINGMAIL_ECLOSED);
      return 0;
    };
  };
  Process first(body(0));
  Link link = listener.accept();
  Process second(body(RINGMAIL_EREFUSED));
  ringmail_peer* none = nullptr;
  EXPECT_EQ(ringmail_accept(listener, 2'200'000'000, &none), 0);
  EXPECT_EQ(second.join(), 0);
  link = Link();
  EXPECT_EQ(first.join(), 0);
}

// --- Several at once

TEST(Listen, one_thread_waits_for_several_peers_and_the_listener_at_once) {
  constexpr int peers = 4;
  constexpr int messages = 200;
  const Listener listener;
  std::vector<std::unique_ptr<Process>> processes;
  for (int i = 0; i < peers; ++i) {
    processes.push_back(std::make_unique<Process>([&, i]() -> int {
      const std::string name = "desk " + std::to_string(i);
      const auto options = listener.from(name.c_str());
      AbiPeer peer(&options);
      const ringmail_mailbox to = market(peer);
      ringmail_message answer;
      for (int j = 0; j < messages; ++j) {
        std::uint32_t correlation = 0;
        PEER_EXPECT(ringmail_ask(peer, to, 7, name.data(), static_cast<std::uint32_t>(name.size()), -1, &correlation) ==
                    0);
        PEER_EXPECT(peer.next(answer) == 1);
        PEER_EXPECT(text_of(answer) == name);
        ringmail_release(peer);
      }
      return 0;
    }));
  }
  std::vector<Link> links;
  int answered = 0;
  int ended = 0;
  while (ended < peers) {
    std::vector<pollfd> polled{{.fd = ringmail_listener_descriptor(listener), .events = POLLIN, .revents = 0}};
    int timeout_ms = 1000;
    for (const Link& link : links) {
      std::int64_t longest_ns = 0;
      const int prepared = ringmail_prepare(link, 1, &longest_ns);
      ASSERT_GE(prepared, 0) << ringmail_error(link);
      timeout_ms = std::min(timeout_ms, prepared == 0 ? static_cast<int>(longest_ns / 1'000'000) + 1 : 0);
      polled.push_back({.fd = ringmail_descriptor(link), .events = POLLIN, .revents = 0});
    }
    poll(polled.data(), polled.size(), timeout_ms);
    for (std::size_t i = links.size(); i > 0; --i) {
      const Link& link = links[i - 1];
      if (polled[i].revents != 0) {
        ASSERT_EQ(ringmail_resume(link), 0) << ringmail_error(link);
      }
      ringmail_message message;
      int result = 0;
      while ((result = ringmail_receive(link, &message)) == 1) {
        EXPECT_EQ(ringmail_reply(link, &message, 7, message.payload, message.length), 0);
        ringmail_release(link);
        ++answered;
      }
      if (result == RINGMAIL_ECLOSED) {
        ++ended;
        links.erase(links.begin() + static_cast<std::ptrdiff_t>(i) - 1);
      }
    }
    ringmail_peer* peer = nullptr;
    while (ringmail_accept(listener, 0, &peer) == 1) links.emplace_back(peer);
  }
  EXPECT_EQ(answered, peers * messages);
  for (auto& process : processes) EXPECT_EQ(process->join(), 0);
}

TEST(Listen, each_peer_may_be_used_by_a_thread_of_its_own) {
  constexpr int lives = 24;
  constexpr int messages = 50;
  const Listener listener;
  const auto live = [&](int i) {
    return [&, i]() -> int {
      const std::string name = "desk " + std::to_string(i % 4);  // so that some wait for the end of the one before
      const auto options = listener.from(name.c_str());
      AbiPeer peer(&options);
      PEER_EXPECT(peer.attached() == 0);
      ringmail_message answer;
      for (int j = 0; j < messages; ++j) {
        std::uint32_t correlation = 0;
        PEER_EXPECT(ringmail_ask(peer, 1, 7, name.data(), static_cast<std::uint32_t>(name.size()), -1, &correlation) ==
                    0);
        PEER_EXPECT(peer.next(answer) == 1);
        PEER_EXPECT(text_of(answer) == name);
        ringmail_release(peer);
      }
      return 0;
    };
  };
  // All forks come before the first thread.
  std::vector<std::unique_ptr<Process>> processes;
  for (int i = 0; i < lives; ++i) processes.push_back(std::make_unique<Process>(live(i)));
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < lives; ++i) {
    threads.emplace_back([&answered, link = listener.accept()] {
      ringmail_message message;
      int result = 0;
      while ((result = link.next(message)) == 1) {
        EXPECT_EQ(ringmail_reply(link, &message, 7, message.payload, message.length), 0);
        EXPECT_EQ(ringmail_release(link), 0);
        ++answered;
      }
      EXPECT_EQ(result, RINGMAIL_ECLOSED);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, lives * messages);
  for (auto& process : processes) EXPECT_EQ(process->join(), 0);
  EXPECT_EQ(listener.counters().waiting + listener.counters().given_up, 0u);
}

TEST(Listen, who_waits_for_an_answer_alone_learns_of_the_end_before_its_mail_is_received) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    ringmail_message question;
    PEER_EXPECT(peer.next(question) == 1);
    PEER_EXPECT(send(peer, 1, "mail") == 0);
    ringmail_flush(peer);
    return 0;
  });
  const Link link = listener.accept();
  std::uint32_t correlation = 0;
  ASSERT_EQ(ringmail_ask(link, 1, 7, "how?", 4, soon, &correlation), 0);
  ringmail_message message;
  int result = 0;
  while ((result = ringmail_receive_reply(link, &message)) == 0) {
    std::int64_t longest_ns = 0;
    const int prepared = ringmail_prepare(link, 0, &longest_ns);
    ASSERT_GE(prepared, 0) << ringmail_error(link);
    pollfd polled{.fd = ringmail_descriptor(link), .events = POLLIN, .revents = 0};
    poll(&polled, 1, prepared == 0 ? static_cast<int>(longest_ns / 1'000'000) + 1 : 0);
    if (polled.revents != 0) {
      ASSERT_EQ(ringmail_resume(link), 0);
    }
  }
  EXPECT_EQ(result, RINGMAIL_ECLOSED);
  EXPECT_EQ(peer.join(), 0);
  // Nothing to do for who takes no mail; but for who does.
  std::int64_t longest_ns = 0;
  while ((result = ringmail_prepare(link, 0, &longest_ns)) == 2) {
  }
  EXPECT_EQ(result, 0);
  EXPECT_EQ(ringmail_prepare(link, 1, &longest_ns), 1);
  EXPECT_EQ(link.text(), "mail");
  EXPECT_EQ(ringmail_prepare(link, 1, &longest_ns), 1);
  EXPECT_EQ(link.next(message), RINGMAIL_ECLOSED);
}

TEST(Listen, another_thread_or_a_signal_ends_a_wait_for_a_peer) {
  for (const bool pollable : {false, true}) {
    const Listener listener;
    Process peer([&]() -> int {
      const auto options = listener.from("desk", pollable);
      AbiPeer peer(&options);
      ringmail_message message;
      PEER_EXPECT(peer.next(message) == RINGMAIL_ECLOSED);
      return 0;
    });
    Link link = listener.accept();
    ringmail_interrupt(link);
    EXPECT_EQ(ringmail_wait(link, soon), RINGMAIL_EINTERRUPTED);
    link = Link();
    EXPECT_EQ(peer.join(), 0);
  }
}

// --- Who is not let in

/// A hello's, by hand.
constexpr std::uint64_t offered = features_everywhere | stream_doorbell;

/// A connection without a peer behind it.
Descriptor connection(const std::string& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

TEST(Listen, those_who_say_nothing_or_nonsense_delay_nobody_and_are_told_why) {
  const Listener listener;
  std::vector<Descriptor> silent;
  for (int i = 0; i < 50; ++i) silent.push_back(connection(listener.path));
  ControlStream talker(connection(listener.path));
  const std::string_view nonsense = "GET / HTTP/1.1\r\n\r\n";
  ASSERT_GT(::send(talker.descriptor(), nonsense.data(), nonsense.size(), 0), 0);
  ControlStream sender(connection(listener.path));
  ASSERT_TRUE(
      sender.send(Hello::kind, encode(Hello{.features = offered, .language = "c"}), std::array{talker.descriptor()}));
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == 0);
    return 0;
  });
  const Link link = listener.accept(1'500'000'000);
  EXPECT_STREQ(ringmail_name(link), "desk");
  EXPECT_EQ(peer.join(), 0);
  for (ControlStream* stream : {&talker, &sender}) {
    const auto frame = stream->receive_until(monotonic_ns() + soon);
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->kind, ControlKind::refused);
  }
}

TEST(Listen, a_peer_that_vanishes_in_its_handshake_costs_no_mail) {
  const Listener listener;
  for (int life = 0; life < 3; ++life) {
    ControlStream half(connection(listener.path));
    ASSERT_TRUE(half.send(Hello::kind, encode(Hello{.features = offered, .language = "c", .name = "desk"})));
    ringmail_peer* none = nullptr;
    EXPECT_EQ(ringmail_accept(listener, 10'000'000, &none), 0);
    const auto welcome = half.receive_until(monotonic_ns() + soon);
    ASSERT_TRUE(welcome && *welcome);
    EXPECT_EQ((*welcome)->kind, ControlKind::welcome);
  }
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == 0);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    PEER_EXPECT(text_of(message) == "mail" && message.redelivered == 0);
    return 0;
  });
  const Link link = listener.accept();
  EXPECT_EQ(link.send("mail"), 0);
  ringmail_flush(link);
  EXPECT_EQ(peer.join(), 0);
}

TEST(Listen, there_are_no_bodies_no_monitors_and_no_log_without_a_system) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    std::uint64_t monitor = 0;
    PEER_EXPECT(ringmail_monitor(peer, message.sender, 0, &monitor) == RINGMAIL_EREFUSED);
    PEER_EXPECT(ringmail_log(peer, RINGMAIL_LOG_WARNING, "text") == RINGMAIL_EREFUSED);
    return 0;
  });
  const Link link = listener.accept();
  ringmail_body body{};
  std::uint64_t monitor = 0;
  EXPECT_EQ(ringmail_loan_large(link, 1, 100, 0, &body), RINGMAIL_EREFUSED);
  EXPECT_EQ(ringmail_monitor(link, 1, 0, &monitor), RINGMAIL_EREFUSED);
  EXPECT_EQ(ringmail_log(link, RINGMAIL_LOG_WARNING, "text"), RINGMAIL_EREFUSED);
  EXPECT_EQ(link.send("mail"), 0);
  ringmail_flush(link);
  EXPECT_EQ(peer.join(), 0);
}

TEST(Listen, a_peer_that_writes_the_impossible_ends_its_own_link_alone) {
  const Listener listener;
  Process good([&]() -> int {
    const auto options = listener.from("good");
    AbiPeer peer(&options);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    return 0;
  });
  const Link well = listener.accept();
  struct Case {
    const char* error;
    std::uint64_t commit;
    std::uint32_t type;
  };
  constexpr std::uint32_t down = 4;
  const Case cases[] = {{"the peer broke the protocol", 0x0000'0002'7fff'ffff, 7},
                        {"the peer sent a system frame as mail", 0x0000'0008'0000'0000, down},
                        {"the peer sent a body, and has no arena", 0x0000'0009'0000'0000, 7}};
  for (const Case& wrong : cases) {
    SCOPED_TRACE(wrong.error);
    Process bad([&]() -> int {
      JoinedLink link;
      PEER_EXPECT(link.connect(listener.path.c_str(), soon) == 0);
      const std::uint64_t all = offered | monitors | peer_log | large | introductions;
      PEER_EXPECT(link.greet({.features = all, .language = "c", .name = "bad"}, monotonic_ns() + soon) == 0);
      PEER_EXPECT((link.welcome().features & (monitors | peer_log | large | introductions)) == 0);
      Lane lane = link.lane(0);
      PEER_EXPECT(link.say_ready() == 0);
      auto* const data = const_cast<std::byte*>(link.mail_memory(0, true).data());
      std::memcpy(data + offsetof(FrameHeader, type), &wrong.type, sizeof wrong.type);
      std::memcpy(data, &wrong.commit, sizeof wrong.commit);
      lane.bell.ring();
      return link.stream().receive_until(monotonic_ns() + soon) ? 1 : 0;
    });
    {
      const Link link = listener.accept();
      ringmail_message message;
      EXPECT_EQ(link.next(message), RINGMAIL_EPROTOCOL);
      EXPECT_TRUE(contains(ringmail_error(link), wrong.error)) << ringmail_error(link);
    }
    EXPECT_EQ(bad.join(), 0);
  }
  EXPECT_EQ(well.send("fine"), 0);
  ringmail_flush(well);
  EXPECT_EQ(good.join(), 0);
}

TEST(Listen, a_place_that_is_taken_or_open_to_others_is_no_place_to_listen) {
  const Listener listener;
  ringmail_listener* other = nullptr;
  EXPECT_EQ(ringmail_listen(&listener.options, &other), RINGMAIL_ESYSTEM);
  EXPECT_TRUE(contains(ringmail_listener_error(other), "another host does already")) << ringmail_listener_error(other);
  ringmail_unlisten(other);

  ringmail_options options = listener.options;
  const std::string open = listener.path + ".open/at";
  mkdir((listener.path + ".open").c_str(), 0755);
  options.path = open.c_str();
  EXPECT_EQ(ringmail_listen(&options, &other), RINGMAIL_ESYSTEM);
  EXPECT_TRUE(contains(ringmail_listener_error(other), "others may enter")) << ringmail_listener_error(other);
  ringmail_unlisten(other);

  options = listener.options;
  options.name = nullptr;
  EXPECT_EQ(ringmail_listen(&options, &other), RINGMAIL_EMISUSE);
  ringmail_unlisten(other);
  options.name = "market";
  options.ring_bytes = 5000;
  EXPECT_EQ(ringmail_listen(&options, &other), RINGMAIL_EMISUSE);
  EXPECT_TRUE(contains(ringmail_listener_error(other), "5000")) << ringmail_listener_error(other);
  ringmail_unlisten(other);
  ringmail_unlisten(nullptr);
}

TEST(Listen, a_fork_of_the_listener_touches_nothing) {
  const Listener listener;
  Process peer([&]() -> int {
    const auto options = listener.from("desk");
    AbiPeer peer(&options);
    ringmail_message message;
    PEER_EXPECT(peer.next(message) == 1);
    return 0;
  });
  const Link link = listener.accept();
  Process child([&]() -> int {
    ringmail_peer* none = nullptr;
    PEER_EXPECT(ringmail_accept(listener, 0, &none) == RINGMAIL_EFORKED);
    PEER_EXPECT(link.send("x") == RINGMAIL_EFORKED);
    ringmail_detach(link);
    ringmail_unlisten(listener);
    return 0;
  });
  EXPECT_EQ(child.join(), 0);
  EXPECT_EQ(access(listener.path.c_str(), F_OK), 0);
  EXPECT_EQ(link.send("still here"), 0);
  ringmail_flush(link);
  EXPECT_EQ(peer.join(), 0);
}

}  // namespace
}  // namespace ringmail::transport::test

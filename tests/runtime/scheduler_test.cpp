#include "ringmail/runtime/scheduler.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <stdexcept>
#include <string>

#include "test_schedulers.hpp"

namespace ringmail::runtime::test {
namespace {

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() { transport::test::start_watchdog(); }
  /// After the end of all schedulers.
  static void expect_balance(const SchedulerCounters& counters) {
    EXPECT_EQ(counters.sent, counters.messages + counters.dead_letters);
    EXPECT_EQ(counters.lost_wakeups, 0u);
    EXPECT_EQ(Tracked::alive.load(), 0);
  }
};

// --- Messages

TEST_F(SchedulerTest, a_message_that_comes_in_the_turn_of_a_time_out_waits_in_the_mailbox) {
  Schedulers schedulers(1);
  schedulers.start();
  std::atomic<int> received{0};
  std::atomic<int> handled{0};
  const std::uint64_t moment = in_ms(20);
  std::optional<Wake> woken;
  std::binary_semaphore both(0);
  ActorId waiting;
  waiting = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t) {
      // The other cell's timer stands before this one's at the same moment, so it runs between time-out and resumption.
      Tracked* room = static_cast<Tracked*>(::operator new(sizeof(Tracked)));
      Asker from;
      woken = self.scheduler().receive(tracked_type, room, from, moment);
      if (woken == Wake::ready) {
        ++received;
        room->~Tracked();
      }
      ::operator delete(room);
      both.release();
    };
    cell.on_tracked = [&](TestCell&, std::uint64_t) { ++handled; };
  });
  schedulers.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      ASSERT_TRUE(send_number(self.scheduler(), {0, waiting}, 0, far_off()));
      self.scheduler().sleep_until(moment);
      ASSERT_TRUE(send_tracked(self.scheduler(), waiting, 1, far_off()));
    };
  });
  both.acquire();
  EXPECT_EQ(woken, Wake::timed_out);
  EXPECT_TRUE(until([&] { return handled + received == 1; }));
  EXPECT_EQ(handled, 1);
  schedulers.stop();
  expect_balance(schedulers.counters());
}

TEST_F(SchedulerTest, an_answer_that_comes_in_the_turn_of_a_time_out_is_the_answer) {
  Schedulers schedulers(1);
  schedulers.start();
  const std::uint64_t moment = in_ms(20);
  std::binary_semaphore sleeps(0);
  const ActorId asked = schedulers.add(0, [&](TestCell& cell) {
    cell.on_start = [&](TestCell& self) {
      // Its timer stands before the asker's at the same moment, so it answers between time-out and resumption.
      self.scheduler().post([&] { sleeps.release(); });
      self.scheduler().sleep_until(moment);
      Number question;
      Asker from;
      ASSERT_EQ(self.scheduler().receive(number_type, &question, from, far_off()), Wake::ready);
      Number answer{question.value + 1};
      self.scheduler().reply(from, number_type, &answer);
    };
  });
  sleeps.acquire();
  std::expected<std::uint64_t, AskError> answer;
  schedulers.handle_on(0, [&](TestCell& self) { answer = ask_number(self.scheduler(), {0, asked}, 41, moment); });
  EXPECT_EQ(answer, 42u);
}

TEST_F(SchedulerTest, a_late_answer_goes_nowhere_and_is_destroyed) {
  Schedulers schedulers(2);
  schedulers.start();
  std::binary_semaphore may_answer(0);
  std::atomic<bool> answered{false};
  const ActorId asked = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t) {
      while (!may_answer.try_acquire()) self.scheduler().sleep_until(in_ms(1));
      Tracked answer(1);
      alignas(Tracked) std::byte room[sizeof(Tracked)];
      self.scheduler().reply(self.asker(), tracked_type, ::new (room) Tracked(std::move(answer)));
      answered = true;
    };
  });
  for (std::uint32_t from : {0u, 1u}) {
    answered = false;
    schedulers.handle_on(from, [&](TestCell& self) {
      Number question;
      alignas(Tracked) std::byte room[sizeof(Tracked)];
      const auto result = self.scheduler().ask({0, asked}, number, &question, tracked_type, room, in_ms(5));
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error(), AskError::timed_out);
    });
    may_answer.release();
    EXPECT_TRUE(until([&] { return answered.load(); }));
  }
  schedulers.stop();
  expect_balance(schedulers.counters());
}

TEST_F(SchedulerTest, an_answer_of_another_type_is_an_error_and_is_destroyed) {
  Schedulers schedulers(2);
  schedulers.start();
  const ActorId asked = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t) {
      alignas(Tracked) std::byte room[sizeof(Tracked)];
      self.scheduler().reply(self.asker(), tracked_type, ::new (room) Tracked(7));
    };
  });
  for (std::uint32_t from : {0u, 1u}) {
    schedulers.handle_on(from, [&](TestCell& self) {
      const auto answer = ask_number(self.scheduler(), {0, asked}, 1, far_off());
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error(), AskError::wrong_type);
    });
  }
  schedulers.stop();
  expect_balance(schedulers.counters());
}

TEST_F(SchedulerTest, a_message_longer_than_half_the_ring_is_refused_and_destroyed) {
  static constexpr MessageType huge_type{
      .size = LocalRing::capacity / 2, .alignment = 8, .name = "Huge", .destroy = [](void* object) noexcept {
        *static_cast<int*>(object) = -1;
      }};
  static constexpr Binding huge{.type = &huge_type, .handler = [](Cell&, Message&) {}};
  Schedulers schedulers(2);
  schedulers.start();
  const ActorId target = schedulers.add(0, [](TestCell&) {});
  std::vector<std::byte> object(huge_type.size);
  for (const bool in_handler : {true, false}) {
    std::expected<void, SendError> sent;
    const auto send = [&](Scheduler& scheduler) { sent = scheduler.send({0, target}, huge, object.data(), far_off()); };
    *reinterpret_cast<int*>(object.data()) = 1;
    if (in_handler) {
      schedulers.handle_on(1, [&](TestCell& self) { send(self.scheduler()); });
    } else {
      schedulers.run_on(1, [&] { send(schedulers[1]); });
    }
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error(), SendError::too_long);
    EXPECT_EQ(*reinterpret_cast<int*>(object.data()), -1) << "destroyed";
  }
}

// --- Room

TEST_F(SchedulerTest, who_finds_no_room_until_his_deadline_fails_with_full_and_sends_nothing) {
  Schedulers schedulers(2);
  schedulers.start();
  std::atomic<bool> hold{true};
  std::atomic<std::uint64_t> handled{0};
  const ActorId sink =
      schedulers.add(0, [&](TestCell& cell) { cell.on_tracked = [&](TestCell&, std::uint64_t) { ++handled; }; });
  // A task keeps the whole thread: nothing is taken out of its rings.
  schedulers[0].post([&] { until([&] { return !hold.load(); }); });
  std::uint64_t sent = 0;
  schedulers.handle_on(1, [&](TestCell& self) {
    while (true) {
      const auto result = send_tracked(self.scheduler(), sink, sent, in_ms(20));
      if (!result) {
        EXPECT_EQ(result.error(), SendError::full);
        break;
      }
      ++sent;
    }
  });
  EXPECT_GE(sent, LocalRing::capacity / 2 / 64);
  hold = false;
  EXPECT_TRUE(until([&] { return handled == sent; }));
  schedulers.stop();
  EXPECT_EQ(handled, sent);
  expect_balance(schedulers.counters());
}

TEST_F(SchedulerTest, a_scheduler_that_is_behind_lets_its_senders_feel_it) {
  constexpr std::uint32_t senders = 3;
  constexpr std::uint64_t each = 60'000;
  Schedulers schedulers(1 + senders);
  schedulers.start();
  std::atomic<std::uint64_t> sent{0};
  std::uint64_t most_waiting = 0;
  std::atomic<std::uint64_t> handled{0};
  const ActorId sink = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [&](TestCell& self, std::uint64_t) {
      // Two of its own, and it is never without something to do from here on.
      if (handled == 0) {
        for (int i = 0; i < 2; ++i) ASSERT_TRUE(send_number(self.scheduler(), {0, self.id()}, 0, far_off()));
        sent += 2;
      }
      most_waiting = std::max(most_waiting, sent - handled);
      ++handled;
    };
  });
  for (std::uint32_t i = 1; i <= senders; ++i) {
    schedulers.add(i, [&](TestCell& cell) {
      cell.on_start = [&](TestCell& self) {
        for (std::uint64_t n = 0; n < each; ++n) {
          ++sent;
          ASSERT_TRUE(send_number(self.scheduler(), {0, sink}, n, far_off()));
        }
      };
    });
  }
  EXPECT_TRUE(until([&] { return handled == senders * each + 2; }));
  // The rings full, and what waits at the actor before its scheduler leaves the rings alone.
  EXPECT_LT(most_waiting, senders * LocalRing::capacity / 64 + 4096);
}

TEST_F(SchedulerTest, an_actor_that_sends_to_itself_for_ever_keeps_nobody_from_running) {
  Schedulers schedulers(2);
  schedulers.start();
  const ActorId busy = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [](TestCell& self, std::uint64_t value) {
      ASSERT_TRUE(send_number(self.scheduler(), {0, self.id()}, value + 1, far_off()));
    };
  });
  const ActorId neighbour = schedulers.add(0, [&](TestCell& cell) {
    cell.on_number = [](TestCell& self, std::uint64_t value) {
      if (value % 10 == 0) self.scheduler().sleep_until(in_ms(1));
      reply_number(self, value + 1);
    };
  });
  schedulers.handle_on(0, [&](TestCell& self) { ASSERT_TRUE(send_number(self.scheduler(), {0, busy}, 0, far_off())); });
  for (const std::uint32_t from : {0u, 1u}) {
    schedulers.handle_on(from, [&](TestCell& self) {
      for (std::uint64_t i = 0; i < 100; ++i)
        EXPECT_EQ(ask_number(self.scheduler(), {0, neighbour}, i, far_off()), i + 1);
    });
  }
  schedulers.run_on(0, [] {});
}

// --- Stacks

TEST_F(SchedulerTest, a_wait_without_a_stack_to_go_on_upon_fails_at_once) {
  Schedulers schedulers(2, {.stacks_per_mapping = 1, .max_stacks = 1});
  schedulers.start();
  std::atomic<bool> hold{true};
  const ActorId sink = schedulers.add(1, [](TestCell&) {});
  schedulers[1].post([&] { until([&] { return !hold.load(); }); });
  schedulers.handle_on(0, [&](TestCell& self) {
    Scheduler& scheduler = self.scheduler();
    EXPECT_EQ(scheduler.sleep_until(far_off()), Wake::no_stack);
    Number room;
    Asker from;
    EXPECT_EQ(scheduler.receive(number_type, &room, from, far_off()), Wake::no_stack);
    EXPECT_EQ(ask_number(scheduler, {0, sink}, 1, far_off()).error(), AskError::timed_out);
    std::expected<void, SendError> sent;
    while ((sent = send_number(scheduler, {0, sink}, 1, far_off()))) {
    }
    EXPECT_EQ(sent.error(), SendError::full);
    // And it goes on as if nothing had been.
    EXPECT_EQ(scheduler.sleep_until(now_ns()), Wake::no_stack);
  });
  hold = false;
  schedulers.stop();
  expect_balance(schedulers.counters());
}

// --- Ends

TEST_F(SchedulerTest, an_actor_that_is_stopped_before_it_started_never_starts_and_its_mail_is_dead) {
  Schedulers schedulers(1);
  schedulers.start();
  bool started = false;
  bool stopped = false;
  schedulers.handle_on(0, [&](TestCell& self) {
    Scheduler& scheduler = self.scheduler();
    auto child = std::make_unique<TestCell>();
    child->on_start = [&](TestCell&) { started = true; };
    child->on_stopped = [&](const ExitReason&) { stopped = true; };
    const ActorId id = scheduler.add(std::move(child));
    ASSERT_TRUE(send_tracked(scheduler, id, 1, far_off()));
    scheduler.stop({0, id});
    EXPECT_EQ(ask_number(scheduler, {0, id}, 1, far_off()).error(), AskError::unreachable);
  });
  EXPECT_FALSE(started);
  EXPECT_TRUE(stopped);
  schedulers.stop();
  EXPECT_EQ(schedulers.counters().dead_letters, 2u);
  expect_balance(schedulers.counters());
}

TEST_F(SchedulerTest, an_exception_in_start_ends_the_actor_and_is_told) {
  Schedulers schedulers(2);
  schedulers.start();
  for (const std::uint32_t place : {0u, 1u}) {
    schedulers.handle_on(0, [&](TestCell& self) {
      const ActorId failing = schedulers.add(place, [&](TestCell& cell) {
        cell.on_start = [](TestCell& inner) {
          inner.scheduler().sleep_until(in_ms(5));
          throw std::runtime_error("no");
        };
      });
      self.scheduler().monitor({0, failing}, self.id(), down_binding);
      EXPECT_EQ(ask_number(self.scheduler(), {0, failing}, 1, far_off()).error(), AskError::unreachable);
      Asker from;
      alignas(Down) std::byte room[sizeof(Down)];
      ASSERT_EQ(self.scheduler().receive(down_type, room, from, far_off()), Wake::ready);
      Down* down = std::launder(reinterpret_cast<Down*>(room));
      EXPECT_EQ(down->who.actor, failing);
      EXPECT_EQ(down->reason.kind, ExitReason::Kind::failed);
      EXPECT_EQ(down->reason.text, "std::runtime_error: no");
      down->~Down();
    });
  }
}

TEST_F(SchedulerTest, an_exception_in_stopped_hurts_nobody) {
  Schedulers schedulers(1);
  schedulers.start();
  const ActorId thrower = schedulers.add(
      0, [&](TestCell& cell) { cell.on_stopped = [](const ExitReason&) { throw std::runtime_error("too late"); }; });
  schedulers.handle_on(0, [&](TestCell& self) {
    self.scheduler().stop({0, thrower});
    EXPECT_EQ(ask_number(self.scheduler(), {0, thrower}, 1, far_off()).error(), AskError::unreachable);
  });
  EXPECT_FALSE(schedulers[0].is_live(thrower));
}

TEST_F(SchedulerTest, what_is_spawned_while_all_stop_is_stopped_and_destroyed) {
  std::atomic<int> ran{0};
  std::atomic<int> ended{0};
  {
    Schedulers schedulers(2);
    schedulers.start();
    std::atomic<bool> first_ended{false};
    for (const std::uint32_t place : {0u, 1u}) {
      schedulers.add(place, [&, place](TestCell& cell) {
        cell.on_stopped = [&, place](const ExitReason&) {
          // The second ends when the first's scheduler has long had nothing left.
          if (place == 1) until([&] { return first_ended.load(); });
          const std::uint64_t later = in_ms(place * 10);
          while (now_ns() < later) {
          }
          first_ended = true;
          for (const std::uint32_t where : {0u, 1u}) {
            // It may start where the stop has not come yet.
            schedulers.add(where, [&](TestCell& late) { late.on_stopped = [&](const ExitReason&) { ++ended; }; });
          }
        };
      });
    }
    schedulers.stop();
    EXPECT_EQ(ended, 4);
    // Nobody runs it any more.
    EXPECT_FALSE(schedulers[0].add(std::make_unique<TestCell>()));
    schedulers[0].post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 0);
}

TEST_F(SchedulerTest, who_ends_last_wakes_those_who_wait_for_it) {
  std::uint64_t shortest_ns = UINT64_MAX;
  for (int round = 0; round < 5; ++round) {
    Schedulers schedulers(2);
    schedulers.start();
    std::atomic<bool> runs{false};
    schedulers.add(0, [&](TestCell& cell) {
      // Long enough for the other scheduler to be asleep by then.
      cell.on_stopped = [](const ExitReason&) {
        const std::uint64_t end = in_ms(10);
        while (now_ns() < end) {
        }
      };
      cell.on_start = [&](TestCell&) { runs = true; };
    });
    ASSERT_TRUE(until([&] { return runs.load(); }));
    const std::uint64_t begun = now_ns();
    schedulers.stop();
    shortest_ns = std::min(shortest_ns, now_ns() - begun);
  }
  // Else it sleeps its longest sleep.
  EXPECT_LT(shortest_ns, transport::longest_sleep_ns / 2);
}

TEST_F(SchedulerTest, whatever_lies_between_schedulers_when_they_end_is_counted_and_destroyed) {
  for (int round = 0; round < 20; ++round) {
    Schedulers schedulers(3);
    schedulers.start();
    std::vector<ActorId> actors;
    std::atomic<bool> go{false};
    for (std::uint32_t i = 0; i < 9; ++i) {
      actors.push_back(schedulers.add(i % 3, [&](TestCell& cell) {
        cell.on_tracked = [&](TestCell& self, std::uint64_t value) {
          if (!go) return;
          // Two for one: rings and mailboxes fill.
          for (std::uint64_t n = 1; n <= 2; ++n) {
            static_cast<void>(
                send_tracked(self.scheduler(), actors[(value * 7 + n) % actors.size()], value + n, far_off()));
          }
        };
      }));
    }
    go = true;
    schedulers.handle_on(0, [&](TestCell& self) {
      for (const ActorId actor : actors) ASSERT_TRUE(send_tracked(self.scheduler(), actor, actor.slot(), far_off()));
    });
    EXPECT_TRUE(until([&] { return schedulers.counters().sent > 20'000; }));
    schedulers.stop();
    const SchedulerCounters counters = schedulers.counters();
    EXPECT_EQ(counters.sent, counters.messages + counters.dead_letters);
    EXPECT_EQ(Tracked::alive.load(), 0);
  }
}

TEST_F(SchedulerTest, an_idle_scheduler_sleeps) {
  Schedulers schedulers(2);
  schedulers.start();
  schedulers.handle_on(0, [](TestCell&) {});
  clockid_t clock{};
  ASSERT_EQ(pthread_getcpuclockid(schedulers.thread(0).native_handle(), &clock), 0);
  const auto cpu_ns = [&] {
    timespec used{};
    clock_gettime(clock, &used);
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
  };
  const std::uint64_t sleeps = schedulers.counters(0).sleeps;
  const std::uint64_t used = cpu_ns();
  const std::uint64_t begun = now_ns();
  // Four times the longest sleep; whoever looks does not wake it.
  ASSERT_TRUE(until([&] { return now_ns() - begun > 1'000'000'000; }));
  EXPECT_LT(cpu_ns() - used, 200'000'000u);
  EXPECT_GT(schedulers.counters(0).sleeps, sleeps);
}

TEST_F(SchedulerTest, slots_are_used_again_under_other_ids) {
  Schedulers schedulers(1);
  schedulers.start();
  ActorId last;
  for (int i = 0; i < 100; ++i) {
    ActorId id;
    schedulers.handle_on(0, [&](TestCell& self) { id = self.id(); });
    EXPECT_NE(id, last);
    EXPECT_TRUE(until([&] { return !schedulers[0].is_live(id); }));
    if (last) {
      EXPECT_EQ(id.slot(), last.slot());
    }
    last = id;
  }
}

}  // namespace
}  // namespace ringmail::runtime::test

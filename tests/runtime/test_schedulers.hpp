// Schedulers without a system: their threads, their rings, and cells made of functions.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "local_ring.hpp"
#include "ringmail/runtime/clock.hpp"
#include "ringmail/runtime/scheduler.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime::test {

using transport::test::until;

inline std::uint64_t in_ms(std::uint64_t ms) { return now_ns() + ms * 1'000'000; }
/// For waits that end by something else.
inline std::uint64_t far_off() { return in_ms(20'000); }

/// A message that knows how many of its kind there are, so that none is lost or destroyed twice unnoticed.
struct Tracked {
  static inline std::atomic<std::int64_t> alive{0};
  std::uint64_t value = 0;

  explicit Tracked(std::uint64_t number = 0) : value(number) { ++alive; }
  Tracked(Tracked&& other) noexcept : value(other.value) { ++alive; }
  Tracked& operator=(Tracked&&) = delete;
  ~Tracked() { --alive; }
};

inline constexpr MessageType tracked_type{
    .size = sizeof(Tracked),
    .alignment = alignof(Tracked),
    .name = "Tracked",
    .move =
        [](void* to, void* from) noexcept {
          auto* source = static_cast<Tracked*>(from);
          ::new (to) Tracked(std::move(*source));
          source->~Tracked();
        },
    .destroy = [](void* object) noexcept { static_cast<Tracked*>(object)->~Tracked(); },
};

/// Of another type, and with nothing to destroy: it may leave the process.
struct Number {
  std::uint64_t value = 0;
};
inline constexpr MessageType number_type{
    .id = 0x1001, .size = sizeof(Number), .alignment = alignof(Number), .name = "Number"};

/// Takes messages of both types.
class TestCell : public Cell {
 public:
  std::function<void(TestCell&)> on_start;
  std::function<void(TestCell&, std::uint64_t)> on_tracked;
  std::function<void(TestCell&, std::uint64_t)> on_number;
  std::function<void(const ExitReason&)> on_stopped;
  std::function<void(const Down&)> on_down;

  void start() override {
    if (on_start) on_start(*this);
  }
  void stopped(const ExitReason& reason) override {
    if (on_stopped) on_stopped(reason);
  }
  const Binding* find(std::uint32_t type) const noexcept override;
  const Binding* down() const noexcept override;
};

inline void handle_tracked(Cell& cell, Message& message) {
  alignas(Tracked) std::byte room[sizeof(Tracked)];
  message.take(tracked_type, room);
  const std::uint64_t value = std::launder(reinterpret_cast<Tracked*>(room))->value;
  std::launder(reinterpret_cast<Tracked*>(room))->~Tracked();
  auto& self = static_cast<TestCell&>(cell);
  if (self.on_tracked) self.on_tracked(self, value);
}
inline constexpr Binding tracked{.type = &tracked_type, .handler = &handle_tracked};

inline void handle_number(Cell& cell, Message& message) {
  Number number;
  message.take(number_type, &number);
  auto& self = static_cast<TestCell&>(cell);
  if (self.on_number) self.on_number(self, number.value);
}
inline constexpr Binding number{.type = &number_type, .handler = &handle_number};

inline constexpr MessageType down_type{
    .size = sizeof(Down),
    .alignment = alignof(Down),
    .name = "Down",
    .move =
        [](void* to, void* from) noexcept {
          auto* source = static_cast<Down*>(from);
          ::new (to) Down(std::move(*source));
          source->~Down();
        },
    .destroy = [](void* object) noexcept { static_cast<Down*>(object)->~Down(); },
};
inline void handle_down(Cell& cell, Message& message) {
  alignas(Down) std::byte room[sizeof(Down)];
  message.take(down_type, room);
  Down* down = std::launder(reinterpret_cast<Down*>(room));
  auto& self = static_cast<TestCell&>(cell);
  if (self.on_down) self.on_down(*down);
  down->~Down();
}
inline constexpr Binding down_binding{.type = &down_type, .handler = &handle_down};

inline const Binding* TestCell::find(std::uint32_t type) const noexcept {
  return type == number_type.id ? &number : nullptr;
}
inline const Binding* TestCell::down() const noexcept { return &down_binding; }

inline std::expected<void, SendError> send_tracked(Scheduler& from,
                                                   ActorId to,
                                                   std::uint64_t value,
                                                   std::uint64_t deadline_ns) {
  alignas(Tracked) std::byte room[sizeof(Tracked)];
  return from.send({0, to}, tracked, ::new (room) Tracked(value), deadline_ns);
}
inline std::expected<void, SendError> send_number(Scheduler& from,
                                                  const Address& to,
                                                  std::uint64_t value,
                                                  std::uint64_t deadline_ns) {
  Number message{value};
  return from.send(to, number, &message, deadline_ns);
}
/// The answer is a Number too.
inline std::expected<std::uint64_t, AskError> ask_number(Scheduler& from,
                                                         const Address& to,
                                                         std::uint64_t value,
                                                         std::uint64_t deadline_ns) {
  Number question{value};
  Number answer;
  const auto asked = from.ask(to, number, &question, number_type, &answer, deadline_ns);
  if (!asked) return std::unexpected(asked.error());
  return answer.value;
}
inline void reply_number(TestCell& cell, std::uint64_t value) {
  Number answer{value};
  cell.scheduler().reply(cell.asker(), number_type, &answer);
}

class Schedulers {
 public:
  explicit Schedulers(std::uint32_t count, const StackPoolOptions& stacks = {}) {
    auto made = transport::Bells::create("ringmail.test", count);
    if (!made) std::abort();
    bells_ = std::move(*made);
    for (std::uint32_t i = 0; i < count; ++i) {
      schedulers_.push_back(
          std::make_unique<Scheduler>(i, bells_[i], transport::Ordering::sequential, nullptr, stacks));
      schedulers_[i]->stop_together(group_);
    }
    group_.on_empty = [this] {
      for (auto& scheduler : schedulers_) scheduler->post([] {});
    };
    for (std::uint32_t from = 0; from < count; ++from) {
      for (std::uint32_t to = 0; to < count; ++to) {
        if (from == to) continue;
        rings_.push_back(std::make_unique<LocalRing>());
        schedulers_[to]->connect_from(*rings_.back(), bells_[from]);
        schedulers_[from]->connect_to(to, *rings_.back(), bells_[to]);
      }
    }
  }
  Schedulers(const Schedulers&) = delete;
  ~Schedulers() { stop(); }

  /// What is set up comes before it.
  void start() {
    for (auto& scheduler : schedulers_) threads_.emplace_back([&scheduler] { scheduler->run(); });
  }

  void stop() {
    for (auto& scheduler : schedulers_) scheduler->request_stop();
    if (threads_.empty()) return;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    for (auto& scheduler : schedulers_) scheduler->bury();
  }

  /// On the scheduler's thread, outside of any handler; waits for it.
  void run_on(std::uint32_t index, MoveOnlyFunction<void()> task) {
    std::binary_semaphore done(0);
    schedulers_[index]->post([&] {
      task();
      done.release();
    });
    done.acquire();
  }

  /// In a handler of a passing cell; waits for it.
  void handle_on(std::uint32_t index, MoveOnlyFunction<void(TestCell&)> body) {
    std::binary_semaphore done(0);
    auto cell = std::make_unique<TestCell>();
    cell->on_start = [&](TestCell& self) {
      body(self);
      self.scheduler().stop({0, self.id()});
    };
    cell->on_stopped = [&](const ExitReason&) { done.release(); };
    schedulers_[index]->add(std::move(cell));
    done.acquire();
  }

  ActorId add(std::uint32_t index, MoveOnlyFunction<void(TestCell&)> set_up) {
    auto cell = std::make_unique<TestCell>();
    set_up(*cell);
    return schedulers_[index]->add(std::move(cell));
  }

  SchedulerCounters counters(std::uint32_t index) {
    SchedulerCounters counters;
    if (threads_.empty()) {
      counters = schedulers_[index]->counters();
    } else {
      run_on(index, [&] { counters = schedulers_[index]->counters(); });
    }
    return counters;
  }
  SchedulerCounters counters() {
    SchedulerCounters sum;
    for (std::uint32_t i = 0; i < schedulers_.size(); ++i) {
      const SchedulerCounters one = counters(i);
      sum.sent += one.sent;
      sum.messages += one.messages;
      sum.dead_letters += one.dead_letters;
      sum.lost_wakeups += one.lost_wakeups;
    }
    return sum;
  }

  Scheduler& operator[](std::uint32_t index) { return *schedulers_[index]; }
  transport::Bells& bells() { return bells_; }
  std::thread& thread(std::uint32_t index) { return threads_[index]; }

 private:
  transport::Bells bells_;
  SchedulerGroup group_;
  std::vector<std::unique_ptr<LocalRing>> rings_;
  std::vector<std::unique_ptr<Scheduler>> schedulers_;
  std::vector<std::thread> threads_;
};

}  // namespace ringmail::runtime::test

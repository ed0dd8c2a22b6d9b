// Producers and consumers, and between them one who makes producers wait while too much lies about.
#include <deque>

#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/savina/work.hpp"

namespace bench::actors {
namespace {

struct Item {
  double value;
  caf::actor from;
};
struct Produce {};
struct ProducerDone {};
struct ConsumerReady {
  caf::actor who;
  std::uint64_t consumed;
};

}  // namespace
}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Item)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Produce)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::ProducerDone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::ConsumerReady)

namespace bench::actors {
namespace {

class Buffer : public CafActor {
 public:
  Buffer(caf::actor_config& config, std::uint64_t items, BlockTimer& timer)
      : CafActor(config), items_(items), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const CafGo&) { timer_.begin(); }, [this](const Item& item) { take(item); },
            [this](const ConsumerReady& ready) { give(ready); }, [](const ProducerDone&) {}};
  }
  void on_exit() override {
    pending_.clear();
    waiting_producers_.clear();
    ready_consumers_.clear();
  }

 private:
  // As in the suite: room for what each producer may still have under way.
  static constexpr std::uint64_t most_pending = savina::buffer_items - savina::producers;

  void take(const Item& item) {
    if (ready_consumers_.empty()) {
      pending_.push_back(item);
    } else {
      send(ready_consumers_.front(), item);
      ready_consumers_.pop_front();
    }
    if (pending_.size() >= most_pending) {
      waiting_producers_.push_back(item.from);
    } else {
      send(item.from, Produce{});
    }
  }

  void give(const ConsumerReady& ready) {
    consumed_ += ready.consumed;
    if (consumed_ == items_ && ready.consumed != 0) {
      timer_.end(consumed_);
      return;
    }
    if (pending_.empty()) {
      ready_consumers_.push_back(ready.who);
      return;
    }
    send(ready.who, pending_.front());
    pending_.pop_front();
    if (!waiting_producers_.empty()) {
      send(waiting_producers_.front(), Produce{});
      waiting_producers_.pop_front();
    }
  }

  std::uint64_t items_;
  BlockTimer& timer_;
  std::uint64_t consumed_ = 0;
  std::deque<Item> pending_;
  std::deque<caf::actor> waiting_producers_;
  std::deque<caf::actor> ready_consumers_;
};

class Consumer : public CafActor {
 public:
  Consumer(caf::actor_config& config, caf::actor buffer) : CafActor(config), buffer_(std::move(buffer)) {}
  caf::behavior make_behavior() override {
    return {[this](const CafGo&) { say_ready(0); },
            [this](const Item& item) {
              sum_ += savina::process_item(sum_ + item.value, savina::item_cost);
              say_ready(1);
            }};
  }
  void on_exit() override { buffer_ = nullptr; }

 private:
  void say_ready(std::uint64_t consumed) { send(buffer_, ConsumerReady{caf::actor_cast<caf::actor>(this), consumed}); }

  caf::actor buffer_;
  double sum_ = 0;
};

class Producer : public CafActor {
 public:
  Producer(caf::actor_config& config, caf::actor buffer, std::uint64_t items)
      : CafActor(config), buffer_(std::move(buffer)), items_left_(items) {}
  caf::behavior make_behavior() override {
    return {[this](const Produce&) {
      if (items_left_ == 0) {
        send(buffer_, ProducerDone{});
        return;
      }
      --items_left_;
      last_ = savina::process_item(last_, savina::item_cost);
      send(buffer_, Item{last_, caf::actor_cast<caf::actor>(this)});
    }};
  }
  void on_exit() override { buffer_ = nullptr; }

 private:
  caf::actor buffer_;
  std::uint64_t items_left_;
  double last_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_caf_bounded_buffer(const Setup& setup) {
  const std::uint64_t of_each = setup.sized(savina::items);
  const std::uint64_t items = of_each * savina::producers;
  return theirs("savina.bounded_buffer", setup.schedulers, {items, items},
                [of_each, items](caf::actor_system& system, BlockTimer& timer) {
                  const auto buffer = system.spawn<Buffer>(items, std::ref(timer));
                  caf::anon_send(buffer, CafGo{});
                  std::vector<caf::actor> crew{buffer};
                  for (std::uint64_t i = 0; i < savina::consumers; ++i) {
                    crew.push_back(system.spawn<Consumer>(buffer));
                    caf::anon_send(crew.back(), CafGo{});
                  }
                  for (std::uint64_t i = 0; i < savina::producers; ++i) {
                    crew.push_back(system.spawn<Producer>(buffer, of_each));
                    caf::anon_send(crew.back(), Produce{});
                  }
                  return crew;
                });
}

}  // namespace bench::actors

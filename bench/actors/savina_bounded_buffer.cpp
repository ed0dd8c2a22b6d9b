// Producers and consumers, and between them one who makes producers wait while too much lies about.
#include <deque>

#include "actors/ours.hpp"
#include "actors/savina/sizes.hpp"
#include "actors/savina/work.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

class Buffer;
class Consumer;
class Producer;

struct Item {
  double value;
  Mailbox<Producer> from;
};
struct Produce {};
struct ProducerDone {};
struct ConsumerReady {
  Mailbox<Consumer> who;
  std::uint64_t consumed;
};

class Buffer : public Actor {
 public:
  explicit Buffer(std::uint64_t items, BlockTimer& timer) : items_(items), timer_(timer) {}
  void on(const Go&) { timer_.begin(); }
  void on(const Item& item);
  void on(const ConsumerReady& ready);
  void on(const ProducerDone&) {}

 private:
  // As in the suite: room for what each producer may still have under way.
  static constexpr std::uint64_t most_pending = savina::buffer_items - savina::producers;

  std::uint64_t items_;
  BlockTimer& timer_;
  std::uint64_t consumed_ = 0;
  std::deque<Item> pending_;
  std::deque<Mailbox<Producer>> waiting_producers_;
  std::deque<Mailbox<Consumer>> ready_consumers_;
};

class Consumer : public Actor {
 public:
  explicit Consumer(Mailbox<Buffer> buffer) : buffer_(buffer) {}
  void on(const Go&) { say_ready(0); }
  void on(const Item& item) {
    sum_ += savina::process_item(sum_ + item.value, savina::item_cost);
    say_ready(1);
  }

 private:
  void say_ready(std::uint64_t consumed) {
    static_cast<void>(buffer_.send(ConsumerReady{ringmail::this_actor::mailbox<Consumer>(), consumed}));
  }

  Mailbox<Buffer> buffer_;
  double sum_ = 0;
};

class Producer : public Actor {
 public:
  Producer(Mailbox<Buffer> buffer, std::uint64_t items) : buffer_(buffer), items_left_(items) {}
  void on(const Produce&) {
    if (items_left_ == 0) {
      static_cast<void>(buffer_.send(ProducerDone{}));
      return;
    }
    --items_left_;
    last_ = savina::process_item(last_, savina::item_cost);
    static_cast<void>(buffer_.send(Item{last_, ringmail::this_actor::mailbox<Producer>()}));
  }

 private:
  Mailbox<Buffer> buffer_;
  std::uint64_t items_left_;
  double last_ = 0;
};

void Buffer::on(const Item& item) {
  if (ready_consumers_.empty()) {
    pending_.push_back(item);
  } else {
    static_cast<void>(ready_consumers_.front().send(item));
    ready_consumers_.pop_front();
  }
  if (pending_.size() >= most_pending) {
    waiting_producers_.push_back(item.from);
  } else {
    static_cast<void>(item.from.send(Produce{}));
  }
}

void Buffer::on(const ConsumerReady& ready) {
  consumed_ += ready.consumed;
  if (consumed_ == items_ && ready.consumed != 0) {
    timer_.end(consumed_);
    return;
  }
  if (pending_.empty()) {
    ready_consumers_.push_back(ready.who);
    return;
  }
  static_cast<void>(ready.who.send(pending_.front()));
  pending_.pop_front();
  if (!waiting_producers_.empty()) {
    static_cast<void>(waiting_producers_.front().send(Produce{}));
    waiting_producers_.pop_front();
  }
}

}  // namespace

/// Producers and consumers, who do the work, are spread over the schedulers.
std::unique_ptr<Contender> make_bounded_buffer(const Setup& setup) {
  const std::uint64_t of_each = setup.sized(savina::items);
  const std::uint64_t items = of_each * savina::producers;
  return ours("savina.bounded_buffer", setup.schedulers, {.operations = items, .answer = items},
              [of_each, items](System& system, BlockTimer& timer) {
                const auto buffer = system.spawn_on<Buffer>(0, items, timer);
                static_cast<void>(buffer.send(Go{}));
                for (std::uint32_t i = 0; i < savina::consumers; ++i) {
                  static_cast<void>(system.spawn_on<Consumer>(i, buffer).send(Go{}));
                }
                for (std::uint32_t i = 0; i < savina::producers; ++i) {
                  static_cast<void>(system.spawn_on<Producer>(i, buffer, of_each).send(Produce{}));
                }
              });
}

}  // namespace bench::actors

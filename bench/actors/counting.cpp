// One actor sends as fast as it may, in one handler; the other counts. What is grown by shows how far the sender ran ahead.
#include "actors/messages.hpp"
#include "actors/ours.hpp"
#include "actors/scenarios.hpp"

namespace bench::actors {
namespace {

class Counter : public Actor {
 public:
  void on(const Add& add) { total_ += add.n; }
  std::uint64_t on(const Get&) const { return total_; }

 private:
  std::uint64_t total_ = 0;
};

class Sender : public Actor {
 public:
  Sender(Mailbox<Counter> counter, std::uint64_t messages, BlockTimer& timer)
      : counter_(counter), messages_(messages), timer_(timer) {}

  void on(const Go&) {
    timer_.begin();
    for (std::uint64_t i = 0; i < messages_; ++i) static_cast<void>(counter_.send(Add{1}));
    timer_.end(ask(counter_, Get{}, std::chrono::minutes(5)).value_or(0));
  }

 private:
  Mailbox<Counter> counter_;
  std::uint64_t messages_;
  BlockTimer& timer_;
};

std::unique_ptr<Contender> make_counting(const std::string& name, unsigned schedulers, const Setup& setup) {
  const std::uint64_t messages = setup.sized(counted_messages);
  return ours_watched(name, schedulers, {.operations = messages, .answer = messages},
                      [messages](System& system, BlockTimer& timer) {
                        const auto counter = system.spawn_on<Counter>(1);
                        static_cast<void>(system.spawn_on<Sender>(0, counter, messages, timer).send(Go{}));
                      });
}

}  // namespace

std::unique_ptr<Contender> make_counting_local(const Setup& setup) { return make_counting("counting.local", 1, setup); }

std::unique_ptr<Contender> make_counting_schedulers(const Setup& setup) {
  return make_counting("counting.schedulers", 2, setup);
}

}  // namespace bench::actors

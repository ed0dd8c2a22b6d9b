// One actor sends as fast as it may, in one handler; the other counts.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Add)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Get)

namespace bench::actors {
namespace {

class Counter : public CafActor {
 public:
  using CafActor::CafActor;
  caf::behavior make_behavior() override {
    return {[this](const Add& add) { total_ += add.n; }, [this](const Get&) { return total_; }};
  }

 private:
  std::uint64_t total_ = 0;
};

class Sender : public CafActor {
 public:
  Sender(caf::actor_config& config, caf::actor counter, std::uint64_t messages, BlockTimer& timer)
      : CafActor(config), counter_(std::move(counter)), messages_(messages), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const CafGo&) {
      timer_.begin();
      for (std::uint64_t i = 0; i < messages_; ++i) send(counter_, Add{1});
      request(counter_, caf::infinite, Get{}).then([this](std::uint64_t total) { timer_.end(total); });
    }};
  }
  void on_exit() override { counter_ = nullptr; }

 private:
  caf::actor counter_;
  std::uint64_t messages_;
  BlockTimer& timer_;
};

std::unique_ptr<Contender> make_counting(const std::string& name, unsigned workers, const Setup& setup) {
  const std::uint64_t messages = setup.sized(counted_messages);
  return theirs_watched(name, workers, {messages, messages}, [messages](caf::actor_system& system, BlockTimer& timer) {
    const auto counter = system.spawn<Counter>();
    const auto sender = system.spawn<Sender>(counter, messages, std::ref(timer));
    caf::anon_send(sender, CafGo{});
    return std::vector<caf::actor>{counter, sender};
  });
}

}  // namespace

std::unique_ptr<Contender> make_caf_counting_local(const Setup& setup) {
  return make_counting("counting.local", 1, setup);
}

std::unique_ptr<Contender> make_caf_counting_schedulers(const Setup& setup) {
  return make_counting("counting.schedulers", 2, setup);
}

}  // namespace bench::actors

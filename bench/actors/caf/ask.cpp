// A request and its answer, one after the other; with a deadline each.
#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Add)

namespace bench::actors {
namespace {

class Asked : public CafActor {
 public:
  using CafActor::CafActor;
  caf::behavior make_behavior() override {
    return {[](const Add& add) { return add.n + 1; }};
  }
};

class Asker : public CafActor {
 public:
  Asker(caf::actor_config& config, caf::actor asked, std::uint64_t asks, BlockTimer& timer)
      : CafActor(config), asked_(std::move(asked)), asks_(asks), timer_(timer) {}

  caf::behavior make_behavior() override {
    return {[this](const CafGo&) {
      timer_.begin();
      ask(0);
    }};
  }
  void on_exit() override { asked_ = nullptr; }

 private:
  void ask(std::uint64_t n) {
    request(asked_, std::chrono::seconds(10), Add{n}).then([this](std::uint64_t next) {
      if (next == asks_) {
        timer_.end(next);
      } else {
        ask(next);
      }
    });
  }

  caf::actor asked_;
  std::uint64_t asks_;
  BlockTimer& timer_;
};

}  // namespace

std::unique_ptr<Contender> make_caf_ask_local(const Setup& setup) {
  const std::uint64_t asks = setup.sized(local_asks);
  return theirs("ask.local", 1, {asks, asks}, [asks](caf::actor_system& system, BlockTimer& timer) {
    const auto asked = system.spawn<Asked>();
    const auto asker = system.spawn<Asker>(asked, asks, std::ref(timer));
    caf::anon_send(asker, CafGo{});
    return std::vector<caf::actor>{asked, asker};
  });
}

}  // namespace bench::actors

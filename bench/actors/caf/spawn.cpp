// An actor that is made, started, stopped and gone, and how much memory one takes.
#include <atomic>
#include <chrono>
#include <thread>

#include "actors/caf/scenarios.hpp"
#include "actors/caf/theirs.hpp"
#include "actors/footprint.hpp"
#include "actors/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::Get)

namespace bench::actors {
namespace {

/// Has no behaviour, and so ends when it has started: the least that CAF can do. The last of a batch asks for the next, for who
/// sends to himself would never leave the one worker that there is.
class Empty : public CafActor {
 public:
  Empty(caf::actor_config& config, std::uint64_t& ended, const caf::actor_addr& spawner)
      : CafActor(config), ended_(ended), spawner_(spawner) {}
  ~Empty() override {
    if (++ended_ % spawned_at_once == 0) caf::anon_send(caf::actor_cast<caf::actor>(spawner_), CafGo{});
  }
  caf::behavior make_behavior() override { return {}; }

 private:
  std::uint64_t& ended_;
  const caf::actor_addr& spawner_;
};

class Spawner : public CafActor {
 public:
  Spawner(caf::actor_config& config, std::uint64_t actors, BlockTimer& timer)
      : CafActor(config), actors_(actors), timer_(timer) {}

  caf::behavior make_behavior() override {
    self_ = address();
    return {[this](const CafGo&) {
      if (ended_ == 0) timer_.begin();
      if (ended_ == actors_) {
        timer_.end(ended_);
      } else {
        for (std::uint64_t i = 0; i < spawned_at_once; ++i) spawn<Empty>(std::ref(ended_), std::cref(self_));
      }
    }};
  }

 private:
  std::uint64_t actors_;
  BlockTimer& timer_;
  caf::actor_addr self_;
  std::uint64_t ended_ = 0;
};

class Idle : public CafActor {
 public:
  Idle(caf::actor_config& config, std::atomic<std::uint64_t>& started) : CafActor(config), started_(started) {}
  caf::behavior make_behavior() override {
    started_.fetch_add(1, std::memory_order_relaxed);
    return {[](const Get&) {}};
  }

 private:
  std::atomic<std::uint64_t>& started_;
};

}  // namespace

std::unique_ptr<Contender> make_caf_spawn(const Setup& setup) {
  const std::uint64_t actors = setup.sized(spawned_actors, spawned_at_once) / spawned_at_once * spawned_at_once;
  return theirs("spawn", 1, {actors, actors}, [actors](caf::actor_system& system, BlockTimer& timer) {
    const auto spawner = system.spawn<Spawner>(actors, std::ref(timer));
    caf::anon_send(spawner, CafGo{});
    return std::vector<caf::actor>{spawner};
  });
}

std::unique_ptr<Contender> make_caf_spawn_bytes(const Setup& setup) {
  return footprint("caf_spawn", setup.sized(spawned_actors));
}

Footprint caf_spawn_footprint(std::uint64_t actors) {
  CafConfig config(1);
  caf::actor_system system(config);
  std::atomic<std::uint64_t> started{0};
  Footprint footprint;
  // Their handles are not what is measured.
  std::vector<caf::actor> all(actors);
  footprint.before = resident_bytes();
  for (auto& each : all) each = system.spawn<Idle>(std::ref(started));
  while (started.load(std::memory_order_relaxed) < actors) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  footprint.at_most = resident_bytes();
  for (const auto& each : all) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  return footprint;
}

}  // namespace bench::actors

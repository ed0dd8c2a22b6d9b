// What every scenario of CAF stands on: an actor system of its own for each block, as ours has.
#pragma once

#include <caf/all.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/contender.hpp"

namespace bench::actors {

/// What a scenario is measured by.
struct CafCounts {
  std::uint64_t operations = 1;
  std::uint64_t answer = 0;
};

/// As many workers as we have schedulers; nothing is logged; all else as it comes.
class CafConfig : public caf::actor_system_config {
 public:
  explicit CafConfig(unsigned workers) {
    set("scheduler.max-threads", workers);
    set("logger.verbosity", caf::atom("quiet"));
  }
};

/// `start(system, timer)`: makes actors, and one that begins and one that ends the timer. Returns those that are to be told to end
/// when it is over; the system's end waits for all.
template <class Start>
class CafContender final : public Contender {
 public:
  CafContender(std::string name, unsigned workers, CafCounts counts, bool watches, Start start)
      : name_(std::move(name)), workers_(workers), counts_(counts), watches_(watches), start_(std::move(start)) {}

  double run() override {
    CafConfig config(workers_);
    caf::actor_system system(config);
    BlockTimer timer;
    const Growth growth;
    const std::vector<caf::actor> crew = start_(system, timer);
    const double ns = timer.wait_ns(name_ + " by CAF", counts_.answer);
    if (watches_) grown_ = std::max(grown_, growth.bytes());
    for (const caf::actor& each : crew) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    return ns / static_cast<double>(counts_.operations);
  }
  unsigned schedulers() const override { return workers_; }
  double grown_bytes() const override { return grown_; }

 private:
  std::string name_;
  unsigned workers_;
  CafCounts counts_;
  bool watches_;
  Start start_;
  double grown_ = -1;
};

template <class Start>
std::unique_ptr<Contender> theirs(std::string name, unsigned workers, CafCounts counts, Start start) {
  return std::make_unique<CafContender<Start>>(std::move(name), workers, counts, false, std::move(start));
}

/// The same, and how far the process grew is watched.
template <class Start>
std::unique_ptr<Contender> theirs_watched(std::string name, unsigned workers, CafCounts counts, Start start) {
  return std::make_unique<CafContender<Start>>(std::move(name), workers, counts, true, std::move(start));
}

/// Base of actors that are classes. Whoever knows others forgets them in on_exit(), or two that know each other would never be freed.
class CafActor : public caf::event_based_actor {
 public:
  explicit CafActor(caf::actor_config& config) : caf::event_based_actor(config) {}
};

/// Begins a block, where there is nothing to say to its first actor.
struct CafGo {};

}  // namespace bench::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bench::actors::CafGo)

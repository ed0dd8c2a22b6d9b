// What every scenario of ours stands on: a system of its own for each block, so that a block leaves nothing to the next one.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "actors/contender.hpp"
#include "latency/peers.hpp"
#include "ringmail/actors/actors.hpp"

namespace bench::actors {

using ringmail::Actor;
using ringmail::Mailbox;
using ringmail::System;

/// What a scenario is measured by.
struct Counts {
  std::uint64_t operations = 1;  ///< the time of a block is divided by
  std::uint64_t answer = 0;      ///< that it must come to
};

/// `start(system, timer)` on a plain thread: makes actors, and one that begins and one that ends the timer.
template <class Start>
class OurContender final : public Contender {
 public:
  OurContender(std::string name, unsigned schedulers, std::vector<int> cpus, Counts counts, bool watches, Start start)
      : name_(std::move(name)),
        schedulers_(schedulers),
        cpus_(std::move(cpus)),
        counts_(counts),
        watches_(watches),
        start_(std::move(start)) {}

  double run() override {
    System system = make_system(name_, {.schedulers = schedulers_, .cpus = cpus_});
    BlockTimer timer;
    const Growth growth;
    start_(system, timer);
    const double ns = timer.wait_ns(name_, counts_.answer);
    if (watches_) grown_ = std::max(grown_, growth.bytes());
    system.shutdown();
    return ns / static_cast<double>(counts_.operations);
  }
  unsigned schedulers() const override { return schedulers_; }
  double grown_bytes() const override { return grown_; }

 private:
  std::string name_;
  unsigned schedulers_;
  std::vector<int> cpus_;
  Counts counts_;
  bool watches_;
  Start start_;
  double grown_ = -1;
};

template <class Start>
std::unique_ptr<Contender> ours(std::string name, unsigned schedulers, Counts counts, Start start) {
  return std::make_unique<OurContender<Start>>(std::move(name), schedulers, std::vector<int>{}, counts, false,
                                               std::move(start));
}

/// The same, and how far the process grew is watched.
template <class Start>
std::unique_ptr<Contender> ours_watched(std::string name, unsigned schedulers, Counts counts, Start start) {
  return std::make_unique<OurContender<Start>>(std::move(name), schedulers, std::vector<int>{}, counts, true,
                                               std::move(start));
}

/// Begins a block, where there is nothing to say to its first actor.
struct Go {};

}  // namespace bench::actors

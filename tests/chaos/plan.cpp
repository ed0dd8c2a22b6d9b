#include "plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <tuple>

#include "items.hpp"

namespace ringmail::chaos {
namespace {

using std::chrono::milliseconds;

/// The distributions of the standard library differ by library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t limit) { return mix(state_++) % limit; }
  std::uint32_t between(std::uint32_t least, std::uint32_t most) {
    return least + static_cast<std::uint32_t>(below(most - least + 1));
  }
  double exponential(double mean) {
    const double unit = static_cast<double>(mix(state_++) >> 11) * 0x1p-53;
    return -mean * std::log1p(-unit);
  }

 private:
  std::uint64_t state_;
};

/// What happens, each perhaps in several steps.
enum class Kind : std::uint8_t { kill, terminate, pause, slow, fail, leave, fork, chatter, disk, burn, flood };

constexpr auto kinds = std::to_array<Kind>({
    Kind::kill,  Kind::kill,    Kind::kill, Kind::kill, Kind::kill,  Kind::kill,  Kind::terminate,
    Kind::pause, Kind::pause,   Kind::slow, Kind::slow, Kind::fail,  Kind::leave, Kind::fork,
    Kind::fork,  Kind::chatter, Kind::disk, Kind::burn, Kind::flood,
});

class Plan {
 public:
  Plan(std::uint64_t seed, const std::vector<PlannedPeer>& peers, milliseconds length)
      : random_(mix(seed)), peers_(peers), length_(length) {}

  void add(milliseconds at) {
    const std::size_t peer = pick();
    switch (kinds[random_.below(kinds.size())]) {
      case Kind::kill: return step(at, Action::kill, peer);
      case Kind::terminate: return step(at, Action::terminate, peer);
      case Kind::pause: return step(at, Action::pause, peer, random_.between(1, 400));
      case Kind::slow: return step(at, Action::slow, peer, random_.between(50, 600));
      case Kind::fail: return step(at, Action::fail, peer);
      case Kind::leave: return with_stray(at, Action::leave, 0);
      case Kind::fork: return with_stray(at, Action::fork, 0);
      case Kind::chatter: return step(at, Action::chatter, peer, random_.between(10, 300));
      case Kind::disk: return step(at, Action::full_disk, peer, random_.between(20, 500));
      case Kind::burn: return step(at, Action::burn, peer, random_.between(20, 300));
      case Kind::flood: return step(at, Action::flood, peer, random_.between(20, 300));
    }
  }

  std::vector<Step> in_order() && {
    std::ranges::sort(steps_, {}, [](const Step& step) { return std::tuple(step.at, step.peer, step.action); });
    return std::move(steps_);
  }

 private:
  void step(milliseconds at, Action action, std::size_t peer, std::uint32_t amount = 0) {
    steps_.push_back({.at = std::min(at, length_), .action = action, .peer = peer, .amount = amount});
  }

  std::size_t pick() {
    std::uint64_t all = 0;
    for (const PlannedPeer& peer : peers_) all += peer.weight;
    std::uint64_t at = random_.below(all);
    std::size_t peer = 0;
    while (at >= peers_[peer].weight) at -= peers_[peer++].weight;
    return peer;
  }

  /// What only the stray peer does: and its death, so that its child is left alone.
  void with_stray(milliseconds at, Action action, std::uint32_t amount) {
    const auto stray = std::ranges::find_if(peers_, &PlannedPeer::is_stray);
    if (stray == peers_.end()) return step(at, Action::kill, pick());
    const auto peer = static_cast<std::size_t>(stray - peers_.begin());
    step(at, action, peer, amount);
    if (action == Action::fork) step(at + milliseconds(random_.between(1, 50)), Action::kill, peer);
  }

  Random random_;
  const std::vector<PlannedPeer>& peers_;
  const milliseconds length_;
  std::vector<Step> steps_;
};

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::kill: return "kill";
    case Action::terminate: return "terminate";
    case Action::pause: return "pause";
    case Action::slow: return "slow";
    case Action::fail: return "fail";
    case Action::leave: return "leave";
    case Action::fork: return "fork";
    case Action::chatter: return "chatter";
    case Action::full_disk: return "full disk";
    case Action::burn: return "burn";
    case Action::flood: return "flood";
  }
  return "?";
}

std::vector<Step> draw_plan(std::uint64_t seed,
                            const std::vector<PlannedPeer>& peers,
                            milliseconds length,
                            milliseconds between) {
  Plan plan(seed, peers, length);
  Random times(mix(seed + 1));
  double at = 0;
  while (true) {
    at += times.exponential(static_cast<double>(between.count()));
    const milliseconds when(static_cast<std::int64_t>(at));
    if (when > length) return std::move(plan).in_order();
    plan.add(when);
  }
}

std::vector<Impulse> impulses_of(const Step& step) {
  using What = Impulse::What;
  const milliseconds time(step.amount);
  switch (step.action) {
    case Action::pause: return {{step.at, What::stop}, {step.at + time, What::go_on}};
    case Action::full_disk: return {{step.at, What::act}, {step.at + time, What::free_disk}};
    case Action::slow: break;
    default: return {{step.at, What::act}};
  }
  Random random(mix(static_cast<std::uint64_t>(step.at.count())));
  std::vector<Impulse> all;
  for (milliseconds at = step.at; at < step.at + time; at += milliseconds(random.between(2, 6))) {
    all.push_back({at, What::stop});
    at += milliseconds(random.between(5, 20));
    all.push_back({at, What::go_on});
  }
  return all;
}

std::string to_string(const Step& step, const std::vector<PlannedPeer>& peers) {
  char line[128];
  const bool is_of_one = step.action != Action::burn && step.action != Action::flood;
  std::snprintf(line, sizeof line, "%8.3f s  %-9s  %-7s", static_cast<double>(step.at.count()) / 1000,
                to_string(step.action).data(), is_of_one ? peers[step.peer].name.c_str() : "");
  if (step.amount == 0) return line;
  return line + std::to_string(step.amount) + (step.action == Action::chatter ? " lines" : " ms");
}

}  // namespace ringmail::chaos

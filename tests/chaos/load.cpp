#include "load.hpp"

#include <algorithm>

#include "ringmail/transport/futex.hpp"

namespace ringmail::chaos {

using namespace std::chrono_literals;
using transport::monotonic_ns;

namespace {
/// Of those that burn and flood: a turn of theirs.
constexpr std::uint64_t turn_ns = 500'000;

Until after(std::chrono::milliseconds time) {
  return {monotonic_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count())};
}
}  // namespace

void Burner::on(const Until& until) {
  const std::uint64_t end_ns = std::min(until.at_ns, monotonic_ns() + turn_ns);
  while (monotonic_ns() < end_ns) continue;
  if (end_ns < until.at_ns) this_actor::mailbox<Burner>().send(until);
}

void Flooder::on(const Until& until) {
  const std::uint64_t end_ns = std::min(until.at_ns, monotonic_ns() + turn_ns);
  while (monotonic_ns() < end_ns) {
    if (drain_.send(Drop{}, 1s)) ++load_.sent;
  }
  if (end_ns < until.at_ns) this_actor::mailbox<Flooder>().send(until);
}

void Sleeper::on(const Probe& probe) {
  const std::uint64_t age_ns = monotonic_ns() - probe.sent_ns;
  std::uint64_t oldest_ns = load_.oldest_wakeup_ns;
  while (age_ns > oldest_ns && !load_.oldest_wakeup_ns.compare_exchange_weak(oldest_ns, age_ns)) continue;
}

Loads::Loads(System& system) {
  const std::uint32_t schedulers = system.runtime().schedulers();
  for (std::uint32_t i = 0; i < schedulers; ++i) {
    burners_.push_back(system.spawn_on<Burner>(i));
    sleepers_.push_back(system.spawn_on<Sleeper>(i, load_));
  }
  const auto drain = system.spawn_with<Drain>(
      {.scheduler = schedulers - 1, .mailbox = {.capacity = 1000, .overflow = runtime::Overflow::block}}, load_);
  flooder_ = system.spawn_on<Flooder>(0, load_, drain);
}

void Loads::burn(std::chrono::milliseconds time) const {
  for (const auto& burner : burners_) burner.send(after(time));
}

void Loads::flood(std::chrono::milliseconds time) const { flooder_.send(after(time)); }

void Loads::probe() const {
  for (const auto& sleeper : sleepers_) sleeper.send(Probe{monotonic_ns()});
}

}  // namespace ringmail::chaos

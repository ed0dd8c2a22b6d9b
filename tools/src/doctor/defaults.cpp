#include "doctor/defaults.hpp"

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "ringmail/runtime/system.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/spin.hpp"

namespace ringmail::doctor {
namespace {

/// The shortest of some: what comes in between only makes one longer.
double observe_spin() {
  auto shortest_ns = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < 20; ++i) {
    transport::SpinPolicy fresh;
    const std::uint64_t start_ns = transport::monotonic_ns();
    fresh.spin([] { return false; }, 0);
    shortest_ns = std::min(shortest_ns, transport::monotonic_ns() - start_ns);
  }
  return static_cast<double>(shortest_ns);
}

}  // namespace

Defaults ask_defaults() {
  Defaults defaults{
      .usable_cpus = transport::usable_cpus(), .ordering = transport::best_ordering(), .spin_ns = observe_spin()};
  const auto silent = std::make_shared<spdlog::logger>("doctor", std::make_shared<spdlog::sinks::null_sink_mt>());
  auto system = runtime::System::create({.log = silent});
  if (system) {
    defaults.schedulers = (*system)->schedulers();
  } else {
    defaults.cause = system.error();
  }
  return defaults;
}

}  // namespace ringmail::doctor

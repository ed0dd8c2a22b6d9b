#include "ringmail/testing/probe.hpp"

#include <spdlog/fmt/fmt.h>

#include "ringmail/runtime/simulator.hpp"

namespace ringmail::testing::detail {

bool wait_until(System& system,
                std::unique_lock<std::mutex>& lock,
                std::condition_variable& changed,
                std::chrono::nanoseconds within,
                const std::function<bool()>& done) {
  if (runtime::Simulator* simulator = system.runtime().simulator()) {
    // The only thread: nobody else is in there, and the probe's handler runs on it.
    lock.unlock();
    const bool came = simulator->run_until(done, within);
    lock.lock();
    return came;
  }
  if (within != std::chrono::nanoseconds::max()) return changed.wait_for(lock, within, done);
  changed.wait(lock, done);
  return true;
}

std::string missed(std::string_view wanted, std::chrono::nanoseconds within, std::string_view instead) {
  const double seconds = static_cast<double>(within.count()) / 1e9;
  if (instead.empty()) return fmt::format("expected {} within {} s, and nothing came", wanted, seconds);
  return fmt::format("expected {} within {} s, and {} came", wanted, seconds, instead);
}

}  // namespace ringmail::testing::detail

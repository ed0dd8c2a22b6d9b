#include "ringmail/testing/simulation.hpp"

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "simulator.hpp"

namespace ringmail::testing {

class Simulation::Impl {
 public:
  explicit Impl(const SimulationOptions& options) : simulator(options) {
    auto created = System::create({
        .schedulers = options.schedulers,
        .log = options.log ? nullptr : silence(),
        .ring_bytes = options.ring_bytes,
        .simulator = &simulator,
    });
    if (!created) {
      std::fprintf(stderr, "no simulation: %s\n", created.error().c_str());
      std::abort();
    }
    system.emplace(std::move(*created));
  }

  static std::shared_ptr<spdlog::logger> silence() {
    static const auto logger =
        std::make_shared<spdlog::logger>("silence", std::make_shared<spdlog::sinks::null_sink_mt>());
    logger->set_level(spdlog::level::off);
    return logger;
  }

  Simulator simulator;
  std::optional<System> system;
};

Simulation::Simulation(const SimulationOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Simulation::~Simulation() = default;

System& Simulation::system() { return *impl_->system; }
std::uint64_t Simulation::seed() const { return impl_->simulator.options.seed; }
Random& Simulation::random() { return impl_->simulator.own_random; }
std::chrono::nanoseconds Simulation::now() const { return impl_->simulator.now(); }

void Simulation::advance(std::chrono::nanoseconds time) {
  static_cast<void>(run_until([] { return false; }, time));
}

void Simulation::settle() { impl_->simulator.settle(); }

bool Simulation::run_until(const std::function<bool()>& done, std::chrono::nanoseconds limit) {
  return impl_->simulator.run_until(done, limit);
}

void Simulation::add(std::shared_ptr<detail::FakeBehaviour> fake) { impl_->simulator.fakes.push_back(std::move(fake)); }

void Simulation::may_fail(const runtime::Address& actor) { impl_->simulator.fragile.push_back(actor.actor); }
void Simulation::fail(const runtime::Address& actor, std::string why) {
  impl_->simulator.fail(actor.actor, std::move(why));
}
void Simulation::set_faults(const Faults& faults) { impl_->simulator.faults = faults; }
const Trace& Simulation::trace() const { return impl_->simulator.trace; }
const std::vector<std::string>& Simulation::problems() const { return impl_->simulator.problems; }

}  // namespace ringmail::testing

#include "actors/contender.hpp"

#include <chrono>
#include <fstream>
#include <stdexcept>

#include "measuring/clock.hpp"
#include "measuring/statistics.hpp"

namespace bench::actors {
namespace {

using namespace std::chrono_literals;

/// From /proc/self/status, which counts in kB.
double status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stod(line.substr(name.size() + 1)) * 1024;
  }
  throw std::runtime_error("/proc/self/status does not say " + name);
}

/// The processor's counter runs at one rate from the program's beginning to its end.
const ringmail::measuring::TickLength tick_length;

}  // namespace

double BlockTimer::wait_ns(const std::string& name, std::uint64_t expected) {
  if (!done_.try_acquire_for(5min)) throw std::runtime_error(name + ": no answer");
  if (answer_ != expected) {
    throw std::runtime_error(name + ": the answer is " + std::to_string(answer_) + " and should be " +
                             std::to_string(expected));
  }
  return static_cast<double>(end_ns_ - begin_ns_);
}

double median_trip_ns(const std::vector<std::uint32_t>& trips) {
  static const ringmail::measuring::ClockTraits clock = ringmail::measuring::clock_traits();
  return ringmail::measuring::median_between_steps(trips, clock.step) * tick_length.ns_per_tick();
}

Growth::Growth() : before_(0) {
  // "5" sets the high-water mark to what is resident now.
  std::ofstream("/proc/self/clear_refs") << "5" << std::flush;
  before_ = resident_bytes();
}

double Growth::bytes() const { return status_bytes("VmHWM") - before_; }

double resident_bytes() { return status_bytes("VmRSS"); }

}  // namespace bench::actors

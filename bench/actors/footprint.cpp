#include "actors/footprint.hpp"

#include <cstdio>
#include <filesystem>
#include <stdexcept>

namespace bench::actors {
namespace {

class FootprintContender final : public Contender {
 public:
  FootprintContender(std::string name, std::uint64_t count) : name_(std::move(name)), count_(count) {}

  double run() override {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    const std::string command = "'" + program + "' " + footprint_option + " " + name_ + ":" + std::to_string(count_);
    std::FILE* told = popen(command.c_str(), "r");
    Footprint footprint;
    const bool complete = told != nullptr && std::fscanf(told, "%lf %lf %lf", &footprint.before, &footprint.at_most,
                                                         &footprint.after) == 3;
    if (told == nullptr || pclose(told) != 0 || !complete) throw std::runtime_error(name_ + ": no footprint");
    const auto of_one = [&](double bytes) { return (bytes - footprint.before) / static_cast<double>(count_); };
    if (footprint.after != 0) left_ = of_one(footprint.after);
    return of_one(footprint.at_most);
  }
  double left_bytes() const override { return left_; }

 private:
  std::string name_;
  std::uint64_t count_;
  double left_ = -1;
};

Footprint measure(const std::string& name, std::uint64_t count) {
  if (name == "spawn") return spawn_footprint(count);
  if (name == "suspend") return suspend_footprint(count);
#ifdef BENCH_HAS_CAF
  if (name == "caf_spawn") return caf_spawn_footprint(count);
#endif
  throw std::runtime_error("no footprint of " + name);
}

}  // namespace

int run_footprint(const std::string& what) {
  const auto colon = what.find(':');
  const Footprint footprint = measure(what.substr(0, colon), std::stoull(what.substr(colon + 1)));
  std::printf("%.0f %.0f %.0f\n", footprint.before, footprint.at_most, footprint.after);
  return 0;
}

std::unique_ptr<Contender> footprint(std::string name, std::uint64_t count) {
  return std::make_unique<FootprintContender>(std::move(name), count);
}

}  // namespace bench::actors

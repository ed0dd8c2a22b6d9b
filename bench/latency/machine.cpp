#include "latency/machine.hpp"

#include <spdlog/fmt/chrono.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

namespace bench {
namespace {

/// "model name : ..." on x86; other architectures have no name there.
std::string cpu_name(const std::string& architecture) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return architecture;
}

constexpr const char* compiler_name =
#if defined(__clang__)
    "clang " __clang_version__;
#else
    "gcc " __VERSION__;
#endif

constexpr const char* build_name =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    "with sanitizers: not for measuring";
#elif defined(NDEBUG)
    "release";
#else
        "with assertions: not for measuring";
#endif

}  // namespace

Machine this_machine() {
  utsname names{};
  uname(&names);
  double load = 0;
  if (getloadavg(&load, 1) != 1) load = 0;
  return {.cpu = cpu_name(names.machine),
          .cpus = std::thread::hardware_concurrency(),
          .kernel = std::string(names.sysname) + " " + names.release + " " + names.machine,
          .compiler = compiler_name,
          .build = build_name,
          .date = fmt::format("{:%F %R} UTC", fmt::gmtime(std::time(nullptr))),
          .load_average = load};
}

}  // namespace bench

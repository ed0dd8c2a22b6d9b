// The child process: the far end of every scenario that does not bring a process of its own.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <thread>

#include "latency/scenario.hpp"
#include "ringmail/transport/memory.hpp"

namespace bench {

/// Both processes walk the same blocks, so a scenario's number is all that crosses between them.
struct Block {
  std::uint64_t warm_up = 0;  ///< trips before the first that counts: caches, and whoever has gone to sleep meanwhile
  std::uint64_t round_trips = 0;
};

class FarProcess {
 public:
  /// Forks; call it before there are threads. The child is pinned, never returns and dies with this process. `scenarios` is
  /// what begin() counts in.
  FarProcess(std::span<const std::unique_ptr<Scenario>> scenarios, const Block& block, int cpu);
  /// Ends the child and waits for it.
  ~FarProcess();
  FarProcess(const FarProcess&) = delete;
  FarProcess& operator=(const FarProcess&) = delete;

  /// Returns when the child is about to run the far end of one block of scenario number `index`. Sleeps until the block
  /// before has ended there.
  void begin(std::size_t index);

 private:
  struct Control {
    alignas(128) std::atomic<std::uint32_t> order{0};  // near end: count of orders << 8 | scenario, or `quit`
    alignas(128) std::atomic<std::uint32_t> taken{0};  // far end: the order that it is at
  };
  static constexpr std::uint32_t quit = 0xff;

  void give_order(std::uint32_t what);
  [[noreturn]] void serve(std::span<const std::unique_ptr<Scenario>> scenarios,
                          const Block& block,
                          int cpu,
                          pid_t parent);
  void watch();

  ringmail::transport::Mapping mapping_;
  Control& control_;
  std::uint32_t orders_ = 0;
  pid_t pid_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread watcher_;
};

}  // namespace bench

// What one library does for one key: a block of work that is timed, and that checks its own answer.
#pragma once

#include <cstdint>
#include <memory>
#include <semaphore>
#include <span>
#include <string>
#include <vector>

#include "ringmail/transport/futex.hpp"

namespace bench::actors {

/// The same for all who are compared.
struct Setup {
  unsigned schedulers = 0;   ///< threads that run actors, where a key does not say one or two
  std::vector<int> cpus;     ///< that this process may use; two of them where ends are pinned
  std::uint64_t shrink = 1;  ///< divides sizes, so that a test is short; figures mean nothing then

  std::uint64_t sized(std::uint64_t size, std::uint64_t least = 1) const {
    return size / shrink > least ? size / shrink : least;
  }
};

class Contender {
 public:
  virtual ~Contender() = default;
  /// One block. Returns what an operation took, in ns, or for sizes in bytes. Throws where the answer is wrong or does not come.
  virtual double run() = 0;
  /// How many schedulers it ran on, for the report. 0: it is not a matter of schedulers.
  virtual unsigned schedulers() const { return 0; }
  /// By how much the process grew in the last block at its largest, for keys that are about that. Negative: not watched.
  virtual double grown_bytes() const { return -1; }
  /// What of its bytes is still resident when all is over. Negative: not looked at.
  virtual double left_bytes() const { return -1; }
  /// Of all blocks so far, in ns, for keys of which the worst matters more than the median. Empty: they are not kept.
  virtual std::span<std::uint32_t> samples() { return {}; }
};

/// One block, from when its first actor begins until the last one knows the answer; begin() and end() on any thread, once.
class BlockTimer {
 public:
  void begin() { begin_ns_ = ringmail::transport::monotonic_ns(); }
  void end(std::uint64_t answer) {
    end_ns_ = ringmail::transport::monotonic_ns();
    answer_ = answer;
    done_.release();
  }

  /// On the thread that watches. Throws if the answer is another, or has not come after minutes.
  double wait_ns(const std::string& name, std::uint64_t expected);

 private:
  // Written before done_ is released, read after it was acquired.
  std::uint64_t begin_ns_ = 0;
  std::uint64_t end_ns_ = 0;
  std::uint64_t answer_ = 0;
  std::binary_semaphore done_{0};
};

/// Median of round trips that were timed one by one, in ticks.
double median_trip_ns(const std::vector<std::uint32_t>& trips);

/// The most that was resident between the construction and the call, above what was resident at the construction.
class Growth {
 public:
  Growth();
  double bytes() const;

 private:
  double before_;
};

/// Resident now, in bytes.
double resident_bytes();

}  // namespace bench::actors

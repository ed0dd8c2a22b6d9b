// Runs a test with one seed after the other, and says which one failed.
//
//     RINGMAIL_SEED=n          that one, as a failure says it
//     RINGMAIL_SEEDS=k         1 to k
//     RINGMAIL_SEEDS=a..b      a to b
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>

namespace ringmail::testing {

struct SeedsRun {
  std::uint64_t count = 0;                ///< how many were run
  std::optional<std::uint64_t> failed{};  ///< the first that failed; none is run after it
  std::string why{};

  explicit operator bool() const { return !failed; }
};

/// Calls `body` with 1 to `count`, unless the environment says otherwise. Its error is the seed's failure, and is printed with how
/// to replay it; so is the seed of a run that ends the program (an assertion, a watchdog).
SeedsRun for_each_seed(std::uint64_t count,
                       const std::function<std::expected<void, std::string>(std::uint64_t seed)>& body);

}  // namespace ringmail::testing

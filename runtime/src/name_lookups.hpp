// Questions to another system about names, and who waits for their answers.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "ringmail/runtime/address.hpp"

namespace ringmail::runtime {

class NameLookups {
 public:
  using Done = std::function<void(ActorId)>;

  /// The number to ask under.
  std::uint32_t add(Done done) {
    waiting_.emplace(++last_, std::move(done));
    return last_;
  }

  void answer(std::uint32_t number, ActorId actor) {
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;
    const Done done = std::move(found->second);
    waiting_.erase(found);
    done(actor);
  }

  /// There will be no more answers.
  void fail() {
    auto waiting = std::exchange(waiting_, {});
    for (const auto& [number, done] : waiting) done({});
  }

 private:
  std::map<std::uint32_t, Done> waiting_;
  std::uint32_t last_ = 0;
};

}  // namespace ringmail::runtime

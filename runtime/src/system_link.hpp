// What the rest of the program sees of a link.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "ringmail/runtime/system.hpp"

namespace ringmail::runtime {

struct System::Link {
  std::string name;    ///< set once, before anybody else sees it
  std::string schema;  ///< likewise
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t incarnation = 0;  ///< 0: none has been ready yet
  std::optional<PeerEnd> end;
  RemoteSystem* system = nullptr;  ///< set once, as the name
  bool exactly_once = false;       ///< likewise
};

}  // namespace ringmail::runtime

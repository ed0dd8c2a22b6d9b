// Descriptors that are waited for together, behind one that can itself be waited for. One file per platform behind it.
#pragma once

#include <cstdint>
#include <expected>
#include <utility>

#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/futex.hpp"

namespace ringmail::transport {

class ReadySet {
 public:
  /// Or errno.
  static std::expected<ReadySet, int> create();

  /// Until it is closed. False: errno says why.
  bool add(int descriptor);
  void remove(int descriptor);

  /// Can be read while one of them can.
  int descriptor() const { return set_.get(); }

  /// Until one of them can be read. `interrupted`: a signal handler ran.
  SleepResult wait(std::uint64_t timeout_ns) const;

 private:
  explicit ReadySet(Descriptor set) : set_(std::move(set)) {}

  Descriptor set_;
};

}  // namespace ringmail::transport

// What happened in a simulation, in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ringmail/runtime/address.hpp"

namespace ringmail::testing {

struct TraceEntry {
  enum class What : std::uint8_t { started, handled, ended, dead_letter };

  std::chrono::nanoseconds time;  ///< since the simulation began
  std::uint32_t scheduler;
  What what;
  runtime::ActorId actor;
  std::string_view type;  ///< of the message; of one that started or ended, the class
};

/// The hash is always kept, the entries on request.
class Trace {
 public:
  explicit Trace(bool keep) : keep_(keep) {}

  void add(const TraceEntry& entry);

  /// Equal for equal traces, in every process that runs the same program.
  std::uint64_t hash() const { return hash_; }
  std::uint64_t size() const { return size_; }
  const std::vector<TraceEntry>& entries() const { return entries_; }
  /// A line for each.
  std::string to_string() const;

 private:
  void mix(std::uint64_t word);

  bool keep_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::uint64_t size_ = 0;
  std::vector<TraceEntry> entries_;
};

}  // namespace ringmail::testing

#include "ringmail/testing/trace.hpp"

#include <spdlog/fmt/fmt.h>

namespace ringmail::testing {
namespace {

const char* text_of(TraceEntry::What what) {
  switch (what) {
    case TraceEntry::What::started: return "starts";
    case TraceEntry::What::handled: return "takes";
    case TraceEntry::What::ended: return "ends";
    case TraceEntry::What::dead_letter: return "dead letter";
  }
  return "";
}

}  // namespace

void Trace::mix(std::uint64_t word) {
  hash_ = (hash_ ^ word) * 0x100000001b3;
  hash_ ^= hash_ >> 29;
}

void Trace::add(const TraceEntry& entry) {
  ++size_;
  mix(static_cast<std::uint64_t>(entry.time.count()));
  mix(std::uint64_t{entry.scheduler} << 8 | static_cast<std::uint64_t>(entry.what));
  mix(entry.actor.value());
  for (const char letter : entry.type) mix(static_cast<unsigned char>(letter));
  if (keep_) entries_.push_back(entry);
}

std::string Trace::to_string() const {
  std::string text;
  for (const TraceEntry& entry : entries_) {
    text +=
        fmt::format("{:>15.9f} s  scheduler {}  actor {:#x}  {} {}\n", static_cast<double>(entry.time.count()) / 1e9,
                    entry.scheduler, entry.actor.value(), text_of(entry.what), entry.type);
  }
  return text;
}

}  // namespace ringmail::testing

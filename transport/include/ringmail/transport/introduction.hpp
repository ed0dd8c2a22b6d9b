// A lane between two peers of one system: the memory that the host makes for both, and each peer's end of it.
//
// Each side writes one segment, which is laid out as role `peer` of a link of one lane. Both segments outlive both peers: whoever
// comes after a dead one takes up where that one has left off, as consumer and as producer, and the other side does nothing.
//
// Threads: one at a time. What lane() gives points into mappings that live as long as this.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/pipe_bell.hpp"
#include "ringmail/transport/ring_survey.hpp"

namespace ringmail::transport {

constexpr LinkLayout layout_between_peers(std::uint64_t mail_bytes, std::uint64_t control_bytes) {
  return {.lanes = 1,
          .mail_to_peer_bytes = min_ring_bytes,  // none
          .mail_to_host_bytes = mail_bytes,
          .control_bytes = control_bytes};
}

/// The host's. It reads, and writes nothing.
class Introduction {
 public:
  static std::expected<Introduction, MemoryFailure> create(std::uint64_t mail_bytes, std::uint64_t control_bytes);

  const LinkLayout& layout() const { return layout_; }
  /// That the one peer writes, 0, or the other, 1.
  const Segment& side(unsigned writer) const { return sides_[writer]; }

  /// Mail that is not finished, when its writer or its reader is dead. Nothing: what lies there is impossible.
  std::optional<RingSurvey> mail_of(unsigned writer) const;
  /// Whether one who comes after the dead can take up all rings.
  bool is_sound() const;

 private:
  std::optional<RingSurvey> control_of(unsigned writer) const;

  LinkLayout layout_;
  std::array<Segment, 2> sides_;
  std::array<Mapping, 2> maps_;
};

/// A peer's.
class IntroducedLane {
 public:
  /// Or why not, in one line.
  static std::expected<std::unique_ptr<IntroducedLane>, std::string> join(const Introduce& introduce,
                                                                          std::vector<Descriptor> descriptors);

  const std::string& name() const { return name_; }  ///< of the other
  /// This end: made anew, so once.
  Lane lane();
  std::span<const std::byte> mail_memory(bool outgoing) const;
  /// Where the mail to this end ends now.
  std::uint64_t end_of_mail() const;

 private:
  IntroducedLane() = default;
  std::expected<void, std::string> take_up();

  std::string name_;
  LinkLayout layout_;
  Mapping mine_, theirs_, bell_;
  PipeBell pipe_;
  RingSurvey mail_out_, control_out_;
};

}  // namespace ringmail::transport

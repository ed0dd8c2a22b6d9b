// What a peer starts with, looked at and made before anything runs. Any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::runtime {

/// One line that names what is wrong with `options`, or nothing.
std::expected<void, std::string> check(const PeerOptions& options);

/// A peer that runs as another user is not: between users the kernel draws the line, and shared futexes would cross it.
inline bool is_trusted(const PeerOptions& options) { return options.trusted && options.user.empty(); }

/// Who shares this host's bells. Who is spoken to by pipes cannot wake a futex either, and so is shown when this host's threads sleep.
inline transport::Trust trust_of(const PeerOptions& options) {
  return is_trusted(options) && !options.control_by_pipes ? transport::Trust::trusted : transport::Trust::untrusted;
}

/// Bodies are read in place, where their writer could still change them. What is published with an acknowledgement lies in one ring. And
/// they are not kept for another host.
inline bool has_arenas(const PeerOptions& options) {
  return options.large_bytes != 0 && is_trusted(options) && !options.exactly_once && options.outlives_host.count() == 0;
}

/// The memory of a link and of its first incarnation.
struct LinkMemory {
  /// Precondition: check(options). One line on failure.
  static std::expected<LinkMemory, std::string> create(const PeerOptions& options, std::uint32_t schedulers);

  transport::LinkLayout layout;
  std::unique_ptr<transport::LinkMail> mail;
  std::unique_ptr<transport::Incarnation> incarnation;
};

}  // namespace ringmail::runtime

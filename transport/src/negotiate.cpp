// The verdicts of both ends, and the words for them. How the messages are laid out is in handshake.cpp.
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

#include "ringmail/transport/arena.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::transport {

namespace {

std::unexpected<Refusal> refuse(RefusalCode code, std::string text) {
  return std::unexpected(Refusal{code, std::move(text)});
}

std::string range(std::uint64_t least, std::uint64_t most) {
  return std::to_string(least) + " to " + std::to_string(most);
}

std::string hexadecimal(std::uint64_t value) {
  std::string text;
  do text.insert(text.begin(), "0123456789abcdef"[value & 15]);
  while ((value >>= 4) != 0);
  return "0x" + text;
}

std::string names_of(std::uint64_t features) {
  std::string names;
  for (; features != 0; features &= features - 1) {
    const std::uint64_t lowest = features & ~(features - 1);
    if (!names.empty()) names += ", ";
    names += lowest == mail_outlives_peer   ? "mail_outlives_peer"
             : lowest == asymmetric_barrier ? "asymmetric_barrier"
             : lowest == stream_doorbell    ? "stream_doorbell"
             : lowest == between_systems    ? "between_systems"
             : lowest == pipe_doorbell      ? "pipe_doorbell"
             : lowest == introductions      ? "introductions"
             : lowest == monitors           ? "monitors"
             : lowest == peer_log           ? "log"
             : lowest == large              ? "large"
             : lowest == by_proc            ? "by_proc"
             : lowest == exactly_once       ? "exactly_once"
             : lowest == outlives_host      ? "outlives_host"
                                            : "bit " + std::to_string(std::countr_zero(lowest));
  }
  return names;
}

bool possible_ring(std::uint64_t bytes, std::uint64_t largest) {
  return std::has_single_bit(bytes) && bytes >= min_ring_bytes && bytes <= largest;
}

bool possible_arenas(std::uint64_t bytes, std::uint32_t lanes) {
  const std::uint64_t each = bytes / lanes;
  return bytes % lanes == 0 && each % page_bytes == 0 && each <= max_arena_bytes;
}

// Takes as long whatever the first wrong byte is: a token is a secret.
bool same_token(std::string_view given, std::string_view expected) {
  if (given.size() != expected.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < given.size(); ++i) difference |= static_cast<unsigned char>(given[i] ^ expected[i]);
  return difference == 0;
}

}  // namespace

std::expected<Chosen, Refusal> negotiate(const Hello& hello, const HostLimits& limits) {
  assert((limits.required_features & ~limits.features) == 0);
  if (hello.version_max < limits.version_min || hello.version_min > limits.version_max) {
    return refuse(RefusalCode::version, "the peer speaks " + range(hello.version_min, hello.version_max) +
                                            ", this host speaks " + range(limits.version_min, limits.version_max));
  }
  if (const auto missing = limits.required_features & ~hello.features; missing != 0) {
    return refuse(RefusalCode::missing_feature, "the peer lacks what this host insists on: " + names_of(missing));
  }
  if (const auto wanted = hello.wanted_ring_bytes; wanted != 0 && !possible_ring(wanted, limits.largest_ring_bytes)) {
    return refuse(RefusalCode::ring_size, "the peer wants rings of " + std::to_string(wanted) +
                                              " bytes; a ring is a power of two from " +
                                              range(min_ring_bytes, limits.largest_ring_bytes));
  }
  if (!limits.token.empty() && !same_token(hello.token, limits.token)) {
    return refuse(RefusalCode::not_allowed, "the peer's token is not the one that it was given");
  }
  return Chosen{.version = std::min(hello.version_max, limits.version_max),
                .features = hello.features & limits.features,
                .wanted_ring_bytes = hello.wanted_ring_bytes};
}

std::expected<void, Refusal> check(const Welcome& welcome, std::size_t descriptors, std::uint64_t offered) {
  if (welcome.version != protocol_version) {
    return refuse(RefusalCode::version, "the host chose " + std::to_string(welcome.version) + ", this peer speaks " +
                                            range(protocol_version, protocol_version));
  }
  if (const auto unasked = welcome.features & ~offered; unasked != 0) {
    return refuse(RefusalCode::missing_feature, "the host chose what this peer does not offer: " + names_of(unasked));
  }
  if (welcome.line_bytes != 64 && welcome.line_bytes != 128) {
    return refuse(RefusalCode::malformed, "a line of " + std::to_string(welcome.line_bytes) + " bytes, not 64 or 128");
  }
  if (welcome.lanes < 1 || welcome.lanes > max_lanes) {
    return refuse(RefusalCode::malformed, std::to_string(welcome.lanes) + " lanes, not " + range(1, max_lanes));
  }
  for (const auto bytes : {welcome.mail_to_peer_bytes, welcome.mail_to_host_bytes, welcome.control_bytes}) {
    if (!possible_ring(bytes, max_ring_bytes)) {
      return refuse(RefusalCode::ring_size, "the host made a ring of " + std::to_string(bytes) +
                                                " bytes; a ring is a power of two from " +
                                                range(min_ring_bytes, max_ring_bytes));
    }
  }
  if (descriptors != welcome.segments.size()) {
    return refuse(RefusalCode::bad_segment, std::to_string(descriptors) + " descriptors came for " +
                                                std::to_string(welcome.segments.size()) + " segments");
  }
  if (constexpr auto both = large | stream_doorbell; (welcome.features & (both | by_proc)) == both) {
    return refuse(RefusalCode::malformed, "the host chose large, and does not share its bells");
  }
  std::array<bool, segment_roles> seen{};
  for (const auto& segment : welcome.segments) {
    const std::string what = "segment " + std::string(to_string(segment.role));
    bool& already = seen[static_cast<std::size_t>(segment.role) - 1];
    if (std::exchange(already, true)) return refuse(RefusalCode::bad_segment, what + " was named twice");
    if (segment.bytes == 0 || segment.bytes % min_ring_bytes != 0) {
      return refuse(RefusalCode::bad_segment,
                    what + " of " + std::to_string(segment.bytes) + " bytes, not whole pages");
    }
    const bool is_arena = segment.role == SegmentRole::arena_to_peer || segment.role == SegmentRole::arena_to_host;
    if (is_arena && !possible_arenas(segment.bytes, welcome.lanes)) {
      return refuse(RefusalCode::bad_segment, what + " of " + std::to_string(segment.bytes) +
                                                  " bytes, not whole pages for each of " +
                                                  std::to_string(welcome.lanes) + " lanes");
    }
  }
  const auto is_due = [&welcome](SegmentRole role) {
    switch (role) {
      // The host shares its bells, or else only when they sleep.
      case SegmentRole::host_bells: return (welcome.features & stream_doorbell) == 0;
      case SegmentRole::host_parked: return (welcome.features & stream_doorbell) != 0;
      case SegmentRole::doorbell: return (welcome.features & pipe_doorbell) != 0;
      case SegmentRole::arena_to_peer:
      case SegmentRole::arena_to_host: return (welcome.features & large) != 0;
      default: return true;
    }
  };
  for (std::size_t i = 0; i < segment_roles; ++i) {
    const auto role = static_cast<SegmentRole>(i + 1);
    const bool due = is_due(role);
    if (seen[i] == due) continue;
    return refuse(RefusalCode::bad_segment,
                  (due ? "no segment " : "a segment too many: ") + std::string(to_string(role)));
  }
  return {};
}

Refusal refusal(const DecodeError& error) {
  const auto code = error.code == DecodeError::bad_magic ? RefusalCode::bad_magic : RefusalCode::malformed;
  return {code, to_string(error)};
}

Refusal refusal(const StreamError& error) { return {RefusalCode::malformed, to_string(error)}; }

std::string to_string(const Refusal& refusal) { return std::string(to_string(refusal.code)) + ": " + refusal.text; }

std::string to_string(const DecodeError& error) {
  const std::string message(to_string(error.message));
  const std::string at = message + ": " + std::string(error.field);
  const std::string value = std::to_string(error.value);
  switch (error.code) {
    case DecodeError::truncated: return message + ": ends inside " + std::string(error.field);
    case DecodeError::trailing: return message + ": " + value + " bytes too many";
    case DecodeError::too_long: return at + " is too long (" + value + ")";
    case DecodeError::bad_text: return at + " is empty, not UTF-8, or holds a control character";
    case DecodeError::out_of_range: return at + " cannot be " + value;
    case DecodeError::bad_magic: return at + " is " + hexadecimal(error.value) + ", not " + hexadecimal(hello_magic);
    case DecodeError::wrong_kind:
      return message + " was due, and " + std::string(to_string(static_cast<ControlKind>(error.value))) + " came";
  }
  return message + ": unknown error";
}

std::string_view to_string(ControlKind kind) {
  switch (kind) {
    case ControlKind::hello: return "hello";
    case ControlKind::welcome: return "welcome";
    case ControlKind::ready: return "ready";
    case ControlKind::refused: return "refused";
    case ControlKind::resolve: return "resolve";
    case ControlKind::resolved: return "resolved";
    case ControlKind::failure: return "failure";
    case ControlKind::goodbye: return "goodbye";
    case ControlKind::ring: return "ring";
    case ControlKind::log: return "log";
    case ControlKind::outlive: return "outlive";
    case ControlKind::introduce: return "introduce";
    case ControlKind::introduced: return "introduced";
    case ControlKind::presence: return "presence";
    case ControlKind::introduce_by_number: return "introduce_by_number";
  }
  return "an unknown message";
}

std::string_view to_string(SegmentRole role) {
  switch (role) {
    case SegmentRole::mail: return "mail";
    case SegmentRole::host: return "host";
    case SegmentRole::peer: return "peer";
    case SegmentRole::host_bells: return "host_bells";
    case SegmentRole::peer_bells: return "peer_bells";
    case SegmentRole::host_parked: return "host_parked";
    case SegmentRole::doorbell: return "doorbell";
    case SegmentRole::arena_to_peer: return "arena_to_peer";
    case SegmentRole::arena_to_host: return "arena_to_host";
  }
  return "of an unknown role";
}

std::string_view to_string(RefusalCode code) {
  switch (code) {
    case RefusalCode::bad_magic: return "not a ringmail peer";
    case RefusalCode::malformed: return "malformed handshake";
    case RefusalCode::version: return "no version in common";
    case RefusalCode::missing_feature: return "a feature is missing";
    case RefusalCode::schema: return "the schemas do not match";
    case RefusalCode::ring_size: return "impossible ring size";
    case RefusalCode::unknown_name: return "unknown name";
    case RefusalCode::not_allowed: return "not allowed";
    case RefusalCode::deadline: return "too slow";
    case RefusalCode::busy: return "busy";
    case RefusalCode::bad_segment: return "a segment cannot be used";
  }
  return "refused for a reason that is not known here";
}

}  // namespace ringmail::transport

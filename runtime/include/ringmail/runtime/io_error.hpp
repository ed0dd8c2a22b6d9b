// How input and output fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ringmail::runtime {

enum class IoErrorKind : std::uint8_t {
  timed_out,
  stopped,      ///< the actor was told to stop, or its system is ending: leave the handler soon
  closed,       ///< this end was closed before or meanwhile
  reset,        ///< the other end went away and took what was under way with it
  refused,      ///< nobody listens there
  unreachable,  ///< no way there
  not_found,    ///< no such file, host, service or program
  exists,
  in_use,  ///< the address is somebody's
  denied,
  invalid,    ///< the request makes no sense to the system
  too_large,  ///< beyond the limit that was given, or more than one datagram holds
  exhausted,  ///< descriptors, memory or space
  no_stack,   ///< too many handlers are suspended, so there was no wait
  other,      ///< see the code
};

struct IoError {
  IoErrorKind kind = IoErrorKind::other;
  int code = 0;          ///< the system's errno; 0 where the kind says it all
  std::size_t done = 0;  ///< of a write: how many bytes had gone before
  std::string text{};    ///< one line: what was tried, with what, and why not
};

std::string_view to_string(IoErrorKind kind);

/// "what: why".
IoError io_error(std::string_view what, int code);
IoError io_error(std::string_view what, IoErrorKind kind);

}  // namespace ringmail::runtime

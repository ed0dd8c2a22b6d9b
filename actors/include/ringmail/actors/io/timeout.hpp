// Words that all of input and output shares.
#pragma once

#include <chrono>
#include <expected>
#include <span>
#include <string_view>

#include "ringmail/runtime/io.hpp"

namespace ringmail::io {

using runtime::IoBuffer;
using runtime::IoCredit;
using runtime::IoError;
using runtime::IoErrorKind;
using runtime::SocketAddress;

/// How long a call may take. It fails with `timed_out` then.
using Timeout = std::chrono::nanoseconds;
inline constexpr Timeout forever = Timeout::max();

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

namespace detail {
/// An actor, and its handler of what it is told.
struct MessageReceiver {
  runtime::System* system;
  runtime::ActorId actor;
  const runtime::Binding* binding;
};
}  // namespace detail

}  // namespace ringmail::io

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

/// The addresses of a host, by the system's resolver (/etc/hosts, DNS); never empty. `service` is a number, a name or empty.
inline std::expected<std::vector<SocketAddress>, IoError> resolve(const std::string& host,
                                                                  const std::string& service,
                                                                  Timeout timeout) {
  return runtime::io_resolve(host, service, runtime::Deadline::after(timeout));
}

}  // namespace ringmail::io

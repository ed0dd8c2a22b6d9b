#pragma once

#include <expected>

#include "ringmail/runtime/io.hpp"

namespace ringmail::io::detail {

/// A stream socket that is connected there. In a handler.
std::expected<runtime::IoDescriptor, runtime::IoError> connect(const runtime::SocketAddress& to,
                                                               runtime::Deadline& deadline);

/// A socket that is bound there, and for a stream listens.
std::expected<runtime::IoDescriptor, runtime::IoError> bind(const runtime::SocketAddress& at, int type);

/// The next connection. In a handler.
std::expected<runtime::IoDescriptor, runtime::IoError> accept(runtime::IoDescriptor& listener,
                                                              runtime::Deadline deadline);

}  // namespace ringmail::io::detail

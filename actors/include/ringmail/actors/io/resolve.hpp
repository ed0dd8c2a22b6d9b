// Names of hosts, by the system's resolver (/etc/hosts, DNS).
//
// Threads: the call is meant for handlers; that which brings a message may be made from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/io/timeout.hpp"
#include "ringmail/actors/mailbox.hpp"

namespace ringmail::io {

/// The addresses of a host; never empty. `service` is a number, a name or empty.
inline std::expected<std::vector<SocketAddress>, IoError> resolve(const std::string& host,
                                                                  const std::string& service,
                                                                  Timeout timeout) {
  return runtime::io_resolve(host, service, runtime::Deadline::after(timeout));
}

/// What has become of a question that went on without its asker.
struct Resolved {
  std::string host{};
  std::string service{};
  std::expected<std::vector<SocketAddress>, IoError> addresses{};  ///< empty of an error, and of nothing else
};

namespace detail {
void resolve(const MessageReceiver& to, std::string host, std::string service, Timeout timeout);
}  // namespace detail

/// Brings one Resolved, unless the actor ends before.
template <class A>
  requires Accepts<A, Resolved>
void resolve(const Mailbox<A>& to, std::string host, std::string service, Timeout timeout) {
  detail::resolve({to.system(), to.address().actor, &ringmail::detail::binding_of<A, Resolved>}, std::move(host),
                  std::move(service), timeout);
}

}  // namespace ringmail::io

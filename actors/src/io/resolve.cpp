#include "ringmail/actors/io/resolve.hpp"

#include "errand.hpp"

namespace ringmail::io::detail {

void resolve(const MessageReceiver& to, std::string host, std::string service, Timeout timeout) {
  run_errand(*to.system, to.actor, [to, host = std::move(host), service = std::move(service), timeout] {
    auto addresses = io::resolve(host, service, timeout);
    if (!addresses && addresses.error().kind == IoErrorKind::stopped) return;
    bring(to, Resolved{.host = host, .service = service, .addresses = std::move(addresses)});
  });
}

}  // namespace ringmail::io::detail

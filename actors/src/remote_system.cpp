#include "ringmail/actors/remote_system.hpp"

#include "here.hpp"

namespace ringmail {
namespace detail {

std::expected<RefWords, RefError> share(runtime::System& system,
                                        runtime::RemoteSystem* remote,
                                        const runtime::Address& address) {
  if (!address.is_local()) {
    if (remote == nullptr || !remote->holds(address.link) || !address.actor)
      return std::unexpected(RefError::third_system);
    return RefWords{remote->id(), address.actor};
  }
  if (remote != nullptr && remote->has_ended()) return std::unexpected(RefError::no_system);
  if (remote != nullptr && !system.let_in(*remote, address.actor)) return std::unexpected(RefError::not_let_in);
  return RefWords{system.id(), address.actor};
}

std::expected<runtime::Address, RefError> mailbox_of(runtime::System& system,
                                                     runtime::RemoteSystem* remote,
                                                     RefWords words) {
  if (words.process == 0 || !words.actor) return std::unexpected(RefError::nobody);
  if (words.process == system.id()) {
    // Else who guesses an id would have this system send to whom it cannot reach itself.
    if (remote != nullptr && !remote->is_let_in(words.actor)) return std::unexpected(RefError::not_let_in);
    return runtime::Address{0, words.actor};
  }
  if (remote == nullptr) return std::unexpected(RefError::no_system);
  if (words.process != remote->id()) return std::unexpected(RefError::third_system);
  const runtime::Address address = remote->address_of(words.actor);
  if (!address) return std::unexpected(RefError::nobody);
  return address;
}

runtime::RemoteSystem* system_of_sender() {
  const runtime::Address sender = this_sender();
  return sender.is_local() ? nullptr : here().system_behind(sender.link);
}

}  // namespace detail

std::string_view to_string(RefError error) {
  switch (error) {
    case RefError::nobody: return "it names nobody";
    case RefError::third_system:
      return "the actor is of a third system: only its own and the one that it was shared with know it";
    case RefError::not_let_in: return "the actor was not made known to that system, or has ended";
    case RefError::no_system: return "there is no link to the system that it is of";
  }
  return "unknown error";
}

}  // namespace ringmail

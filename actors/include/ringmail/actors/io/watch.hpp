// Signals to the process, and changes of files, as messages.
//
//     watch_ = *io::on_signal(this_actor::mailbox<Server>(), SIGHUP);   // on(const io::SignalReceived&) reads the configuration
//
// Threads: on_signal() and on_change() are meant for handlers. A Watch is move-only, and watches until it is destroyed, from
// any thread, or the actor has ended.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "ringmail/actors/actor.hpp"
#include "ringmail/actors/io/timeout.hpp"
#include "ringmail/actors/mailbox.hpp"

namespace ringmail::io {

/// One is under way at a time: what comes before it has been handled is counted in the next.
struct SignalReceived {
  int number = 0;
  std::uint32_t count = 0;  ///< as far as the kernel tells them apart
  IoCredit credit{};
};

struct PathChanged {
  enum class Kind : std::uint8_t {
    renamed,     ///< an entry appeared, disappeared or has another name
    changed,     ///< its content or its attributes
    overflowed,  ///< more than a thousand changes were unhandled, and some are lost: look for yourself
    failed,      ///< the watch has ended
  };
  Kind kind = Kind::changed;
  std::string path{};  ///< what is watched
  std::string name{};  ///< of the entry within it
  IoError error{};     ///< meaningful if it failed
  IoCredit credit{};
};

using Watch = runtime::IoWatch;

namespace detail {
std::expected<Watch, IoError> on_signal(const MessageReceiver& to, int number, Timeout timeout);
std::expected<Watch, IoError> on_change(const MessageReceiver& to, const std::string& path, Timeout timeout);
}  // namespace detail

/// While the watch lives the signal does not do what it does by default. Several watches of one signal all get it.
template <class A>
  requires Accepts<A, SignalReceived>
std::expected<Watch, IoError> on_signal(const Mailbox<A>& to, int number, Timeout timeout = std::chrono::seconds(10)) {
  return detail::on_signal({to.system(), to.address().actor, &ringmail::detail::binding_of<A, SignalReceived>}, number,
                           timeout);
}

/// Of a directory, what happens to its entries, and not deeper; or of one file. What happens after this has returned is told.
template <class A>
  requires Accepts<A, PathChanged>
std::expected<Watch, IoError> on_change(const Mailbox<A>& to,
                                        const std::string& path,
                                        Timeout timeout = std::chrono::seconds(10)) {
  return detail::on_change({to.system(), to.address().actor, &ringmail::detail::binding_of<A, PathChanged>}, path,
                           timeout);
}

}  // namespace ringmail::io

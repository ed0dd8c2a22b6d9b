// One scheduler's lane of one link: the host's ends of its rings, over all incarnations of the peer.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "outlet.hpp"
#include "poll_set.hpp"
#include "ringmail/transport/lane.hpp"

namespace ringmail::runtime {

struct RemoteLane {
  std::uint32_t link = 0;
  bool open = true;               ///< false: there will be no further incarnation
  bool stopping = false;          ///< a stop frame has been written: nothing may follow it
  bool connected = false;         ///< its inlets are polled
  std::uint32_t incarnation = 0;  ///< counts those that this lane was connected to; 0: none yet
  std::string fault;              ///< what was wrong with what this incarnation wrote
  transport::Lane lane;
  Outlet mail;
  Outlet control;
  Inlet mail_in;
  Inlet control_in;
  std::uint64_t received = 0;
  std::uint64_t attempted = 0;  ///< position of the message in hand at the last death, and
  std::uint32_t attempts = 0;   ///< how many deaths in a row

  /// Who may be sent to over this link: whoever sent to it or was looked up by it. Guessing an id reaches nobody.
  std::unordered_set<std::uint64_t> exported;
  std::uint64_t last_exported = 0;

  struct Watcher {
    enum class Kind : std::uint8_t {
      monitor,  ///< gets Down, once
      link,     ///< ends with it, once
      parent,   ///< is told of each start and end
    };
    ActorId actor;
    const Binding* down;  ///< of a monitor
    Kind kind;
  };
  std::vector<Watcher> watchers;
  void forget(ActorId actor, Watcher::Kind kind) {
    std::erase_if(watchers, [&](const Watcher& entry) { return entry.actor == actor && entry.kind == kind; });
  }

  bool is_exported(std::uint64_t actor) const { return actor == last_exported || exported.contains(actor); }
  void let_in(std::uint64_t actor) {
    if (actor == 0 || actor == last_exported) return;
    exported.insert(actor);
    last_exported = actor;
  }
  void shut_out(std::uint64_t actor) {
    exported.erase(actor);
    if (last_exported == actor) last_exported = 0;
  }
};

}  // namespace ringmail::runtime

// One scheduler's lane of one link: the host's ends of its rings, over all incarnations of the peer.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "body_storage.hpp"
#include "forward.hpp"
#include "kept_mail.hpp"
#include "outlet.hpp"
#include "poll_set.hpp"
#include "ringmail/runtime/remote_system.hpp"
#include "ringmail/transport/acknowledged.hpp"
#include "ringmail/transport/lane.hpp"

namespace ringmail::runtime {

struct RemoteLane {
  ~RemoteLane() {
    if (desk != nullptr) desk->close();
  }

  std::uint32_t link = 0;
  bool open = true;                ///< false: there will be no further incarnation
  bool stopping = false;           ///< a stop frame has been written: nothing may follow it
  bool connected = false;          ///< its inlets are polled
  std::uint32_t incarnation = 0;   ///< counts those that this lane was connected to; 0: none yet
  RemoteSystem* system = nullptr;  ///< whose scheduler is at the other end; null: a peer is
  bool joined = false;             ///< this end is the peer's
  std::uint64_t stop_at = 0;       ///< of a joined one, once it was told to stop: where its mail ends
  std::string fault;               ///< what was wrong with what this incarnation wrote
  transport::Lane lane;
  // Of messages with bodies. scheduler_bodies.cpp
  enum class TakesBodies : std::uint8_t { unknown, no, yes };
  TakesBodies takes_bodies = TakesBodies::unknown;  ///< the peer has not said so yet: who has a body for it waits
  transport::ArenaProducer bodies_out;
  std::shared_ptr<transport::Arena> arena;           ///< of those
  std::shared_ptr<LoanDesk> desk;                    ///< likewise
  std::shared_ptr<transport::BodySource> bodies_in;  ///< of this incarnation
  Outlet mail;
  Outlet control;
  Inlet mail_in;
  Inlet control_in;
  std::uint64_t received = 0;
  std::uint64_t attempted = 0;          ///< position of the message in hand at the last death, and
  std::uint32_t attempts = 0;           ///< how many deaths in a row
  std::uint64_t seen = 0;               ///< up to there a message may have been given to an incarnation that has died
  std::uint64_t given_up = 0;           ///< messages of which there were too many
  transport::ConsumerBlock last_words;  ///< what the reader of its mail said at its death
  // Where what the peer sends is one batch with an acknowledgement, and comes by the lane of that. scheduler_forwards.cpp
  bool acknowledges = false;
  transport::Acknowledged acknowledged;
  std::uint64_t forwarding = 0;   ///< of what has gone on, and is not taken there yet
  std::vector<Forward> forwards;  ///< what has come for other schedulers

  // Of a link that outlives this host. scheduler_kept.cpp
  std::unique_ptr<KeptMail> kept;
  FormerActors former;  ///< that the peer knows

  /// Who may be sent to over this link: whoever sent to it or was looked up by it. Guessing an id reaches nobody.
  std::unordered_set<std::uint64_t> exported;
  std::uint64_t last_exported = 0;

  struct Watcher {
    enum class Kind : std::uint8_t {
      monitor,  ///< gets Down, once
      link,     ///< ends with it, once
      parent,   ///< is told of each start and end
      watched,  ///< is monitored by `whom`: this is where to forget that
    };
    ActorId actor;
    const Binding* down;  ///< of a monitor
    Kind kind;
    /// An actor of the system at the other end; nobody: the other end itself. Where a peer watches, its number for that.
    ActorId whom{};
  };
  std::vector<Watcher> watchers;
  /// How many there were.
  std::size_t forget(ActorId actor, Watcher::Kind kind, ActorId whom) {
    return std::erase_if(watchers, [&](const Watcher& entry) {
      return entry.actor == actor && entry.kind == kind && entry.whom == whom;
    });
  }

  std::size_t watched() const {
    return static_cast<std::size_t>(std::ranges::count(watchers, Watcher::Kind::watched, &Watcher::kind));
  }

  bool is_exported(std::uint64_t actor) const { return actor == last_exported || exported.contains(actor); }
  void let_in(std::uint64_t actor) {
    if (actor == 0 || actor == last_exported) return;
    const bool is_new = exported.insert(actor).second;
    last_exported = actor;
    // To all schedulers of that system, by way of whichever lane it is known to one.
    if (is_new && system != nullptr) system->let_in(ActorId(actor));
  }
  void shut_out(std::uint64_t actor) {
    exported.erase(actor);
    if (last_exported == actor) last_exported = 0;
  }
};

}  // namespace ringmail::runtime

// Which peers have been introduced to each other: the memory of their lanes, and what each is told of the other.
//
// A peer that looks up the name of another is given a lane to it, and so is the other. The lane is theirs for as long as either lives;
// an incarnation is told of all its lanes once it is ready, under new numbers. docs/spec/peers.md
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/peer_options.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/introduction.hpp"
#include "ringmail/transport/link.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

/// A peer, as it is introduced. It outlives its enlistment.
class Introducible {
 public:
  virtual const PeerOptions& introduced_as() const = 0;
  virtual std::uint32_t lanes_to_host() const = 0;
  virtual transport::PeerBell& bell() = 0;
  virtual void tell(const transport::Introduce& introduce, std::span<const int> descriptors) = 0;
  virtual void tell(const transport::Presence& presence) = 0;

 protected:
  ~Introducible() = default;
};

class Introductions {
 public:
  using Done = std::function<void(ActorId)>;

  explicit Introductions(spdlog::logger& log) : log_(log) {}

  /// Before its first incarnation.
  void enlist(std::uint32_t link, Introducible& peer);
  /// An incarnation is ready. `meets`: it has agreed to be introduced.
  void up(std::uint32_t link, bool meets);
  /// It is dead.
  void down(std::uint32_t link);
  /// It was the last. How many messages other peers had sent it that nobody will finish.
  std::uint64_t ended(std::uint32_t link);

  /// The mailbox, in that peer's terms, of the peer of that name, once they have been introduced; or nobody.
  void resolve(std::uint32_t link, const std::string& name, Done done);
  /// What it says to an introduction; false: it has no such lane.
  bool answered(std::uint32_t link, const transport::Introduced& answer);
  /// It has something for the other on that lane, who sleeps, and cannot wake him; false: it has no such lane.
  bool rang(std::uint32_t link, std::uint32_t lane);

 private:
  enum class State : std::uint8_t { coming, there, unable, away };
  struct Waiting {
    std::uint32_t asker;
    Done done;
  };
  struct Party {
    Introducible* peer = nullptr;
    State state = State::coming;
    std::uint32_t next_lane = 0;
    std::vector<Waiting> waiting;  // for its first incarnation
  };
  struct Pair {
    std::uint32_t link[2];
    transport::Introduction memory;
    std::uint32_t lane[2] = {0, 0};  // 0: this incarnation has not been told
    bool ended[2] = {false, false};

    unsigned side_of(std::uint32_t whose) const { return link[0] == whose ? 0 : 1; }
    bool is_of(std::uint32_t whose) const { return link[0] == whose || link[1] == whose; }
  };
  using Place = std::list<Pair>::iterator;

  Party* find(std::uint32_t link);
  std::map<std::uint32_t, Party>::iterator find(const std::string& name);
  ActorId meet(std::uint32_t asker, std::uint32_t whom);
  Place by_lane(std::uint32_t link, std::uint32_t lane);
  bool had(std::uint32_t link, std::uint32_t lane);
  Place pair_of(std::uint32_t one, std::uint32_t other);
  bool introduce(Pair& pair, unsigned side);
  void tell(Pair& pair, unsigned side, transport::Presence::State other);
  void give_up(Place pair, const std::string& why);
  const std::string& name_of(std::uint32_t link);
  template <class Use>
  void each_pair_of(std::uint32_t link, Use&& use);

  spdlog::logger& log_;
  std::map<std::uint32_t, Party> parties_;
  std::list<Pair> pairs_;
};

}  // namespace ringmail::runtime

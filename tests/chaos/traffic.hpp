// The actors that talk to the peers, and the accounts of what they say.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ledger.hpp"
#include "ringmail/actors/actors.hpp"

namespace ringmail::chaos {

using Peer = Mailbox<conformance::Player>;

/// What is known of one peer, by all who have to do with it. Any thread.
struct Traffic {
  std::string name;
  Peer mailbox;
  std::vector<std::unique_ptr<Ledger>> ledgers;  ///< by the scheduler that sends; the streams of this peer

  std::atomic<std::uint64_t> asked{0};     ///< questions that were published
  std::atomic<std::uint64_t> answered{0};  ///< rightly
  std::atomic<std::uint64_t> told{0};      ///< other messages
  std::atomic<std::uint64_t> dead{0};      ///< of all that it was sent, dead letters
  std::atomic<bool> is_closing{false};     ///< nothing more is to be sent

  void fault(std::string what);
  /// How a life ended.
  void add_end(std::string how);
  std::vector<std::string> faults() const;
  std::map<std::string, std::uint64_t> ends() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> faults_;
  std::map<std::string, std::uint64_t> ends_;
};

struct Go {};

/// Sends the stream of one scheduler to one peer, in bursts and with pauses long enough for all to fall asleep.
class Source : public Actor {
 public:
  Source(Traffic& traffic, std::uint32_t scheduler, std::uint64_t seed);
  void started() override;
  void on(const Go&);

 private:
  std::chrono::microseconds turn();

  Traffic& traffic_;
  Ledger& ledger_;
  std::uint64_t random_;
};

/// Asks one peer, with deadlines that cannot always be met.
class Asker : public Actor {
 public:
  Asker(Traffic& traffic, std::uint64_t seed) : traffic_(traffic), random_(seed) {}
  void started() override;
  void on(const Go&);

 private:
  Traffic& traffic_;
  std::uint64_t random_;
};

struct Chatter {
  std::uint32_t lines = 0;
};

/// Tells one peer to do what it would not do by itself.
class Teller : public Actor {
 public:
  explicit Teller(Traffic& traffic) : traffic_(traffic) {}
  void on(const conformance::Fail& fail);
  void on(const Chatter& chatter);

 private:
  template <class M>
  bool tell(const M& message);

  Traffic& traffic_;
};

/// What one peer sends back comes here, and so does each of its ends, behind what came from that life.
class Sink : public Actor {
 public:
  using Protocol = conformance::Host;
  explicit Sink(Traffic& traffic) : traffic_(traffic) {}
  void started() override { this_actor::monitor(traffic_.mailbox); }
  void on(const conformance::Ping& ping);
  void on(const conformance::Bulk& bulk);
  void on(const conformance::Tick&) { traffic_.fault("it sent a Tick"); }
  void on(const conformance::Ended&) { traffic_.fault("it sent an Ended"); }
  void on(const conformance::Outcome&) { traffic_.fault("it sent an Outcome"); }
  void on(const Down& down);

 private:
  void came(const std::optional<Item>& item);

  Traffic& traffic_;
};

/// Of peers what they died with too often; of others there is to be none.
class DeadLetters : public Actor {
 public:
  explicit DeadLetters(std::vector<std::unique_ptr<Traffic>>& peers) : peers_(peers) {}
  void on(const DeadLetter& letter);

 private:
  std::vector<std::unique_ptr<Traffic>>& peers_;
};

}  // namespace ringmail::chaos

// Stands in for the reactor: fake peers in place of processes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer_memory.hpp"
#include "ringmail/runtime/peer_keeper.hpp"
#include "ringmail/runtime/restart_history.hpp"
#include "ringmail/testing/fake_peer.hpp"

namespace ringmail::testing {

class Simulator;

class Peers final : public runtime::PeerKeeper {
 public:
  Peers(Simulator& simulator, runtime::LinkOwner& links);
  ~Peers() override;

  std::expected<void, std::string> spawn_peer(
      std::uint32_t link,
      const runtime::PeerOptions& options,
      std::function<void(runtime::ExitReason, runtime::LinkAccount)> ended) override;
  void stop_peer(std::uint32_t link) override;
  void restart_peer(std::uint32_t link) override;
  void end_peer(std::uint32_t link) override;
  void peer_broke_protocol(std::uint32_t link, std::string what) override;
  int peer_pid(std::uint32_t) const override { return 0; }
  void post(std::function<void()> task) override;
  const std::shared_ptr<runtime::IoHub>& io() const override { return runtime::no_io(); }
  void stop() override;

  /// Whether one of them has something to do.
  bool can_run();
  /// Gives one of those a turn.
  void run();

 private:
  struct Peer;
  Peer* find(std::uint32_t link);
  void begin(Peer& peer);
  void take_one(Peer& peer);
  void died(Peer& peer, runtime::ExitReason reason);
  void settled(Peer& peer);
  void finish(Peer& peer);
  void ask_to_stop(Peer& peer);

  Simulator& simulator_;
  runtime::LinkOwner& links_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace ringmail::testing

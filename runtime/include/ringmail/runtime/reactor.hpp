// The thread that turns what the kernel reports into calls: peer processes, their streams and their output, on libuv.
//
// Threads: every public function may be called from any thread; what it does happens on the reactor's. Callbacks run there
// and must not block.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/peer_keeper.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

class IoHub;

struct ReactorOptions {
  std::shared_ptr<spdlog::logger> log;  ///< never null
  std::string listen;                   ///< path of the socket for peers that somebody else starts; empty: none
  bool accept_systems = false;          ///< who comes there unawaited, as a system, is let in
  std::string peer_cgroup{};            ///< SystemOptions::peer_cgroup
};

class Reactor final : public PeerKeeper {
 public:
  /// Starts the thread. `owner` outlives the reactor.
  static std::expected<std::unique_ptr<Reactor>, std::string> start(const ReactorOptions& options, LinkOwner& owner);
  ~Reactor() override;  ///< stop() must have come to its end before

  std::expected<void, std::string> spawn_peer(std::uint32_t link,
                                              const PeerOptions& options,
                                              std::function<void(ExitReason, LinkAccount)> ended) override;
  void stop_peer(std::uint32_t link) override;
  void restart_peer(std::uint32_t link) override;
  void end_peer(std::uint32_t link) override;
  void peer_broke_protocol(std::uint32_t link, std::string what) override;
  std::expected<void, std::string> join(RemoteSystem& system, JoinedEnds ends) override;
  void lookup(std::uint32_t link, std::string name, std::function<void(ActorId)> done) override;
  void end_with_system(std::uint32_t link, const ExitReason& reason) override;
  void drained(std::uint32_t link) override;
  int peer_pid(std::uint32_t link) const override;
  void peer_status(std::uint32_t link, std::function<void(std::optional<PeerStatus>)> done) override;
  void replace_peer(std::uint32_t link, PeerReplacement replacement, std::function<void(ReplaceOutcome)> done) override;
  void post(std::function<void()> task) override;
  const std::shared_ptr<IoHub>& io() const override;
  void stop() override;

 private:
  class Impl;
  explicit Reactor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmail::runtime

// The socket at which processes that somebody else started become peers.
//
// It lies in a directory of mode 0700 that belongs to this user, and a lock beside it (which stays) tells a socket that a
// dead host left from one that is in use. Who connects must have the same uid, and say hello within the handshake's time.
//
// Somebody may connect ten thousand times and say nothing, and a good peer is still let in at once:
//   - who has said its hello when it is accepted needs no place among the half-open;
//   - when no place is left the newcomer gets one from the process that holds most, so that nobody with a single connection
//     loses it to one with many;
//   - a connection that is refused costs a few system calls, and its line in the log has a budget.
//
// Threads: the loop's, but for open(), which comes before the loop runs.
#pragma once

#include <expected>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "log_budget.hpp"
#include "peer_os.hpp"
#include "reactor_loop.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::runtime {

inline constexpr std::size_t max_half_open = 64;

class ReactorListener {
 public:
  struct Callbacks {
    /// What speaks against this process as a peer, or nothing: then `attach` follows at once.
    std::function<std::optional<transport::Refusal>(const transport::Hello&)> objection;
    std::function<void(transport::ControlStream, SocketPeer, const transport::Hello&)> attach;
  };

  /// One line on failure.
  static std::expected<std::unique_ptr<ReactorListener>, std::string> open(ReactorLoop& loop,
                                                                           const std::string& path,
                                                                           spdlog::logger& log,
                                                                           Callbacks callbacks);
  ~ReactorListener();

 private:
  /// Connected, and its hello is not whole yet; or refused, and it may still read why.
  struct HalfOpen {
    HalfOpen(ReactorLoop& loop, transport::Descriptor socket, SocketPeer process);

    transport::ControlStream stream;
    SocketPeer peer;
    LoopTimer timer;
    std::unique_ptr<LoopWatch> watch;  ///< null while it is read for the first time
    bool is_refused = false;
  };
  using Place = std::list<HalfOpen>::iterator;

  ReactorListener(ReactorLoop& loop, std::string path, spdlog::logger& log, Callbacks callbacks);
  std::expected<void, std::string> take_place();
  std::expected<void, std::string> listen();
  void accept();
  void admit(transport::Descriptor socket);
  void wait_for_hello(Place place);
  Place least_deserving();
  void turn_away(Place place);
  bool read(Place place);
  bool read_refused(Place place);
  void refuse(Place place, const transport::Refusal& refusal);

  ReactorLoop& loop_;
  std::string path_;
  spdlog::logger& log_;
  Callbacks callbacks_;
  transport::Descriptor lock_;
  transport::Descriptor socket_;
  std::unique_ptr<LoopWatch> watch_;
  LoopTimer pause_;
  LogBudget about_strangers_;
  std::list<HalfOpen> half_open_;  // the newest first
};

}  // namespace ringmail::runtime

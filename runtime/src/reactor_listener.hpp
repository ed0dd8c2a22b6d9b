// How processes that somebody else started become peers, at a socket that lies where listening_socket.hpp says. Who connects must
// have the same uid, and say hello within the handshake's time.
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
#include "ringmail/transport/listening_socket.hpp"

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

  ReactorListener(ReactorLoop& loop, transport::ListeningSocket socket, spdlog::logger& log, Callbacks callbacks);
  const std::string& path() const { return socket_.path(); }
  void accept();
  void admit(transport::Descriptor socket);
  void wait_for_hello(Place place);
  Place least_deserving();
  void turn_away(Place place);
  bool read(Place place);
  bool read_refused(Place place);
  void refuse(Place place, const transport::Refusal& refusal);

  ReactorLoop& loop_;
  transport::ListeningSocket socket_;
  spdlog::logger& log_;
  Callbacks callbacks_;
  std::unique_ptr<LoopWatch> watch_;
  LoopTimer pause_;
  LogBudget about_strangers_;
  std::list<HalfOpen> half_open_;  // the newest first
};

}  // namespace ringmail::runtime

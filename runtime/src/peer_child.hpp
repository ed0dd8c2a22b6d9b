// One child process: run through the exec helper, signalled as a group, and reaped once.
//
// It leads a session and process group of its own. So a Ctrl-C in the host's terminal reaches the host alone, which then
// stops its peers in order, and a signal to a peer reaches what the peer has started. When the peer dies, what is left of
// its group is killed, and with it, where it has a control group, a grandchild that has made itself a daemon.
//
// Threads: the loop's. The kernel ties the child's life to the thread that forked it, so that thread must outlive it.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "peer_command.hpp"
#include "peer_containment.hpp"
#include "peer_os.hpp"
#include "reactor_loop.hpp"

namespace ringmail::runtime {

class PeerChild {
 public:
  /// The child's ends of what it shares with the host; they stay the caller's.
  struct Streams {
    int control;           ///< becomes 3
    int control_out = -1;  ///< becomes 4, where 3 is not for writing
    int out;               ///< becomes 1
    int err;               ///< becomes 2
  };

  /// `died` is called once, from the loop, when the process is dead and reaped; it may destroy this. Fails with one line.
  static std::expected<std::unique_ptr<PeerChild>, std::string> spawn(ReactorLoop& loop,
                                                                      PeerContainment& containment,
                                                                      const PeerCommand& command,
                                                                      const Streams& streams,
                                                                      std::function<void(ExitStatus)> died);
  /// Precondition: `died` has been called.
  ~PeerChild();

  int pid() const { return pid_; }

  /// To the whole process group. No effect after death.
  void signal(int number);

 private:
  struct Handle;

  explicit PeerChild(PeerContainment& containment) : containment_(containment) {}
  std::expected<void, std::string> run(ReactorLoop& loop,
                                       const PeerContainment::Start& start,
                                       const PeerCommand& command,
                                       const Streams& streams);
  void watch_for_death(ReactorLoop& loop);
  void on_dead(ExitStatus status);

  PeerContainment& containment_;
  std::string cgroup_;  // empty: none
  int pid_ = 0;
  bool dead_ = false;
  transport::Descriptor death_watch_;
  std::unique_ptr<LoopWatch> watch_;
  Handle* handle_ = nullptr;  // freed by the loop, after it has closed it
  std::function<void(ExitStatus)> died_;
};

}  // namespace ringmail::runtime

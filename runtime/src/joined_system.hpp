// A system that this one has connected to: the control streams, one for each scheduler of this system, and the memory behind
// them.
//
// It ends when the other system's process does, or closes a stream; when it has told every lane to stop, and all mail sent
// before has been read; or when this system wants it to. Then the schedulers settle their lanes, and only after that does it
// say goodbye, where it still may, and give the memory back.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "name_lookups.hpp"
#include "peer_os.hpp"
#include "reactor_loop.hpp"
#include "ringmail/runtime/link_owner.hpp"
#include "ringmail/runtime/remote_system.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

class JoinedSystem {
 public:
  /// `ended` is called once, and last; it must not destroy this, which may be done in a later turn of the loop.
  JoinedSystem(ReactorLoop& loop,
               LinkOwner& owner,
               spdlog::logger& log,
               RemoteSystem& system,
               JoinedEnds ends,
               std::function<void()> ended);

  void open();
  const RemoteSystem& system() const { return system_; }
  void lookup(const std::string& name, NameLookups::Done done);
  /// In order.
  void leave();
  void broke_protocol(const std::string& what);
  /// One more lane has read what was sent before it was told to stop.
  void drained();

 private:
  void watch();
  void read(std::size_t end);
  bool take(std::size_t end, const transport::ControlFrame& frame);
  template <class Message>
  void send(std::size_t end, const Message& message);
  void rearm(std::size_t end);
  void end(ExitReason reason, bool in_order);
  void settle();
  void settled(LinkAccount account);

  ReactorLoop& loop_;
  LinkOwner& owner_;
  spdlog::logger& log_;
  RemoteSystem& system_;
  JoinedEnds links_;
  std::function<void()> ended_;

  std::vector<std::unique_ptr<LoopWatch>> watches_;  // of the streams
  SocketPeer process_;
  std::unique_ptr<LoopWatch> death_;
  NameLookups lookups_;
  std::uint64_t undrained_ = 0;  // lanes
  bool is_open_ = false;
  bool is_ending_ = false;
  bool in_order_ = false;
  ExitReason reason_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for answers that come when this is gone
};

}  // namespace ringmail::runtime

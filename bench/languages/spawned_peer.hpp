// A peer process and the host's end of its link, without a runtime: so that what is measured is the ring and the peer's language.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/lane.hpp"
#include "ringmail/transport/link.hpp"

namespace bench::languages {

struct PeerProgram {
  std::string language;
  std::vector<std::string> command;
  bool pipes = false;     ///< it is spoken to by pipes
  std::string variant{};  ///< empty: the conformance peer
};

class SpawnedPeer {
 public:
  /// Returns when it is ready. Throws where it does not get so far.
  explicit SpawnedPeer(const PeerProgram& program);
  /// Kills it.
  ~SpawnedPeer();
  SpawnedPeer(const SpawnedPeer&) = delete;
  SpawnedPeer& operator=(const SpawnedPeer&) = delete;

  /// All its threads, from now on. Not before it is ready: who counts the CPUs it may use would find one and never spin.
  void pin(int cpu);

  /// Waits for room, and takes what comes in no meanwhile. `correlation` not 0: an ask.
  void send(std::uint32_t type, const void* payload, std::uint32_t length, std::uint32_t correlation = 0);
  /// Publishes nothing: a batch, which the next publish() makes visible as one.
  void add(std::uint32_t type, const void* payload, std::uint32_t length);
  void publish() { lane_.publish(); }

  /// The answer to the last ask, in place until the next call. Polls; throws when the peer is gone or refuses.
  ringmail::transport::Frame answer(std::uint32_t correlation);
  /// The next message of the peer, in place until the next call.
  ringmail::transport::Frame next();

 private:
  void greet(const PeerProgram& program);
  void look_after_stream();
  template <class Ready>
  void poll(Ready&& ready);
  [[noreturn]] void give_up(const std::string& why) const;

  std::string language_;
  ringmail::transport::LinkLayout layout_;
  ringmail::transport::Bells bells_;
  ringmail::transport::LinkMail mail_;
  ringmail::transport::ParkMirrors mirrors_;
  ringmail::transport::Incarnation incarnation_;
  std::optional<ringmail::transport::ControlStream> stream_;
  ringmail::transport::Lane lane_;
  bool holds_mail_ = false;
  bool holds_answer_ = false;
  pid_t pid_ = -1;
};

}  // namespace bench::languages

// A peer that listens for other peers, without a system: the socket, the handshakes that are under way, and the mail of those that
// have gone.
//
//   connected ──► hello ──► (waits for the end of its predecessor) ──► welcome ──► ready ──► given out
//
// Threads: one at a time; each link that it gave out may have another. All that they share is LeftMail.
#pragma once

#include <cstdint>
#include <expected>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "accepted_link.hpp"
#include "ready_set.hpp"
#include "ringmail.h"
#include "ringmail/transport/fork_guard.hpp"
#include "ringmail/transport/listening_socket.hpp"
#include "ringmail/transport/pipe_bell.hpp"

namespace ringmail::transport {

/// What a process that listens is to those who have attached; and in its own calls they are to it. On the wire a peer itself is 0.
inline constexpr ringmail_mailbox own_mailbox = 1;
inline constexpr ringmail_mailbox other_mailbox = 1;

/// What the links of a listener leave to it. Any thread.
class LeftMail {
 public:
  /// A link of that name runs; false: there is one already. Of those without a name there may be many.
  bool begin(const std::string& name);
  bool runs(const std::string& name) const;
  /// It has not come about.
  void stop(const std::string& name);
  /// It has ended, and this is its mail. Wakes the listener, for who waits with that name.
  void end(const std::string& name, KeptMail mail);
  /// For the next of that name, or nothing.
  std::optional<KeptMail> take(const std::string& name);

  /// Messages that wait for a next one of their name, and those that nobody will get.
  std::uint64_t waiting();
  std::uint64_t given_up() const;

  PipeBell nudge;  ///< rung when a link ends

 private:
  static constexpr std::size_t most_names = 64;

  void keep(const std::string& name, KeptMail mail);

  struct Kept {
    std::uint64_t since = 0;
    KeptMail mail;
  };
  mutable std::mutex mutex_;  // of beginnings and ends alone: no message passes here
  std::set<std::string> running_;
  std::map<std::string, Kept> kept_;
  std::uint64_t clock_ = 0;  // counts what was kept
  std::uint64_t given_up_ = 0;
};

class PeerListener {
 public:
  int open(const ringmail_options& options);
  /// The next link that is ready: 1. 0: none within the time.
  int accept(std::int64_t timeout_ns, std::unique_ptr<AcceptedLink>& link);
  int descriptor() const { return set_ ? set_->descriptor() : -1; }
  const std::string& name() const { return name_; }
  void count(ringmail_listener_counters& counters);

  const std::shared_ptr<LeftMail>& left_mail() const { return left_; }
  const char* error() const { return error_; }
  [[gnu::format(printf, 3, 4)]] int fail(int code, const char* format, ...);
  ~PeerListener();

 private:
  struct HalfOpen {
    HalfOpen(Descriptor socket, SocketPeer peer, std::uint64_t deadline)
        : stream(std::in_place, std::move(socket), ControlStream::Descriptors::refused),
          process(std::move(peer)),
          deadline_ns(deadline) {}

    std::optional<ControlStream> stream;  // none: the link has it
    SocketPeer process;
    std::uint64_t deadline_ns;
    std::optional<Hello> hello;          // said, and its name is still another's
    std::unique_ptr<AcceptedLink> link;  // welcomed
    bool is_refused = false;             // it may still read why
  };
  using Place = std::list<HalfOpen>::iterator;
  enum class Progress : std::uint8_t { waits, ready, over };

  int take_connections();
  Progress advance(HalfOpen& peer);
  Progress read(HalfOpen& peer);
  Progress take_hello(HalfOpen& peer, const Hello& hello);
  Progress welcome(HalfOpen& peer, const Hello& hello, const Chosen& chosen);
  Progress refuse(HalfOpen& peer, const Refusal& refusal);
  void forget(Place place);
  std::expected<KeptMail, Refusal> mail_for(const Hello& hello, const Chosen& chosen);

  std::string name_;
  std::string schema_;
  std::uint64_t ring_bytes_ = 0;
  ForkGuard owner_;
  std::optional<ListeningSocket> socket_;
  std::optional<ReadySet> set_;
  std::list<HalfOpen> half_open_;  // the newest last
  std::shared_ptr<LeftMail> left_ = std::make_shared<LeftMail>();
  bool registered_ = false;  // for barriers
  char error_[512] = "no error";
};

}  // namespace ringmail::transport

// What keeps the host from its work, and whoever looks how long it takes to be woken meanwhile.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "ringmail/actors/actors.hpp"

namespace ringmail::chaos {

struct Load {
  std::atomic<std::uint64_t> sent{0};  ///< by flooders
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> oldest_wakeup_ns{0};  ///< the longest that a probe has waited for its handler
};

struct Until {
  std::uint64_t at_ns = 0;
};
struct Drop {};
struct Probe {
  std::uint64_t sent_ns = 0;
};

/// Takes all the time that its scheduler gives it.
class Burner : public Actor {
 public:
  void on(const Until& until);
};

class Drain : public Actor {
 public:
  explicit Drain(Load& load) : load_(load) {}
  void on(const Drop&) { ++load_.taken; }

 private:
  Load& load_;
};

/// Sends as fast as the other takes it.
class Flooder : public Actor {
 public:
  Flooder(Load& load, Mailbox<Drain> drain) : load_(load), drain_(drain) {}
  void on(const Until& until);

 private:
  Load& load_;
  Mailbox<Drain> drain_;
};

class Sleeper : public Actor {
 public:
  explicit Sleeper(Load& load) : load_(load) {}
  void on(const Probe& probe);

 private:
  Load& load_;
};

/// All of them, of one system.
class Loads {
 public:
  explicit Loads(System& system);
  void burn(std::chrono::milliseconds time) const;
  void flood(std::chrono::milliseconds time) const;
  /// From a plain thread, now and then.
  void probe() const;
  const Load& load() const { return load_; }

 private:
  Load load_;
  std::vector<Mailbox<Burner>> burners_;
  std::vector<Mailbox<Sleeper>> sleepers_;
  Mailbox<Flooder> flooder_;
};

}  // namespace ringmail::chaos

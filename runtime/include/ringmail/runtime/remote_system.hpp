// Another system, in another process, as this one knows it.
//
// Each of its schedulers is a link here, numbered one behind the other: an actor there is behind link first_link() + the
// scheduler in its id. On both sides alike; who connected to whom makes no difference once it is done.
//
// Threads: any. Lives as long as the system that it is known to.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/exit_reason.hpp"

namespace ringmail::runtime {

/// How a system connects to another one.
struct ConnectOptions {
  std::string name{};            ///< what it is known as there; unique there; empty: "system-" and its process id
  std::string schema{};          ///< canonical text of what it speaks with that system; empty: nothing is compared
  std::uint64_t mail_bytes = 0;  ///< of a ring of mail, each way and lane; a power of two; 0: the other system's choice
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
};

class RemoteSystem {
 public:
  /// `id` is that of its process's life, `schedulers` how many it has.
  RemoteSystem(std::string name, std::uint64_t id, std::uint32_t first_link, std::uint32_t schedulers)
      : name_(std::move(name)), id_(id), first_link_(first_link), schedulers_(schedulers) {}
  RemoteSystem(const RemoteSystem&) = delete;
  RemoteSystem& operator=(const RemoteSystem&) = delete;

  /// What it called itself or, where this system connected to it, by which path.
  const std::string& name() const { return name_; }
  std::uint64_t id() const { return id_; }
  std::uint32_t first_link() const { return first_link_; }
  std::uint32_t schedulers() const { return schedulers_; }
  bool holds(std::uint32_t link) const { return link - first_link_ < schedulers_; }

  /// The system itself, for monitors.
  Address address() const { return {first_link_, {}}; }
  /// Nobody's, for an id that no actor of it can have.
  Address address_of(ActorId actor) const {
    return actor && actor.thread() < schedulers_ ? Address{first_link_ + actor.thread(), actor} : Address{};
  }

  // --- Which actors of this system it may send to: those that have sent to it or were made known to it.

  void let_in(ActorId actor);
  void shut_out(ActorId actor);
  bool is_let_in(ActorId actor) const;

  // --- Its life, which is from connected to gone.

  /// One more of its links is ready. True: that was the last one.
  bool link_ready();
  /// The first reason stands.
  void end(ExitReason reason);
  bool is_connected() const;
  bool has_ended() const;
  /// Waits until it is connected or has ended. True: it is connected.
  bool wait_until_connected(std::uint64_t deadline_ns);
  ExitReason wait_for_end();

 private:
  const std::string name_;
  const std::uint64_t id_;
  const std::uint32_t first_link_;
  const std::uint32_t schedulers_;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::unordered_set<std::uint64_t> exported_;
  std::uint32_t ready_links_ = 0;
  std::optional<ExitReason> end_;
};

}  // namespace ringmail::runtime

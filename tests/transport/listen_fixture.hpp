// A listener in the test, and peers in processes of their own that attach to it by its path, all by the C ABI alone.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "abi_peer.hpp"
#include "deadline.hpp"

namespace ringmail::transport::test {

inline constexpr std::int64_t soon = 20'000'000'000;

/// A link that a listener gave out, with an owner.
class Link {
 public:
  Link() = default;
  explicit Link(ringmail_peer* peer) : peer_(peer) {}
  Link(Link&& other) noexcept : peer_(std::exchange(other.peer_, nullptr)) {}
  Link& operator=(Link&& other) noexcept {
    std::swap(peer_, other.peer_);
    return *this;
  }
  ~Link() { ringmail_detach(peer_); }
  operator ringmail_peer*() const { return peer_; }

  /// Waits for the next message as long as it takes; or what ended that.
  int next(ringmail_message& message) const {
    while (true) {
      const int received = ringmail_receive(peer_, &message);
      if (received != 0) return received;
      const int waited = ringmail_wait(peer_, soon);
      if (waited <= 0) return waited < 0 ? waited : RINGMAIL_ETIMEDOUT;
    }
  }
  /// The next message's text; released.
  std::optional<std::string> text() const {
    ringmail_message message;
    if (next(message) != 1) return std::nullopt;
    std::string text(text_of(message));
    EXPECT_EQ(ringmail_release(peer_), 0);
    return text;
  }
  int send(std::string_view text, ringmail_mailbox target = 1, std::int64_t timeout_ns = soon) const {
    return ringmail_send(peer_, target, 7, text.data(), static_cast<std::uint32_t>(text.size()), timeout_ns);
  }
  std::uint64_t unfinished() const {
    std::uint64_t messages = 0;
    EXPECT_EQ(ringmail_unfinished(peer_, &messages), 0);
    return messages;
  }
  ringmail_counters counters() const {
    ringmail_counters counters{};
    ringmail_count(peer_, &counters);
    return counters;
  }

 private:
  ringmail_peer* peer_ = nullptr;
};

/// A process; killed at the end.
class Process {
 public:
  explicit Process(const std::function<int()>& body) {
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    start_watchdog();
    const int status = body();
    std::fflush(nullptr);
    _exit(status);
  }
  Process(const Process&) = delete;
  ~Process() {
    kill();
    if (pid_ > 0) join();
  }
  void kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  /// The exit status, or minus the signal that ended it.
  int join() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

class Listener {
 public:
  Listener() {
    start_watchdog();
    std::string folder = testing::TempDir() + "ringmail.XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path = folder + "/at";
    options.path = path.c_str();
    options.name = "market";
    options.ring_bytes = 4096;
    EXPECT_EQ(ringmail_listen(&options, &listener_), 0) << ringmail_listener_error(listener_);
  }
  Listener(const Listener&) = delete;
  ~Listener() {
    ringmail_unlisten(listener_);
    std::filesystem::remove_all(folder_);
  }
  operator ringmail_listener*() const { return listener_; }

  /// The next that is let in.
  Link accept(std::int64_t timeout_ns = soon) const {
    ringmail_peer* peer = nullptr;
    EXPECT_EQ(ringmail_accept(listener_, timeout_ns, &peer), 1) << ringmail_listener_error(listener_);
    return Link(peer);
  }
  ringmail_listener_counters counters() const {
    ringmail_listener_counters counters{};
    ringmail_listener_count(listener_, &counters);
    return counters;
  }
  /// As which a peer attaches here.
  ringmail_options from(const char* name, bool pollable = false) const {
    ringmail_options options = RINGMAIL_OPTIONS_INIT;
    options.pollable = pollable;
    options.path = path.c_str();
    options.name = name;
    return options;
  }
  void unlisten() { ringmail_unlisten(std::exchange(listener_, nullptr)); }

  std::string path;
  ringmail_options options = RINGMAIL_OPTIONS_INIT;

 private:
  std::string folder_;
  ringmail_listener* listener_ = nullptr;
};

/// In the peer: the mailbox of the process that listens.
inline ringmail_mailbox market(AbiPeer& peer) {
  ringmail_mailbox mailbox = 0;
  ringmail_lookup(peer, "market", soon, &mailbox);
  return mailbox;
}
inline int send(AbiPeer& peer, ringmail_mailbox target, std::string_view text, std::int64_t timeout_ns = -1) {
  return ringmail_send(peer, target, 7, text.data(), static_cast<std::uint32_t>(text.size()), timeout_ns);
}

}  // namespace ringmail::transport::test

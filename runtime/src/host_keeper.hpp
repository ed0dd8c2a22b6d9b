// The process that holds what is to outlive this host (linux/exec_keeper.c says what it does), as this host speaks with it. One file a
// platform.
//
// Threads: any, once it has been found.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "peer_os.hpp"

namespace ringmail::runtime {

/// What was held for the host before.
struct KeptItem {
  std::string name;
  std::string note;
  std::vector<transport::Descriptor> descriptors;
  int pid = 0;                    ///< 0: its process is dead, or had none
  transport::Descriptor process;  ///< of that, readable when it is dead
  std::chrono::nanoseconds time{0};
};

class HostKeeper {
 public:
  /// Of the host that listens at `listen`. Takes over what a keeper holds that is there already. One line on failure.
  static std::expected<std::unique_ptr<HostKeeper>, std::string> find(const std::string& listen);
  std::vector<KeptItem> take_items() { return std::move(items_); }

  /// Starts one, where there is none. One line on failure.
  std::expected<void, std::string> start(const ExecHelper& helper);

  /// Held under that name from now on, in place of what was. False: there is no keeper any more.
  bool put(const std::string& name,
           const std::string& note,
           std::span<const int> descriptors,
           int pid,
           std::chrono::nanoseconds time);
  bool drop(const std::string& name);
  /// The peer that leads this group is dead, and was told of on stream().
  void forget(int group);

  /// On which a peer's process says that it is there, before it runs its program; -1: there is none. It can be read when the keeper has
  /// ended.
  int stream() const;
  void lose();

 private:
  explicit HostKeeper(std::string path) : path_(std::move(path)) {}
  enum class Found : std::uint8_t { yes, nobody, busy };
  std::expected<Found, std::string> connect();
  bool hear_items();

  std::string path_;
  mutable std::mutex mutex_;  // guards what follows
  transport::Descriptor stream_;
  std::vector<KeptItem> items_;
};

}  // namespace ringmail::runtime

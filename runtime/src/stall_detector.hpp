// Looks for schedulers that have been in one turn for too long.
//
// A thread of its own, and not a timer of the reactor's: who watches must not stand on what he watches. A scheduler is stalled
// if it is awake, and neither the mark of its turn nor its park word has changed for the limit: who is idle sleeps, and each
// sleep has another word. So the schedulers do nothing for it but to store a mark in each turn.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ringmail/runtime/address.hpp"

namespace spdlog {
class logger;
}

namespace ringmail::runtime {

class Scheduler;

class StallDetector {
 public:
  struct Watched {
    const Scheduler* scheduler;
    pthread_t thread;
  };
  /// By which an actor is published, or empty.
  using NameOf = std::function<std::string(ActorId)>;

  /// `signal`: of install_stall_signal(), or 0 for reports without stacks. The threads must outlive the detector.
  StallDetector(std::chrono::nanoseconds limit,
                int signal,
                std::vector<Watched> watched,
                NameOf name_of,
                std::shared_ptr<spdlog::logger> log);
  ~StallDetector();
  StallDetector(const StallDetector&) = delete;
  StallDetector& operator=(const StallDetector&) = delete;

 private:
  struct Watch {
    Watched whom;
    std::uint64_t turn_mark = 0;
    std::uint32_t park_word = 0;
    std::uint64_t since_ns = 0;
    bool reported = false;
  };

  void run();
  void look(Watch& watch, std::uint64_t now);
  void report(const Watch& watch, std::uint64_t now);

  const std::chrono::nanoseconds limit_;
  const int signal_;
  std::vector<Watch> watches_;
  const NameOf name_of_;
  const std::shared_ptr<spdlog::logger> log_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace ringmail::runtime

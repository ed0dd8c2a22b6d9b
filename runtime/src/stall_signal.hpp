// Asks a scheduler's thread, by a signal, where it is.
//
// The handler stays for as long as the process lives: a signal that is still on its way when nobody asks any more would otherwise
// end the process. Without a question it does nothing.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "ringmail/runtime/address.hpp"

namespace ringmail::runtime {

class Scheduler;

struct StackSample {
  // The question.
  const Scheduler* scheduler = nullptr;
  std::uint64_t turn_mark = 0;

  // The answer, once `done` is set.
  bool same_turn = false;            ///< else it has gone on meanwhile
  ActorId actor;                     ///< 0: it is in no handler
  const char* class_name = nullptr;  ///< mangled
  std::array<void*, 64> frames{};
  int depth = 0;

  std::atomic<bool> done{false};
};

/// Takes `wanted`, or a spare signal if it is 0, unless an earlier call has. The error: in one line.
std::expected<int, std::string> install_stall_signal(int wanted);

/// Lets the calling thread be asked, whatever it inherited.
void let_ask(int signal);

/// One question at a time in this process. Null: no answer in time. `thread` must not have ended.
std::shared_ptr<const StackSample> ask_for_stack(pthread_t thread,
                                                 int signal,
                                                 const Scheduler& scheduler,
                                                 std::uint64_t turn_mark,
                                                 std::chrono::nanoseconds timeout);

}  // namespace ringmail::runtime

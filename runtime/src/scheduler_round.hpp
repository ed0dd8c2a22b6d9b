// What all schedulers are asked, and how many have answered.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace ringmail::runtime {

/// A scheduler that runs its loop answers within a turn.
constexpr auto answer_timeout = std::chrono::milliseconds(100);

/// Lives for as long as one of them may answer.
template <class Answer>
struct Round {
  explicit Round(std::size_t schedulers) : answers(schedulers), answered(schedulers, false) {}

  void put(std::uint32_t index, Answer answer) {
    const std::lock_guard lock(mutex);
    answers[index] = std::move(answer);
    answered[index] = true;
    changed.notify_all();
  }
  bool is_complete() const { return std::ranges::find(answered, false) == answered.end(); }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Answer> answers;
  std::vector<bool> answered;
};

}  // namespace ringmail::runtime

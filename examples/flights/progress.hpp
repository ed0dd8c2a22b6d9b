// Shows how far the stream is: a bar where standard output is a terminal, a line for each quarter where it is not.
#pragma once

#include <cstdint>
#include <functional>

#include "ringmail/actors/actors.hpp"

struct Sent {
  std::uint64_t flights = 0;
  std::uint64_t of = 0;
};

class Progress : public ringmail::Actor {
 public:
  /// `then` is called with each number of flights, after it was shown.
  explicit Progress(std::function<void(std::uint64_t)> then);

  void on(const Sent& sent);

 private:
  const bool terminal_;
  const std::function<void(std::uint64_t)> then_;
  std::uint64_t shown_ = 0;  // of `steps`
};

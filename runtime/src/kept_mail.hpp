// The mail of a lane that outlives this host, as far as it has been read and not been handled: the cursor stands before it, so that the
// next host finds it again.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "ringmail/runtime/address.hpp"
#include "ringmail/transport/carry.hpp"

namespace ringmail::runtime {

class KeptMail {
 public:
  /// Read: a frame that ends at `end`, where one with `next_sequence` follows. Its number.
  std::uint32_t take(std::uint64_t end, std::uint16_t next_sequence) {
    read_.push_back({.end = end, .next_sequence = next_sequence, .is_finished = false});
    const std::uint32_t number = first_ + static_cast<std::uint32_t>(read_.size()) - 1;
    // 0 is nobody's. Four thousand million messages on, one may be handled twice.
    if (number == 0) finish(0);
    return number;
  }

  /// Each once, in any order.
  void finish(std::uint32_t number) {
    const std::uint32_t place = number - first_;
    if (place >= read_.size()) return;
    read_[place].is_finished = true;
    while (!read_.empty() && read_.front().is_finished) {
      finished_ = read_.front().end;
      sequence_ = read_.front().next_sequence;
      read_.pop_front();
      ++first_;
    }
  }

  /// Where the first frame starts that is not finished, and its sequence.
  std::uint64_t finished() const { return finished_; }
  std::uint16_t sequence() const { return sequence_; }

  /// What is not finished lies in another ring now, from its start on.
  void move_to(const std::vector<transport::CarriedFrame>& frames) {
    finished_ = 0;
    sequence_ = 0;
    std::size_t next = 0;
    for (Read& read : read_) {
      if (next == frames.size()) break;
      read.end = frames[next].end;
      read.next_sequence = frames[next].next_sequence;
      ++next;
    }
  }

 private:
  struct Read {
    std::uint64_t end;
    std::uint16_t next_sequence;
    bool is_finished;
  };

  std::deque<Read> read_;    // from the first that is not finished
  std::uint32_t first_ = 1;  // its number
  std::uint64_t finished_ = 0;
  std::uint16_t sequence_ = 0;
};

/// An actor of the host before, by the id that the peer knows it by: now it is the one with that name.
struct FormerActor {
  std::string name;
  ActorId actor{};  ///< as it was when somebody looked last
};
using FormerActors = std::unordered_map<std::uint64_t, FormerActor>;

}  // namespace ringmail::runtime

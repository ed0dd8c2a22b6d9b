// The account of one stream: what one scheduler sends to one peer, which sends it back.
//
// What is promised, and so what is a fault:
// 1. sent = delivered + dead letters + undelivered: at the end each number has come back, or is a dead letter.
// 2. A life of the peer sends back consecutive numbers, each once and as it was.
// 3. The next life takes up at the first number that its predecessor had not finished: not behind the first that has never come,
//    but for dead letters, and not before the first that its predecessor was given.
// 4. A life that begins with repetitions finishes them one by one: dies it among them, only the one in hand comes again; and dies
//    it later, none of them.
//
// Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "items.hpp"

namespace ringmail::chaos {

class Ledger {
 public:
  /// `most_apart`: how far what comes again may lie behind what was sent last.
  Ledger(std::string name, std::uint64_t stream, std::uint64_t seed, std::uint64_t most_apart);

  /// The next one to send, counted as sent; and that it could not be.
  Item next();
  void take_back();
  void came(const Item& item);
  /// It came, and is not what was sent.
  void came_altered();
  /// Behind all that came from that life. One that could not be told of when it ended is missing in between.
  void life_ended(std::uint64_t incarnation);
  void dead_letter(const Item& item);

  /// Sent, and neither come back nor dead.
  std::uint64_t open() const;
  /// No more comes: looks at 1. and 2. once more.
  void close();

  struct Figures {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;  ///< those that came, each once
    std::uint64_t repeated = 0;
    std::uint64_t dead = 0;  ///< and never came
    std::uint64_t lives = 0;
  };
  Figures figures() const;
  std::vector<std::string> faults() const;
  std::string account() const;

 private:
  void fault(std::string what);
  void begin_life(std::uint64_t number);
  Figures count() const;

  const std::string name_;
  const std::uint64_t stream_;
  mutable std::mutex mutex_;
  std::uint64_t sent_ = 0;
  std::uint64_t random_;
  std::vector<std::uint64_t> chains_;  // of the last ones sent, by number

  std::uint64_t highest_ = 0;  // 1 + the greatest number that has come
  std::uint64_t repeated_ = 0;
  std::set<std::uint64_t> missing_;  // below it, and never came
  std::set<std::uint64_t> dead_;     // of those that are dead letters, these have not come

  bool alive_ = false;             // something has come from this life
  bool is_first_life_ = true;      // of those from which something came
  std::uint64_t first_ = 0;        // number that came from it
  std::uint64_t last_ = 0;         // number that came from it
  std::uint64_t behind_ = 0;       // highest_ when it began: below are repetitions
  std::uint64_t incarnation_ = 0;  // that has ended last
  std::uint64_t lives_ = 0;        // that were told to have ended
  std::uint64_t breaks_ = 0;       // in this stretch between two ends that were told
  std::vector<std::string> faults_;
  std::uint64_t fault_count_ = 0;
};

}  // namespace ringmail::chaos

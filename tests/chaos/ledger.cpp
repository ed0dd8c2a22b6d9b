#include "ledger.hpp"

#include <algorithm>
#include <utility>

namespace ringmail::chaos {

/// The first ones say it all.
constexpr std::size_t most_faults = 10;

Ledger::Ledger(std::string name, std::uint64_t stream, std::uint64_t seed, std::uint64_t most_apart)
    : name_(std::move(name)), stream_(stream), random_(seed), chains_(most_apart) {}

void Ledger::fault(std::string what) {
  if (fault_count_++ < most_faults) faults_.push_back(name_ + ": " + std::move(what));
}

Item Ledger::next() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t before = sent_ == 0 ? 0 : chains_[(sent_ - 1) % chains_.size()];
  Item item{.stream = stream_, .number = sent_, .content = mix(random_ ^ sent_)};
  item.chain = item.chained_to(before);
  chains_[sent_ % chains_.size()] = item.chain;
  ++sent_;
  return item;
}

void Ledger::take_back() {
  const std::lock_guard lock(mutex_);
  --sent_;
  if (sent_ < highest_) fault("message " + std::to_string(sent_) + " was not sent, and came");
}

void Ledger::came_altered() {
  const std::lock_guard lock(mutex_);
  fault("a message came altered");
}

void Ledger::begin_life(std::uint64_t number) {
  // 3. and 4., of the life before.
  if (!is_first_life_) {
    const std::uint64_t earliest = std::min(last_, std::max(first_, behind_));
    if (number < earliest) {
      fault("message " + std::to_string(number) +
            " came again in a later life, whose predecessor had finished all before " + std::to_string(earliest));
    }
  }
  is_first_life_ = false;
  alive_ = true;
  first_ = number;
  behind_ = highest_;
}

void Ledger::came(const Item& item) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = item.number;
  if (item.stream != stream_ || number >= sent_)
    return fault("message " + std::to_string(number) + " came, and was not sent");
  if (number + chains_.size() < sent_) return fault("message " + std::to_string(number) + " came again much too late");
  if (item.chain != chains_[number % chains_.size()])
    return fault("message " + std::to_string(number) + " came altered");

  if (!alive_) {
    begin_life(number);
  } else if (number != last_ + 1) {
    // Another life, whose predecessor's end nobody could tell in time; life_ended() looks whether that can be.
    ++breaks_;
    begin_life(number);
  }
  last_ = number;
  if (number < highest_) {
    if (missing_.erase(number) != 0) {
      fault("message " + std::to_string(number) + " came behind later ones");
    } else {
      ++repeated_;
    }
    return;
  }
  // What was left out must be dead letters, of which it may be told only later.
  for (; highest_ < number; ++highest_) missing_.insert(highest_);
  highest_ = number + 1;
  dead_.erase(number);
}

void Ledger::life_ended(std::uint64_t incarnation) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t ends = incarnation > incarnation_ ? incarnation - incarnation_ : 1;
  if (breaks_ >= ends) {
    fault("in life " + std::to_string(incarnation) + " what came was " + std::to_string(breaks_) +
          " times not what follows, after " + std::to_string(ends) + " lives; last at message " +
          std::to_string(first_));
  }
  breaks_ = 0;
  incarnation_ = std::max(incarnation, incarnation_);
  ++lives_;
  alive_ = false;
}

void Ledger::dead_letter(const Item& item) {
  const std::lock_guard lock(mutex_);
  if (item.stream != stream_ || item.number >= sent_) {
    return fault("message " + std::to_string(item.number) + " is a dead letter, and was not sent");
  }
  const bool has_come = item.number < highest_ && !missing_.contains(item.number);
  if (!has_come && !dead_.insert(item.number).second) {
    fault("message " + std::to_string(item.number) + " is a dead letter twice");
  }
}

Ledger::Figures Ledger::count() const {
  return {.sent = sent_,
          .delivered = highest_ - missing_.size(),
          .repeated = repeated_,
          .dead = dead_.size(),
          .lives = lives_};
}

std::uint64_t Ledger::open() const {
  const std::lock_guard lock(mutex_);
  const Figures figures = count();
  return figures.sent - std::min(figures.sent, figures.delivered + figures.dead);
}

void Ledger::close() {
  const std::lock_guard lock(mutex_);
  if (breaks_ > 0) fault("in the last life what came was " + std::to_string(breaks_) + " times not what follows");
  for (std::uint64_t number = highest_; number < sent_; ++number) missing_.insert(number);
  highest_ = sent_;
  for (const std::uint64_t number : missing_) {
    if (!dead_.contains(number)) fault("message " + std::to_string(number) + " is lost");
  }
}

Ledger::Figures Ledger::figures() const {
  const std::lock_guard lock(mutex_);
  return count();
}

std::vector<std::string> Ledger::faults() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all = faults_;
  if (fault_count_ > all.size()) {
    all.push_back(name_ + ": and " + std::to_string(fault_count_ - all.size()) + " faults more");
  }
  return all;
}

std::string Ledger::account() const {
  const Figures is = figures();
  return name_ + ": " + std::to_string(is.sent) + " sent, " + std::to_string(is.delivered) + " delivered, " +
         std::to_string(is.dead) + " dead letters, " +
         std::to_string(is.sent - std::min(is.sent, is.delivered + is.dead)) + " open; " + std::to_string(is.repeated) +
         " repeated over " + std::to_string(is.lives) + " lives";
}

}  // namespace ringmail::chaos

#include "languages/scenarios.hpp"

#include <chrono>
#include <cstring>
#include <deque>
#include <thread>

#include "conformance.mail.hpp"
#include "latency/scenarios.hpp"

namespace bench::languages {
namespace {

using conformance::Bulk;
using conformance::Get;
using conformance::Payload;
using conformance::Ping;
using conformance::Stream;
using conformance::Sum;

/// One process for all that is measured of a language, or of a variant: those that are idle beside it sleep.
class SharedPeer {
 public:
  explicit SharedPeer(PeerProgram program) : program_(std::move(program)) {}

  SpawnedPeer& start(const Placement& placement) {
    if (!peer_) {
      peer_.emplace(program_);
      peer_->pin(placement.far_cpu);
    }
    return *peer_;
  }
  SpawnedPeer& operator*() { return *peer_; }
  const std::string& language() const { return program_.language; }
  const std::string& variant() const { return program_.variant; }

 private:
  PeerProgram program_;
  std::optional<SpawnedPeer> peer_;
};

using Shared = std::shared_ptr<SharedPeer>;

class PeerScenario : public Scenario {
 public:
  explicit PeerScenario(Shared peer) : peer_(std::move(peer)) {}

  bool has_far_end() const override { return false; }
  void start(const Placement& placement) override { peer_->start(placement); }

 protected:
  SpawnedPeer& peer() { return **peer_; }
  /// How it is measured, and of which variant of the peer.
  std::string named(std::string how) const {
    const std::string& variant = peer_->variant();
    return how.empty() || variant.empty() ? how + variant : how + " " + variant;
  }
  [[noreturn]] void wrong(const char* what) const { throw std::runtime_error(peer_->language() + ": " + what); }

  template <class Answer, class Question>
  Answer ask(const Question& question) {
    if (++correlation_ == 0) ++correlation_;
    peer().send(Question::ringmail_type, &question, Question::ringmail_size, correlation_);
    const auto frame = peer().answer(correlation_);
    Answer answer;
    if (frame.length != sizeof answer) wrong("the answer has another length");
    std::memcpy(&answer, frame.payload, sizeof answer);
    return answer;
  }

 private:
  Shared peer_;
  std::uint32_t correlation_ = 0;
};

/// 32 bytes there, and the same back.
class Rtt : public PeerScenario {
 public:
  enum class Peer : std::uint8_t { spins, parks };
  Rtt(Shared peer, Peer state) : PeerScenario(std::move(peer)), state_(state) {}

  std::uint64_t payload_bytes() const override { return sizeof(Ping); }
  std::string variant() const override { return named(state_ == Peer::parks ? "parked" : ""); }
  /// What compiles its program while that runs, as Java does, is slower by ten times until it has: that is no part of a trip.
  void start(const Placement& placement) override {
    constexpr std::uint64_t trips_to_warm_up = 100'000;
    PeerScenario::start(placement);
    if (state_ == Peer::parks) return;
    for (std::uint64_t i = 0; i < trips_to_warm_up; ++i) ask<Ping>(Ping{.words = {i}});
  }

  std::uint64_t messages(std::uint64_t round_trips) const override {
    return state_ == Peer::parks ? std::max<std::uint64_t>(1, round_trips / 1000)
                                 : std::max<std::uint64_t>(1, round_trips / 4);
  }

  Ticks near_end(std::uint64_t messages, Sample* each) override {
    Ticks total = 0;
    for (std::uint64_t i = 0; i < messages; ++i) {
      // Long enough for any of them to have gone to sleep.
      if (state_ == Peer::parks) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      const Ping ping{.words = {i, i + 1, i + 2, i + 3}};
      const Ticks before = ticks();
      const Ping pong = ask<Ping>(ping);
      const Ticks trip = ticks() - before;
      record(each, i, trip);
      total += trip;
      if (pong.words != ping.words) wrong("the answer is not what was sent");
    }
    return total;
  }

 private:
  Peer state_;
};

template <class Message>
class OneWay : public PeerScenario {
 public:
  using PeerScenario::PeerScenario;
  Figure figure() const override { return Figure::one_way; }
  std::string variant() const override { return this->named(""); }
  std::uint64_t payload_bytes() const override { return sizeof(Message); }
  std::uint64_t messages(std::uint64_t round_trips) const override { return std::max<std::uint64_t>(1, round_trips); }
};

std::uint64_t& number(Ping& ping) { return ping.words[0]; }
std::uint64_t& number(Bulk& bulk) { return bulk.number; }

/// So many to the peer, which counts them; one published by one, or 32 at a time.
template <class Message>
class To : public OneWay<Message> {
 public:
  To(Shared peer, std::uint64_t batch) : OneWay<Message>(std::move(peer)), batch_(batch) {}
  std::string variant() const override { return this->named(batch_ > 1 ? "in batches" : ""); }

  Ticks near_end(std::uint64_t messages, Sample*) override {
    const std::uint64_t counted = this->template ask<Sum>(Get{}).count;
    Message message{};
    const Ticks start = ticks();
    for (std::uint64_t i = 0; i < messages; ++i) {
      number(message) = i;
      this->peer().add(Message::ringmail_type, &message, sizeof message);
      if (batch_ == 1 || (i + 1) % batch_ == 0) this->peer().publish();
    }
    const Sum sum = this->template ask<Sum>(Get{});
    const Ticks elapsed = ticks() - start;
    if (sum.count - counted != messages) this->wrong("it has not counted what it was sent");
    return elapsed;
  }

 private:
  std::uint64_t batch_;
};

/// So many from the peer.
template <class Message>
class From : public OneWay<Message> {
 public:
  using OneWay<Message>::OneWay;

  Ticks near_end(std::uint64_t messages, Sample*) override {
    const Stream order{.count = messages, .payload = sizeof(Message) == sizeof(Ping) ? Payload::ping : Payload::bulk};
    const Ticks start = ticks();
    this->peer().send(Stream::ringmail_type, &order, Stream::ringmail_size);
    for (std::uint64_t i = 0; i < messages; ++i) {
      const auto frame = this->peer().next();
      std::uint64_t number = 0;
      std::memcpy(&number, frame.payload, sizeof number);
      if (number != i || frame.length != sizeof(Message)) this->wrong("what it sends is not what it was told to send");
    }
    return ticks() - start;
  }
};

using Scenarios = std::vector<std::unique_ptr<Scenario>>;

template <class... Made>
Scenarios list(std::unique_ptr<Made>... made) {
  Scenarios all;
  (all.push_back(std::move(made)), ...);
  return all;
}

Scenarios round_trips(std::span<const Shared> peers) {
  Scenarios all;
  for (const Shared& peer : peers) {
    for (const auto state : {Rtt::Peer::spins, Rtt::Peer::parks}) all.push_back(std::make_unique<Rtt>(peer, state));
  }
  return all;
}

Scenarios streams_to(std::span<const Shared> peers) {
  Scenarios all;
  for (const Shared& peer : peers) {
    for (const std::uint64_t batch : {1, 32}) all.push_back(std::make_unique<To<Ping>>(peer, batch));
    all.push_back(std::make_unique<To<Bulk>>(peer, 1));
  }
  return all;
}

Scenarios streams_from(std::span<const Shared> peers) {
  Scenarios all;
  for (const Shared& peer : peers) {
    all.push_back(std::make_unique<From<Ping>>(peer));
    all.push_back(std::make_unique<From<Bulk>>(peer));
  }
  return all;
}

}  // namespace

std::vector<Subject> subjects_of(std::span<const PeerProgram> peers) {
  static std::deque<std::string> keys;  // subjects hold views
  std::vector<Subject> subjects{
      {floor_key, "a bare flag on one shared cache line, both ways", [] { return list(make_floor_rtt()); }},
      {"ring.rtt", "32 bytes through a ring and back through another, both ends in C++",
       [] { return list(make_ring_rtt()); }},
  };
  for (const PeerProgram& program : peers) {
    if (!program.variant.empty()) continue;
    std::vector<Shared> shared;
    for (const PeerProgram& other : peers) {
      if (other.language == program.language) shared.push_back(std::make_shared<SharedPeer>(other));
    }
    const auto key = [&](const char* what) { return std::string_view(keys.emplace_back(program.language + what)); };
    subjects.push_back({key(".rtt"), "32 bytes to the peer and the same back: it spins, or has gone to sleep",
                        [shared] { return round_trips(shared); }});
    subjects.push_back(
        {key(".oneway_to"), "messages to the peer, which looks into each", [shared] { return streams_to(shared); }});
    subjects.push_back({key(".oneway_from"), "messages from the peer, each written in place",
                        [shared] { return streams_from(shared); }});
  }
  return subjects;
}

}  // namespace bench::languages

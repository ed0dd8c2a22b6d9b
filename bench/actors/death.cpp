// From the SIGKILL of a peer process until its host knows of it, and until its successor has handled its first message.
#include <csignal>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include "actors/ours.hpp"
#include "actors/scenarios.hpp"
#include "echo.mail.hpp"
#include "measuring/statistics.hpp"

namespace bench::actors {
namespace {

constexpr std::uint64_t longest_start_ns = 10'000'000'000;

using ringmail::transport::monotonic_ns;
using namespace std::chrono_literals;

constexpr std::uint64_t deaths_a_block = 200;

/// Is told of each death of the peer, and then sends it a message, which its successor answers.
class Mourner : public Actor {
 public:
  using Protocol = echo::Echoed;
  explicit Mourner(Mailbox<echo::Echo> peer) : peer_(peer) {}

  void started() override { ringmail::this_actor::monitor(peer_); }
  void on(const Go&) { send(); }
  void on(const ringmail::Down&) {
    noticed_ns = monotonic_ns();
    ringmail::this_actor::monitor(peer_);
    send();
  }
  void on(const echo::Pong&) {
    answered_ns = monotonic_ns();
    answered.release();
  }

  // Written before `answered` is released, read after it was acquired.
  static inline std::uint64_t noticed_ns = 0;
  static inline std::uint64_t answered_ns = 0;
  static inline std::counting_semaphore<> answered{0};

 private:
  void send() { static_cast<void>(peer_.send(echo::Ping{})); }
  Mailbox<echo::Echo> peer_;
};

/// A block is many deaths of one peer, which is started again without delay. It is killed at work or asleep, as it comes.
class Deaths final : public Contender {
 public:
  enum class Until : std::uint8_t { noticed, succeeded };
  Deaths(std::string name, Until until, std::uint64_t deaths)
      : name_(std::move(name)), until_(until), deaths_(deaths) {}

  double run() override {
    System system = make_system(name_, {.schedulers = 1});
    const auto peer = system.spawn_peer<echo::Echo>({.command = {BENCH_C_PEER},
                                                     .restart = {.when = ringmail::RestartPolicy::When::permanent,
                                                                 .max_restarts = UINT32_MAX,
                                                                 .first_delay = 0ns,
                                                                 .longest_delay = 0ns}});
    if (!peer) throw std::runtime_error(name_ + ": " + peer.error());
    const auto mourner = system.spawn<Mourner>(*peer);
    static_cast<void>(mourner.send(Go{}));
    wait();
    std::vector<std::uint32_t> times;
    for (std::uint64_t death = 0; death < deaths_; ++death) {
      // Spread over what a peer does when it has nothing to do: it spins, and then sleeps.
      std::this_thread::sleep_for(std::chrono::microseconds(death * 7919 % 2000));
      // Whose answer came with its death has no process yet.
      int pid = 0;
      for (const std::uint64_t from_ns = monotonic_ns(); pid <= 0 && monotonic_ns() - from_ns < longest_start_ns;) {
        pid = system.runtime().peer_pid(peer->address().link);
      }
      const std::uint64_t killed_ns = monotonic_ns();
      if (pid <= 0 || kill(pid, SIGKILL) != 0) throw std::runtime_error(name_ + ": there is no process to kill");
      wait();
      const std::uint64_t end_ns = until_ == Until::noticed ? Mourner::noticed_ns : Mourner::answered_ns;
      times.push_back(ringmail::measuring::to_sample(end_ns - killed_ns));
    }
    system.shutdown();
    all_.insert(all_.end(), times.begin(), times.end());
    return ringmail::measuring::percentiles(times).p50;
  }
  unsigned schedulers() const override { return 1; }
  std::span<std::uint32_t> samples() override { return all_; }

 private:
  void wait() const {
    if (!Mourner::answered.try_acquire_for(1min))
      throw std::runtime_error(name_ + ": there was no answer for a minute");
  }

  std::string name_;
  Until until_;
  std::uint64_t deaths_;
  std::vector<std::uint32_t> all_;  // in ns
};

}  // namespace

std::unique_ptr<Contender> make_death_notice(const Setup& setup) {
  return std::make_unique<Deaths>("death.notice", Deaths::Until::noticed, setup.sized(deaths_a_block, 3));
}

std::unique_ptr<Contender> make_death_successor(const Setup& setup) {
  return std::make_unique<Deaths>("death.successor", Deaths::Until::succeeded, setup.sized(deaths_a_block, 3));
}

}  // namespace bench::actors

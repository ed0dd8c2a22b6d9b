#include "latency/peer_rtt.hpp"

#include <chrono>
#include <expected>
#include <future>
#include <stdexcept>

#include "latency/peers.hpp"

namespace bench {

using namespace std::chrono_literals;

/// A block of trips, and who waits for its end.
struct PeerRtt::Run {
  By by;
  std::uint64_t messages;
  Sample* each;
  std::promise<std::expected<Ticks, std::string>>* result;
};

class PeerRtt::NearActor : public ringmail::Actor {
 public:
  using Protocol = echo::Echoed;  // what it understands of what peers send

  explicit NearActor(ringmail::Mailbox<echo::Echo> peer) : peer_(peer) {}

  void on(const Run& run) {
    if (run.by == By::ask) {
      ask_all(run);
      return;
    }
    run_ = run;
    trip_ = 0;
    before_ = start_ = ticks();
    send_next();
  }

  void on(const echo::Pong& pong) {
    if (pong.words != ping(trip_).words) {
      run_.result->set_value(std::unexpected("the answer is not what was sent"));
      return;
    }
    const Ticks now = ticks();
    record(run_.each, trip_, now - before_);
    before_ = now;
    if (++trip_ == run_.messages) {
      run_.result->set_value(now - start_);
    } else {
      send_next();
    }
  }

 private:
  void send_next() {
    if (const auto sent = peer_.send(ping(trip_)); !sent) {
      run_.result->set_value(std::unexpected(std::string(ringmail::to_string(sent.error()))));
    }
  }

  static echo::Ping ping(std::uint64_t i) { return {.words = {i, i + 1, i + 2, i + 3}}; }

  void ask_all(const Run& run) {
    std::string error;
    const Ticks elapsed = time_each(run.messages, run.each, [&](std::uint64_t i) {
      const auto pong = ringmail::ask(peer_, ping(i), 30s);
      if (!pong) {
        error = ringmail::to_string(pong.error());
      } else if (pong->words != ping(i).words) {
        error = "the answer is not what was sent";
      }
    });
    if (error.empty()) {
      run.result->set_value(elapsed);
    } else {
      run.result->set_value(std::unexpected(error));
    }
  }

  ringmail::Mailbox<echo::Echo> peer_;
  Run run_{};  // by messages
  std::uint64_t trip_ = 0;
  Ticks start_ = 0;
  Ticks before_ = 0;
};

void PeerRtt::start(const Placement& placement) {
  system_ = make_system(name_, {.schedulers = 1, .cpus = {placement.near_cpu}});
  const auto peers = spawn_peers(*system_, name_, links_, command_(placement.far_cpu));
  near_actor_ = system_->spawn<NearActor>(peers.front());
}

Ticks PeerRtt::near_end(std::uint64_t messages, Sample* each) {
  std::promise<std::expected<Ticks, std::string>> result;
  auto finished = result.get_future();
  static_cast<void>(near_actor_.send(Run{by_, messages, each, &result}));
  if (finished.wait_for(10min) != std::future_status::ready) throw std::runtime_error(name_ + ": no answer");
  const auto elapsed = finished.get();
  if (!elapsed) throw std::runtime_error(name_ + ": " + elapsed.error());
  return *elapsed;
}

}  // namespace bench

#include "reaper.hpp"

#include <csignal>
#include <utility>

Reaper::Reaper(ringmail::System& system,
               std::vector<std::uint32_t> links,
               std::uint64_t seed,
               std::chrono::milliseconds mean)
    : system_(system),
      links_(std::move(links)),
      random_(seed),
      milliseconds_(1.0 / static_cast<double>(mean.count())) {}

void Reaper::on(const Next&) {
  // Nobody, where its process has just died and the next one is not there yet.
  const int pid = system_.runtime().peer_pid(links_[random_() % links_.size()]);
  if (pid > 0) kill(pid, SIGKILL);
  wait();
}

void Reaper::wait() {
  const std::chrono::duration<double, std::milli> time(milliseconds_(random_));
  ringmail::this_actor::send_after(std::chrono::duration_cast<std::chrono::nanoseconds>(time),
                                   ringmail::this_actor::mailbox<Reaper>(), Next{});
}

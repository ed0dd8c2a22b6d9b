// A peer that outlives its host: what is left to the next one, and how that takes it up.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <utility>

#include "peer_supervisor.hpp"

namespace ringmail::runtime {
namespace {

/// Nobody guesses it: 128 bits.
std::string make_secret() {
  std::random_device random;
  std::string secret;
  for (int i = 0; i < 4; ++i) secret += fmt::format("{:08x}", random());
  return secret;
}

}  // namespace

/// Of the next process, so that none of those before comes back in its place.
void PeerSupervisor::make_token() { token_ = options().token.empty() ? make_secret() : options().token; }

/// What the next host is to find, as it is now. Of a process that has not been ready, with this host or another, nothing comes back but
/// its mail.
void PeerSupervisor::keep() {
  if (!outlives_host()) return;
  if (token_.empty()) make_token();
  std::vector<int> descriptors{memory_.mail->segment().descriptor(), memory_.incarnation->host_descriptor(),
                               memory_.incarnation->peer_descriptor()};
  if (next_) {
    descriptors.push_back(next_->host_descriptor());
    descriptors.push_back(next_->peer_descriptor());
  }
  KeptNote note{.incarnation = number_, .layout = memory_.layout, .token = token_, .names = names_};
  std::vector<int> outputs;
  if (arrival_) {
    note.pid = arrival_->peer.pid;
    if (kept_->out && kept_->err) outputs = {kept_->out.get(), kept_->err.get()};
  } else if (process_ && !process_->is_dead() && (process_->session().was_ready() || process_->has_returned())) {
    note.pid = process_->pid();
    outputs = process_->outputs();
  }
  note.has_output = !outputs.empty();
  descriptors.insert(descriptors.end(), outputs.begin(), outputs.end());
  // One that somebody else has started is nobody's to end.
  const int pid = is_started_by_others() ? 0 : note.pid;
  if (!host_.keeper->put(name(), note.encode(), descriptors, pid, options().outlives_host)) host_.keeper_lost();
}

void PeerSupervisor::expect_return() {
  handle(PeerEvent::kept,
         fmt::format("process {} was kept, with incarnation {}", kept_->note.pid, kept_->note.incarnation));
}

/// In the state of that name.
void PeerSupervisor::await_return() {
  if (kept_->process) {
    auto watch = LoopWatch::create(host_.loop, kept_->process.get(), [this](unsigned) {
      kept_watch_->stop();
      handle(PeerEvent::absent, "its process is dead");
    });
    if (watch) {
      kept_watch_ = std::move(*watch);
      return kept_watch_->watch(LoopWatch::readable);
    }
  } else if (kept_->note.pid != 0 && is_started_by_others() && ::kill(kept_->note.pid, 0) == 0) {
    return;  // it may be another process; then this one is waited for in vain
  }
  handle(PeerEvent::absent, "its process is dead");
}

/// It has come, or will not: what is unfinished in the old memory is put into that of this host, before anybody uses it.
void PeerSupervisor::take_up_kept() {
  if (kept_watch_) kept_watch_->stop();
  const bool has_returned = arrival_.has_value();
  if (!has_returned) kept_->end();
  std::uint64_t to_peer = 0, to_host = 0;
  const auto failed = [&](std::uint32_t lane, const std::string& what) {
    host_.log.error("peer '{}': what was kept of lane {} is lost: {}", name(), lane, what);
  };
  for (std::uint32_t lane = 0; lane < memory_.layout.lanes; ++lane) {
    auto left = kept_->link.to_peer(lane);
    const bool in_hand = left && kept_->link.is_in_hand(lane);
    if (left && in_hand && !has_returned && options().at_most_once) {
      host_.log.warn("peer '{}': the message that it died with is not given out again", name());
      left->leave_out_first();
    }
    const auto carried = left ? memory_.mail->carry(lane, *left) : std::unexpected(transport::RingFault::sequence_gap);
    if (carried) {
      to_peer += *carried;
      const std::uint64_t tail = memory_.mail->producer(lane, nullptr).own->start;
      // Who has come back has told by its cursor what it has seen.
      const auto resumed = memory_.incarnation->resume_at(
          lane, {.cursor = 0,
                 .tail = has_returned || options().at_most_once ? 0 : tail,
                 .sequence = 0,
                 .attempt = in_hand && !has_returned && !options().at_most_once ? 1u : 0u,
                 .in_hand = in_hand && has_returned});
      if (!resumed) failed(lane, to_string(resumed.error()));
    } else {
      failed(lane, std::string(to_string(carried.error())));
    }
    const auto unread = kept_->link.to_host(lane);
    if (!unread) {
      failed(lane, "what the peer wrote is impossible");
    } else if (const auto taken = memory_.incarnation->carry(lane, *unread)) {
      to_host += taken->frames.size();
    } else {
      failed(lane, taken.error());
    }
  }
  number_ = kept_->note.incarnation + 1;
  token_ = kept_->note.token;
  names_ = kept_->note.names;
  former_names_ = names_.size();
  host_.owner.know_former(link_, names_);
  host_.log.info("peer '{}': {} messages to it and {} from it go on where the host before had ended", name(), to_peer,
                 to_host);
  // In place of the old memory, and only now.
  keep();
}

/// Its rings are open again.
void PeerSupervisor::take_back() {
  auto arrival = std::move(*arrival_);
  arrival_.reset();
  const int pid = arrival.peer.pid;
  const auto died = [this](PostMortem found) { this->died(std::move(found)); };
  auto process =
      is_started_by_others()
          ? PeerProcess::adopt(host_.loop, std::move(arrival.stream), std::move(arrival.peer), offer(options()), *this,
                               died)
          : PeerProcess::take_back(
                host_.loop, std::move(arrival.stream),
                {.peer = std::move(arrival.peer), .out = std::move(kept_->out), .err = std::move(kept_->err)},
                offer(options()), *this, host_.log, file_.get(), died);
  if (!process) {
    kept_->end();
    kept_.reset();
    return this->died(std::move(process.error()));
  }
  kept_.reset();
  process_ = std::move(*process);
  process_->note_return();
  callbacks_.pid_changed(pid);
  handle(PeerEvent::attached, fmt::format("process {} has come back", pid));
  process_->session().take_hello(arrival.hello);
}

/// The peer is answered by one id for a name, as long as it lives: that which the first host had given it.
ActorId PeerSupervisor::known_as(const std::string& name, ActorId actor) {
  if (!outlives_host() || !actor) return actor;
  const auto found = std::ranges::find(names_, name, &std::pair<std::uint64_t, std::string>::second);
  if (found != names_.end() && found - names_.begin() < static_cast<std::ptrdiff_t>(former_names_)) {
    return ActorId(found->first);
  }
  if (found != names_.end()) {
    if (found->first == actor.value()) return actor;
    found->first = actor.value();
  } else if (names_.size() < KeptNote::most_names) {
    names_.emplace_back(actor.value(), name);
  } else {
    host_.log.warn("peer '{}': it knows {} names, and will have to look '{}' up again after a restart of this host",
                   this->name(), names_.size(), name);
    return actor;
  }
  keep();
  return actor;
}

}  // namespace ringmail::runtime

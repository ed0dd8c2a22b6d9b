// A peer that outlives its host: it finishes with the host that is dead, and joins the next one as the next incarnation of itself.
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "peer_link.hpp"

namespace ringmail::transport {
namespace {

constexpr std::uint64_t shortest_pause_ns = 2'000'000;
constexpr std::uint64_t longest_pause_ns = 200'000'000;

}  // namespace

/// After a handshake: for how long the next host is looked for, and where.
void PeerLink::learn_return() {
  is_kept_ = link_.outlive().has_value();
  if (!is_kept_) return;
  self_.path = link_.outlive()->path;
  self_.token = link_.outlive()->token;
  self_.name = link_.welcome().name;
  return_time_ns_ = link_.outlive()->time_ns;
}

/// Its stream has ended, and it did not say stop. What it has published can still be received.
bool PeerLink::lose_host() {
  if (accepted_ || !may_return() || lost_ || closed_) return lost_;
  for (const PeerLane& lane : lanes_) {
    if (lane.stopping) return false;
  }
  lost_ = true;
  has_left_ = false;
  lost_ns_ = next_try_ns_ = monotonic_ns();
  pause_ns_ = shortest_pause_ns;
  link_.close_stream();
  return true;
}

int PeerLink::give_up() {
  lost_ = false;
  closed_ = true;
  return fail(RINGMAIL_ECLOSED, "the host has ended, and no other has come within %llu ms",
              static_cast<unsigned long long>(return_time_ns_ / 1'000'000));
}

/// 1: there is another host. 0: not until then.
int PeerLink::come_back(std::uint64_t deadline_ns) {
  while (true) {
    if (const int result = try_to_come_back(); result != 0) return result;
    // The handler that waits is what keeps it from going.
    if (held_ring_ != nullptr && !is_kept_) return 0;
    const std::uint64_t now_ns = monotonic_ns();
    if (now_ns >= deadline_ns) return 0;
    // Over the bell of the dead, which interrupt() rings.
    const auto is_interrupted = [this] { return interrupted_.load(std::memory_order_seq_cst); };
    const std::uint64_t until_ns = std::min({deadline_ns, next_try_ns_, lost_ns_ + return_time_ns_});
    const SleepResult slept = until_ns > now_ns ? parker_.park(until_ns - now_ns, is_interrupted) : SleepResult::woken;
    if (interrupted_.exchange(false, std::memory_order_seq_cst)) return fail(RINGMAIL_EINTERRUPTED, "interrupted");
    if (slept == SleepResult::interrupted) return fail(RINGMAIL_EINTERRUPTED, "interrupted by a signal");
  }
}

/// 0: there is one, now or within that time.
int PeerLink::find_host(std::int64_t timeout_ns) {
  const int back = come_back(deadline_after(timeout_ns));
  return back > 0 ? 0 : back < 0 ? back : fail(RINGMAIL_EFULL, "there is no host now");
}

/// One try, if it is time for one. 1: there is another host. 0: not yet.
int PeerLink::try_to_come_back() {
  const std::uint64_t now_ns = monotonic_ns();
  if (now_ns - lost_ns_ >= return_time_ns_) return give_up();
  // What is in hand would be lost, and what waits behind it.
  if (now_ns < next_try_ns_ || loan_lane_ != nullptr || (held_ring_ != nullptr && !is_kept_)) return 0;
  next_try_ns_ = now_ns + pause_ns_;
  pause_ns_ = std::min(pause_ns_ * 2, longest_pause_ns);
  // Before the next host hears of this peer: from then on it may take over what lies there.
  if (!std::exchange(has_left_, true)) leave_host();
  link_.start_anew();
  int result = link_.connect(self_.path.c_str(), longest_pause_ns);
  if (result == 0) result = shake_hands(self_, monotonic_ns() + handshake_timeout_ns);
  if (result == 0) {
    join_host();
    return 1;
  }
  lanes_.clear();
  link_.close_stream();
  if (!is_final(result)) return 0;
  lost_ = false;
  closed_ = true;
  return RINGMAIL_ECLOSED;
}

/// Whether the next host may not think otherwise.
bool PeerLink::is_final(int error) const {
  if (error == RINGMAIL_EPROTOCOL) return true;
  if (error != RINGMAIL_EREFUSED) return false;
  const auto code = link_.refused_with();
  // A host that has begun to listen does not await everybody yet.
  return code && *code != RefusalCode::unknown_name && *code != RefusalCode::busy && *code != RefusalCode::deadline;
}

/// It touches the old rings no more. What is in hand can still be read.
void PeerLink::leave_host() {
  flush();
  left_in_hand_ = {};
  for (PeerLane& lane : lanes_) {
    lane.store_cursors();
    // Its user may still write to them.
    if (lane.bodies_out.has_loans()) is_pinned_ = true;
    if (!is_kept_ && !lane.met) lost_messages_ += static_cast<std::uint32_t>(lane.mail_out.unfinished().messages);
    if (held_ring_ == &lane.mail_in) left_in_hand_ = {.lane = lane.index, .count = held_count_};
  }
  ringmail_counters so_far{};
  count(so_far);
  so_far.sleeps -= sleeps_;
  past_ = so_far;
  left_segments_.push_back(link_.segments());
  if (std::exchange(is_pinned_, false)) pinned_segments_.push_back(left_segments_.back());
  // Else it is of a host before this one, which has not given it again.
  if (held_ring_ != nullptr) holds_left_ = true;
  held_ring_ = nullptr;
  held_lane_ = nullptr;
  held_body_.reset();
  held_has_body_ = false;
  lanes_.clear();
}

/// shake_hands() has made the lanes anew.
void PeerLink::join_host() {
  lost_ = false;
  restarts_ = (restarts_ + 1) % (UINT32_MAX >> lane_bits);
  learn_return();
  left_bells_.push_back(std::move(left_segments_.back()->peer_bells));
  take_up_held();
  if (!holds_left_ && held_ring_ == nullptr) left_segments_.clear();
  has_news_ = tell_restart_ = true;
  while (const auto correlation = asks_.take_expired(UINT64_MAX)) ended_asks_.push_back(*correlation);
  for (const auto& [number, mailbox] : monitors_) ended_monitors_.emplace_back(number, mailbox);
  monitors_.clear();
  asked_ = timed_asked_ = 0;
  dirty_ = lies_down_ = false;
  for (const auto& [request, name] : questions_) {
    // A stream that fails says so to whoever reads it.
    static_cast<void>(stream().send(Resolve::kind, encode(Resolve{.request = request, .name = name})));
  }
}

/// What was in hand when this peer left lies in the new ring as well, if the host knew of it: there it is finished.
void PeerLink::take_up_held() {
  if (left_in_hand_.count == 0 || left_in_hand_.lane >= lanes_.size()) return;
  PeerLane& lane = lanes_[left_in_hand_.lane];
  const Mapping& own = link_.segments()->peer;
  const auto& block = *own.at<ConsumerBlock>(link_.layout().peer_mail_consumer(lane.index));
  if (block.attempted != lane.mail_in.position() + 1 || !lane.mail_in.peek()) return;
  held_count_ = left_in_hand_.count;
  if (holds_left_) {
    holds_left_ = false;
    held_lane_ = &lane;
    held_ring_ = &lane.mail_in;
    lane.mail_in.begin();
  } else {
    lane.mail_in.advance_alike(held_count_);
    lane.store_cursors();
  }
}

/// As release(), of what was in hand when the host was left. It counts as finished with the next one, if that gives it again.
int PeerLink::release_left() {
  holds_left_ = false;
  if (left_in_hand_.count != 0) received_ += left_in_hand_.count;
  if (!lost_) {
    left_in_hand_ = {};
    left_segments_.clear();
  }
  return 0;
}

/// What the user is told of the restart, as messages without a frame.
bool PeerLink::give_news(ringmail_message& message) {
  static constexpr char unreachable[] = "unreachable: its host was restarted";
  message = {};
  if (std::exchange(tell_restart_, false)) {
    message.kind = RINGMAIL_RESTARTED;
    message.type = std::exchange(lost_messages_, 0);
    // What was in hand then has been released.
    if (!lost_) left_segments_.clear();
  } else if (!ended_asks_.empty()) {
    message.kind = RINGMAIL_NO_REPLY;
    message.type = RINGMAIL_HOST_RESTARTED;
    message.correlation = ended_asks_.back();
    ended_asks_.pop_back();
  } else if (!ended_monitors_.empty()) {
    message.kind = RINGMAIL_DOWN;
    message.type = RINGMAIL_EXIT_UNREACHABLE;
    message.target = ended_monitors_.back().first;
    message.sender = ended_monitors_.back().second;
    message.payload = unreachable;
    message.length = sizeof unreachable - 1;
    ended_monitors_.pop_back();
  } else {
    has_news_ = false;
    return false;
  }
  return true;
}

}  // namespace ringmail::transport

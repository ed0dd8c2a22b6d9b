// A peer in an event loop that also sleeps over other descriptors: nothing here waits.
#include <algorithm>
#include <utility>

#include "peer_link.hpp"

namespace ringmail::transport {

bool PeerLink::has_work(bool for_mail) const {
  // Mail that comes while some is in hand has to wait; so has the stop behind it.
  const bool takes_mail = for_mail && held_ring_ == nullptr && !holds_left_;
  bool all_drained = takes_mail && !lanes_.empty();
  for (const PeerLane& lane : lanes_) {
    if (lane.has_control() || (takes_mail && lane.has_mail())) return true;
    if (lane.may_have_room() || (lane.is_short() && lane.is_cut())) return true;
    all_drained = all_drained && lane.drained();
  }
  if (!asks_.empty() && monotonic_ns() >= asks_.earliest_ns()) return true;
  // The other's end is told behind all its mail, and so by who takes that.
  return all_drained || (takes_mail && gone_) || !answers_.empty() || has_news_ ||
         interrupted_.load(std::memory_order_seq_cst);  // SYNC(park): with interrupt()
}

void PeerLink::get_up() {
  if (!lies_down_) return;
  parker_.get_up();
  lies_down_ = false;
}

/// Something came: how soon decides how long the next wait may go without sleep.
void PeerLink::end_idleness() {
  if (std::exchange(is_idle_, false)) spin_.observe();
}

/// Of a loop that will not sleep: 1, or that it was interrupted.
int PeerLink::woken() {
  get_up();
  end_idleness();
  return interrupted_.exchange(false, std::memory_order_seq_cst) ? fail(RINGMAIL_EINTERRUPTED, "interrupted") : 1;
}

int PeerLink::prepare(bool for_mail, std::int64_t* longest_ns) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (!doorbell_) return fail(RINGMAIL_EMISUSE, "this peer was not attached to be polled");
  if (held_ring_ != nullptr && held_ring_ == &held_lane_->control_in)
    return fail(RINGMAIL_EMISUSE, "the reply received before has not been released");
  if (closed_) return RINGMAIL_ECLOSED;
  flush();
  for (PeerLane& lane : lanes_) lane.store_cursors();
  if (lost_) [[unlikely]]
    return prepare_without_host(for_mail, longest_ns);
  // Where the loop was woken by something else, the word still says parked, and nobody has rung for it.
  if (!lies_down_) {
    if (has_work(for_mail)) return woken();
    if (spin_.look_again(!std::exchange(is_idle_, true))) return 2;
    sleeps_in_order_ = parker_.lie_down();
    lies_down_ = true;
    if (has_work(for_mail)) return woken();
    ++sleeps_;
  } else if (has_work(for_mail)) {
    return woken();
  }
  std::uint64_t longest = sleeps_in_order_ ? longest_sleep_ns : longest_unordered_sleep_ns;
  if (!asks_.empty()) {
    const std::uint64_t now_ns = monotonic_ns();
    longest = std::min(longest, asks_.earliest_ns() - std::min(now_ns, asks_.earliest_ns()));
  }
  *longest_ns = static_cast<std::int64_t>(longest);
  return 0;
}

/// The loop looks in as often as there is a try to join the next host.
int PeerLink::prepare_without_host(bool for_mail, std::int64_t* longest_ns) {
  get_up();
  if (has_work(for_mail)) return woken();
  const int back = try_to_come_back();
  if (back < 0) return back;
  if (back > 0) return woken();
  const std::uint64_t now_ns = monotonic_ns();
  const std::uint64_t until_ns = std::min({next_try_ns_, lost_ns_ + return_time_ns_, asks_.earliest_ns()});
  // Not at once: a message in hand, or an open loan, may keep it from trying.
  *longest_ns = std::max<std::int64_t>(1'000'000, static_cast<std::int64_t>(until_ns - std::min(now_ns, until_ns)));
  return 0;
}

int PeerLink::resume() {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (!doorbell_) return fail(RINGMAIL_EMISUSE, "this peer was not attached to be polled");
  if (closed_) return RINGMAIL_ECLOSED;
  // Up first: who rings now rings for nothing, and who rang for this sleep need not do it again.
  get_up();
  end_idleness();
  doorbell_->quiet();
  if (other_is_gone() && closed_) return RINGMAIL_ECLOSED;
  if (interrupted_.exchange(false, std::memory_order_seq_cst)) return fail(RINGMAIL_EINTERRUPTED, "interrupted");
  return 0;
}

int PeerLink::receive_reply(ringmail_message& message) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (held_ring_ != nullptr && held_ring_ == &held_lane_->control_in)
    return fail(RINGMAIL_EMISUSE, "the reply received before has not been released");
  if (closed_) return RINGMAIL_ECLOSED;
  for (PeerLane& lane : lanes_) {
    // Of the replies given out before: their caller is done with them.
    if (lane.control_in.cursor_due()) lane.store_cursors();
    Frame reply;
    const int taken = take_control(lane, reply);
    if (taken < 0) return taken;
    if (taken == 1) {
      describe(lane, lane.control_in, reply, message);
      lane.control_in.advance();
      return 1;
    }
    if (lane.fault() != RingFault::none && faulted(lane) != 0) return RINGMAIL_EPROTOCOL;
  }
  if (give_expired(message)) return 1;
  return gone_ ? RINGMAIL_ECLOSED : 0;
}

int PeerLink::want_room(ringmail_mailbox target, std::uint32_t length) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (!doorbell_) return fail(RINGMAIL_EMISUSE, "this peer was not attached to be polled");
  void* room = nullptr;
  const int result = loan(target, length, 0, &room);
  if (result == 0) {
    cancel_loan();
    return 1;
  }
  if (result != RINGMAIL_EFULL) return result;
  if (lost_) return 0;  // the loop is woken when there is another host
  PeerLane& lane = way_to(target);
  return want_wake(lane, lane.short_of_room);
}

/// No room yet: the loop is woken when there is.
int PeerLink::want_wake(PeerLane& lane, bool& is_short) {
  lane.mail_out.want_room(true);
  is_short = true;
  // The next sleep begins behind this store: its barrier stands between it and the look at the cursor.
  get_up();
  return 0;
}

int PeerLink::want_large(ringmail_mailbox target, std::uint64_t length) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (!doorbell_) return fail(RINGMAIL_EMISUSE, "this peer was not attached to be polled");
  ringmail_body body{};
  const int result = loan_large(target, length, 0, body);
  if (result == 0) {
    cancel_large(body);
    return 1;
  }
  if (result != RINGMAIL_EFULL) return result;
  if (lost_) return 0;
  PeerLane& lane = *lane_to(target);
  return want_wake(lane, lane.short_of_arena);
}

int PeerLink::ask_host(const char* name, std::uint32_t& request) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (!doorbell_) return fail(RINGMAIL_EMISUSE, "this peer was not attached to be polled");
  if (closed_) return RINGMAIL_ECLOSED;
  if (accepted_) {
    Resolved answer{.request = request = ++request_};
    answer.found = find_other(name, answer.mailbox) == 0;
    answers_.push_back(answer);
    return 0;
  }
  const auto question = encode(Resolve{.request = ++request_, .name = name});
  // The host would end the link over a name that cannot be one.
  if (!decode<Resolve>(question)) return fail(RINGMAIL_ENOTFOUND, "'%s' is not a name", name);
  if (may_return()) questions_.emplace(request_, name);
  request = request_;
  if (lost_) return 0;  // the next host is asked
  if (auto sent = stream().send(Resolve::kind, question); !sent && !lose_host()) return stream_failed(sent.error());
  return 0;
}

void PeerLink::keep_answer(const ControlFrame& frame) {
  const auto answer = decode<Resolved>(frame);
  if (!answer) return;
  answers_.push_back(*answer);
  if (may_return()) questions_.erase(answer->request);
}

int PeerLink::take_answer(std::uint32_t& request, ringmail_mailbox& mailbox) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (answers_.empty()) return closed_ ? RINGMAIL_ECLOSED : 0;
  request = answers_.front().request;
  mailbox = answers_.front().found ? answers_.front().mailbox : 0;
  answers_.erase(answers_.begin());
  return 1;
}

int PeerLink::ring_memory(std::uint32_t lane, int outgoing, void** memory, std::uint64_t* bytes) {
  lane %= max_lanes;
  if (lane >= lanes_.size()) return RINGMAIL_ENOTFOUND;
  const auto& met = lanes_[lane].met;
  const auto ring = accepted_ ? accepted_->mail_memory(outgoing != 0)
                    : met     ? met->mail_memory(outgoing != 0)
                              : link_.mail_memory(lane, outgoing != 0);
  *memory = const_cast<std::byte*>(ring.data());
  *bytes = ring.size();
  return 0;
}

}  // namespace ringmail::transport

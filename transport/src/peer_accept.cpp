// How a process becomes the host of one peer by the C ABI: with a link that a listener has let in.
#include <cerrno>
#include <cstring>
#include <utility>

#include "peer_link.hpp"

namespace ringmail::transport {

int PeerLink::accept(std::unique_ptr<AcceptedLink> link, std::shared_ptr<LeftMail> left, std::string own_name) {
  accepted_ = std::move(link);
  left_ = std::move(left);
  own_name_ = std::move(own_name);
  answers_on_stream_ = true;
  lanes_.resize(1);
  static_cast<Lane&>(lanes_.front()) = accepted_->lane();
  auto owner = ForkGuard::create();
  if (!owner)
    return fail(RINGMAIL_ESYSTEM, "no page to tell this process from its forks: %s", std::strerror(owner.error()));
  owner_ = std::move(*owner);
  auto doorbell = PeerDoorbell::on_stream(stream().descriptor(), accepted_->death_watch());
  if (!doorbell) return fail(RINGMAIL_ESYSTEM, "the link cannot be polled: %s", std::strerror(doorbell.error()));
  doorbell_.emplace(std::move(*doorbell));
  parker_ = Parker(accepted_->bell(), accepted_->ordering());
  parker_.show(accepted_->mirror());
  closed_ = false;
  return 0;
}

void PeerLink::answer_resolve(const Resolve& question) {
  const bool found = question.name == own_name_;
  const Resolved answer{.request = question.request, .found = found, .mailbox = found ? own_mailbox : 0};
  // A stream that has failed says so to whoever reads it.
  static_cast<void>(stream().send(Resolved::kind, encode(answer)));
}

/// The other end is its own only mailbox.
int PeerLink::find_other(const char* name, ringmail_mailbox& mailbox) {
  if (accepted_->name() != name) return fail(RINGMAIL_ENOTFOUND, "no mailbox has the name '%s'", name);
  mailbox = other_mailbox;
  return 0;
}

/// Whose peer has gone leaves the mail to the next of its name.
void PeerLink::leave() {
  if (!left_) return;
  if (loan_lane_ != nullptr) cancel_loan();
  flush();
  left_->end(accepted_->name(), accepted_->leave_mail(&lanes_.front().mail_out));
  left_.reset();
}

int PeerLink::stop() {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (!accepted_) return fail(RINGMAIL_EMISUSE, "a host is not told to stop");
  if (closed_ || gone_) return RINGMAIL_ECLOSED;
  if (loan_lane_ != nullptr) return fail(RINGMAIL_EMISUSE, "a loan is open");
  PeerLane& lane = lanes_.front();
  flush();
  const std::uint64_t tail = lane.mail_out.tail();
  std::byte* room = lane.control_out.try_loan(sizeof tail);
  if (room == nullptr) {
    const int result = wait_for_room(lane, lane.control_out, sizeof tail, UINT64_MAX, &room);
    if (result != 0) return result;
  }
  std::memcpy(room, &tail, sizeof tail);
  lane.control_out.commit({.kind = FrameKind::stop});
  lane.publish();
  return 0;
}

int PeerLink::unfinished(std::uint64_t& messages) {
  if (const int result = flush(); result != 0) return result;
  messages = 0;
  for (PeerLane& lane : lanes_) messages += lane.mail_out.unfinished().messages;
  return 0;
}

}  // namespace ringmail::transport

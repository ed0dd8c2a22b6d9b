// Another program in the place of the one that runs. The order of things, and why nothing is lost in any other:
//
//   1. a process of the new program is started beside the old one, and says its hello     it fails: nothing has happened
//   2. the old one is told to stop behind the message in hand, and leaves                 it dies: a death like any other, but that
//                                                                                         what comes next is the new program
//   3. the mail is settled, and the new process let in                                    it has not waited: another is started
//   4. it is ready                                                                        it is not: the old program is started again
//
// Who wants the peer stopped between 2 and 4 stops the successor: the old one has left its mail to it.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "peer_supervisor.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {
namespace {

using NotReplaced = ReplaceError::Kind;

std::string words_of(const std::vector<std::string>& command) {
  std::string text;
  for (const std::string& word : command) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

std::optional<ReplaceError> PeerSupervisor::objection_to_replacing() const {
  if (is_started_by_others()) return ReplaceError{.kind = NotReplaced::impossible, .text = "somebody else starts it"};
  // Whoever waits to take its place would be nobody's when this host has died.
  if (outlives_host()) return ReplaceError{.kind = NotReplaced::impossible, .text = "it outlives this host"};
  if (succession_) return ReplaceError{.kind = NotReplaced::busy};
  const bool is_being_stopped = stop_wanted_ || state_ == PeerState::draining || state_ == PeerState::terminating;
  if (is_being_stopped || state_ == PeerState::closing) return ReplaceError{.kind = NotReplaced::stopping};
  if (is_held() && (state_ == PeerState::delayed || state_ == PeerState::opening)) {
    return ReplaceError{.kind = NotReplaced::stopping, .text = "its supervisor has not started it"};
  }
  return std::nullopt;
}

void PeerSupervisor::replace(const PeerReplacement& replacement, ReplaceDone done) {
  if (auto error = objection_to_replacing()) return done(std::unexpected(std::move(*error)));
  PeerOptions changed = with(options(), replacement);
  const auto impossible = [&](std::string why) {
    done(std::unexpected(ReplaceError{.kind = NotReplaced::impossible, .text = std::move(why)}));
  };
  if (auto checked = check(changed); !checked) return impossible(std::move(checked.error()));
  auto command = command_of(changed);
  if (!command) return impossible(std::move(command.error()));
  host_.log.info("peer '{}': it is to be replaced by: {}", name(), words_of(changed.command));
  succession_.emplace(PeerSuccession{
      .next = std::make_shared<const PeerProgram>(std::move(changed), std::move(*command)), .done = std::move(done)});
  start_candidate();
}

void PeerSupervisor::start_candidate() {
  succession_->has_waited = false;
  SessionOffer offer = this->offer(succession_->next->options);
  offer.incarnation = nullptr;
  auto candidate = PeerCandidate::start(
      host_.loop, host_.containment, host_.owner, host_.log, succession_->next, offer, file_.get(),
      {.waits = [this] { candidate_waits(); }, .ended = [this](const PostMortem& found) { candidate_ended(found); }});
  if (!candidate) return give_up_succession({.kind = NotReplaced::failed, .reason = std::move(candidate.error())});
  succession_->candidate = std::move(*candidate);
  host_.log.info("peer '{}': process {} is to take up; its hello must be good", name(), succession_->candidate->pid());
}

void PeerSupervisor::candidate_waits() {
  succession_->has_waited = true;
  call_successor();
}

void PeerSupervisor::candidate_ended(const PostMortem& found) {
  const auto candidate = std::move(succession_->candidate);
  if (succession_->has_waited || succession_->committed) {
    host_.log.info("peer '{}': process {} has not waited to take up ({}); another is started when its turn comes",
                   name(), found.pid, to_string(found.reason));
    return;
  }
  ExitReason reason = found.reason;
  reason.post_mortem = std::make_shared<const PostMortem>(found);
  give_up_succession({.kind = NotReplaced::failed, .reason = std::move(reason)});
}

/// If the time has come for it.
void PeerSupervisor::call_successor() {
  if (state_ == PeerState::running) {
    if (!succession_->candidate) return start_candidate();
    if (!succession_->has_waited) return;
    return handle(PeerEvent::succeed, fmt::format("process {} waits to take up", succession_->candidate->pid()));
  }
  // Nobody is there to be waited for, and the back-off is that of the program before.
  if (state_ != PeerState::delayed || is_held() || !succession_->has_waited) return;
  succession_->committed = true;
  const transport::Trust trust = trust_of(succession_->next->options);
  if (trust == trust_of(options())) return handle(PeerEvent::overdue, "its successor is there");
  auto next = transport::Incarnation::create(memory_.layout, trust, memory_.incarnation->bell());
  if (!next) return handle(PeerEvent::finished, "there is no memory for its successor: " + to_string(next.error()));
  next_ = std::make_unique<transport::Incarnation>(std::move(*next));
  handed_over_ = goes_on_ = true;
  handle(PeerEvent::succeed, "its successor is there, and is spoken to in another way");
}

/// What becomes of it, now that its process is dead.
RestartHistory::Decision PeerSupervisor::decide() {
  const bool yielded = std::exchange(yielded_, false);
  const bool said_goodbye = std::exchange(said_goodbye_, false);
  if (is_successor_coming()) {
    program_ = succession_->before;
    const bool recalled = succession_->recalled;
    give_up_succession(recalled ? ReplaceError{.kind = NotReplaced::stopping, .text = "its supervisor stops it"}
                                : ReplaceError{.kind = NotReplaced::failed, .reason = reason_});
    if (!recalled) {
      handed_over_ = goes_on_ = true;
      return {.restart = true, .why = "what ran before is started again"};
    }
  } else if (is_successor_next()) {
    handed_over_ = yielded && said_goodbye && reason_.is_normal();
    // A death is its supervisor's to decide on, unless that has told it to stop for good.
    goes_on_ = handed_over_ || !is_held() || stop_wanted_;
    succession_->committed = true;
    if (goes_on_) return {.restart = true, .why = handed_over_ ? "it has left its mail" : "it was being replaced"};
  }
  if (is_held() && !stop_wanted_) return {.restart = true, .why = "its supervisor decides"};
  return history_.after(reason_, stop_wanted_, now_ns());
}

/// The next start is the successor's. False: no process of it is there yet, or there is no successor.
bool PeerSupervisor::take_up() {
  if (!is_successor_next() || !succession_->committed) return false;
  succession_->before = std::exchange(program_, std::exchange(succession_->next, nullptr));
  if (!succession_->candidate) return false;
  if (!succession_->candidate->is_sound()) {
    dismiss_candidate();
    return false;
  }
  const auto candidate = std::move(succession_->candidate);
  process_ = candidate->release();
  callbacks_.pid_changed(process_->pid());
  host_.log.info("peer '{}': process {} is incarnation {}", name(), process_->pid(), number_);
  process_->serve(offer(options()), *this, [this](PostMortem found) { died(std::move(found)); });
  return true;
}

void PeerSupervisor::succeeded() {
  const ReplaceDone done = std::move(succession_->done);
  succession_.reset();
  host_.log.info("peer '{}': it has been replaced", name());
  done({});
}

void PeerSupervisor::give_up_succession(ReplaceError error) {
  host_.log.warn("peer '{}': it is not replaced: {}", name(), to_string(error));
  if (succession_->candidate) dismiss_candidate();
  const ReplaceDone done = std::move(succession_->done);
  succession_.reset();
  done(std::unexpected(std::move(error)));
}

void PeerSupervisor::dismiss_candidate() {
  auto& candidate = dismissed_.emplace_back(std::move(succession_->candidate));
  candidate->dismiss([this, gone = candidate.get()](const PostMortem&) {
    std::erase_if(dismissed_, [gone](const auto& each) { return each.get() == gone; });
    if (dismissed_.empty() && closing_) closed(*std::exchange(closing_, std::nullopt));
  });
}

}  // namespace ringmail::runtime

#include "peer_candidate.hpp"

#include <utility>

#include "peer_text.hpp"

namespace ringmail::runtime {

using Kind = ExitReason::Kind;

std::expected<std::unique_ptr<PeerCandidate>, ExitReason> PeerCandidate::start(ReactorLoop& loop,
                                                                               PeerContainment& containment,
                                                                               LinkOwner& owner,
                                                                               spdlog::logger& log,
                                                                               SharedProgram program,
                                                                               const SessionOffer& offer,
                                                                               PeerLog* file,
                                                                               Callbacks callbacks) {
  std::unique_ptr<PeerCandidate> candidate(new PeerCandidate(loop, owner, std::move(program), std::move(callbacks)));
  auto* const raw = candidate.get();
  auto process = PeerProcess::spawn(loop, containment, raw->program_->command, offer, *raw, log, file,
                                    [raw](const PostMortem& found) { raw->died(found); });
  if (!process) return std::unexpected(std::move(process.error()));
  raw->process_ = std::move(*process);
  const auto start = raw->program_->options.deadlines.start;
  raw->kill_after(start, "no hello within " + text_of(start));
  return candidate;
}

void PeerCandidate::dismiss(std::function<void(const PostMortem&)> ended) {
  callbacks_ = {.waits = nullptr, .ended = std::move(ended)};
  timer_.cancel();
  process_->kill();
}

void PeerCandidate::died(const PostMortem& found) {
  timer_.cancel();
  const auto ended = std::move(callbacks_.ended);
  ended(found);
}

void PeerCandidate::kill_after(std::chrono::nanoseconds time, std::string why_then) {
  timer_.set(time, [this, why = std::move(why_then)] {
    process_->blame(Kind::handshake, why);
    process_->kill();
  });
}

void PeerCandidate::session_waits() {
  // Not at once: this may be the end of it, and it stands in a callback of its session.
  timer_.set(std::chrono::nanoseconds(0), [this] {
    const auto waits = std::move(callbacks_.waits);
    waits();
  });
}

void PeerCandidate::session_refused(const std::string& why) {
  process_->blame(Kind::handshake, why);
  kill_after(program_->options.deadlines.terminate, why);
}

void PeerCandidate::session_closed(const std::string&) {
  kill_after(program_->options.deadlines.terminate, "it closed its control stream and did not exit");
}

void PeerCandidate::session_broken(const std::string& what) {
  process_->blame(Kind::protocol, "on the control stream: " + what);
  process_->kill();
}

std::string PeerCandidate::session_compare_schemas(const std::string& theirs) {
  return owner_.compare_schemas(program_->options.schema, theirs);
}

}  // namespace ringmail::runtime

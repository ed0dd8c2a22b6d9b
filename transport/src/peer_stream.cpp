// What a peer and its host say on the control stream: names, lines for the log, last words, and the end itself.
#include <utility>

#include "peer_link.hpp"

namespace ringmail::transport {
namespace {

/// In one look; and how long the stream is left alone by who has other things to do.
constexpr int frames_a_look = 64;
constexpr std::uint64_t stream_left_alone_ns = 1'000'000;

/// That wait for the host: what comes beyond is left out, and the link lives on.
constexpr std::size_t most_bytes_of_log = 1 << 20;

}  // namespace

bool PeerLink::other_is_gone() {
  if (gone_ || lost_) return true;
  // What the other had not read when it was said. A failure shows in what is read.
  if (stream().wants_write()) static_cast<void>(stream().flush());
  // Asked first: what the dead had said and published is all there.
  const bool is_dead = accepted_ && accepted_->is_dead();
  // Reading shows the end of the stream. What a peer writes on and on is looked at another time.
  for (int frames = 0; frames < frames_a_look; ++frames) {
    auto frame = stream().receive();
    if (!frame || (!*frame && is_dead)) {
      if (accepted_) {
        gone_ = true;
        fail(RINGMAIL_ECLOSED, "the peer has ended");
      } else if (!lose_host()) {
        end("has closed the link");
      }
      return true;
    }
    if (!*frame) return false;
    take(std::move(**frame));
  }
  return false;
}

/// For who never finds nothing to do: somebody may wait for an answer there.
void PeerLink::look_at_stream(std::uint64_t now_ns) {
  if (now_ns - stream_seen_ns_ < stream_left_alone_ns) return;
  stream_seen_ns_ = now_ns;
  other_is_gone();
}

/// Answers are kept for whom they are for; what is left is none of this version's, or has woken this process, which is all that it
/// was to do.
void PeerLink::take(ControlFrame frame) {
  if (!accepted_) {
    if (frame.kind == ControlKind::introduce) return introduce(std::move(frame));
    if (frame.kind == ControlKind::presence) {
      if (const auto presence = decode<Presence>(frame)) note_presence(*presence);
      return;
    }
    if (doorbell_) keep_answer(frame);
    return;
  }
  if (const auto question = decode<Resolve>(frame)) answer_resolve(*question);
  if (const auto failure = decode<Failure>(frame)) last_words_ = failure->text;
}

/// The other side is, for good.
int PeerLink::end(const char* how) {
  leave();
  closed_ = true;
  const char* const separator = last_words_.empty() ? "" : ": ";
  return fail(RINGMAIL_ECLOSED, "the %s %s%s%s", other(), how, separator, last_words_.c_str());
}

int PeerLink::stream_failed(const StreamError& error) {
  if (lose_host()) return fail(RINGMAIL_EFULL, "there is no host now");
  leave();
  closed_ = true;
  return fail(RINGMAIL_ECLOSED, "the control stream: %s", to_string(error).c_str());
}

int PeerLink::lookup(const char* name, std::int64_t timeout_ns, ringmail_mailbox& mailbox) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (closed_) return RINGMAIL_ECLOSED;
  if (accepted_) return find_other(name, mailbox);
  const std::uint32_t request = ++request_;
  const auto question = encode(Resolve{.request = request, .name = name});
  // The host would end the link over a name that cannot be one.
  if (!decode<Resolve>(question)) return fail(RINGMAIL_ENOTFOUND, "'%s' is not a name", name);
  const std::uint64_t deadline_ns = deadline_after(timeout_ns);
  bool is_asked = false;
  while (true) {
    if (lost_) {
      is_asked = false;
      const int back = come_back(deadline_ns);
      if (back < 0) return back;
      if (back == 0) return fail(RINGMAIL_ETIMEDOUT, "there was no host to ask where '%s' is", name);
    }
    if (!std::exchange(is_asked, true)) {
      if (auto sent = stream().send(Resolve::kind, question); !sent) {
        if (const int failed = stream_failed(sent.error()); !lost_) return failed;
        continue;
      }
    }
    auto frame = stream().receive_until(deadline_ns);
    if (!frame) {
      if (const int failed = stream_failed(frame.error()); !lost_) return failed;
      continue;
    }
    if (!*frame) return fail(RINGMAIL_ETIMEDOUT, "the host did not answer where '%s' is", name);
    if ((*frame)->kind != Resolved::kind) {
      take(std::move(**frame));
      continue;
    }
    const auto answer = decode<Resolved>(**frame);
    if (!answer) return fail(RINGMAIL_EPROTOCOL, "the host answered: %s", to_string(answer.error()).c_str());
    if (answer->request != request) {  // of a lookup that timed out, or of ask_host()
      if (doorbell_) answers_.push_back(*answer);
      continue;
    }
    if (!answer->found) return fail(RINGMAIL_ENOTFOUND, "no mailbox has the name '%s'", name);
    mailbox = answer->mailbox;
    return 0;
  }
}

int PeerLink::log(int level, const char* text) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (closed_) return RINGMAIL_ECLOSED;
  if (accepted_) return fail(RINGMAIL_EREFUSED, "a peer takes no lines for a log");
  if ((link_.welcome().features & peer_log) == 0) return fail(RINGMAIL_EREFUSED, "the host takes no lines for its log");
  if (lost_) return fail(RINGMAIL_EFULL, "there is no host now");
  if (level < RINGMAIL_LOG_TRACE || level > RINGMAIL_LOG_CRITICAL)
    return fail(RINGMAIL_EMISUSE, "%d is no level", level);
  if (auto flushed = stream().flush(); !flushed) return stream_failed(flushed.error());
  if (stream().backlog_bytes() >= most_bytes_of_log) return fail(RINGMAIL_EFULL, "the host does not read its log");
  const Log lines{.level = static_cast<LogLevel>(level), .text = text};
  if (auto sent = stream().send(Log::kind, encode(lines)); !sent) return stream_failed(sent.error());
  return 0;
}

int PeerLink::report_failure(const char* text) {
  if (is_forked()) return RINGMAIL_EFORKED;
  if (closed_ || !has_stream()) return RINGMAIL_ECLOSED;
  if (accepted_) return fail(RINGMAIL_EMISUSE, "a peer that has connected is told nothing of failures");
  // What is held stays unreleased, but what was sent before is out, and what was finished is: that comes first.
  flush();
  for (PeerLane& lane : lanes_) lane.store_cursors();
  if (auto sent = stream().send(Failure::kind, encode(Failure{.text = text})); !sent)
    return stream_failed(sent.error());
  if (auto flushed = stream().flush_until(monotonic_ns() + handshake_timeout_ns); !flushed)
    return stream_failed(flushed.error());
  return 0;
}

void PeerLink::say_goodbye() {
  if (loan_lane_ != nullptr) cancel_loan();
  flush();
  bool all_drained = true;
  for (PeerLane& lane : lanes_) {
    lane.store_cursors();
    all_drained = all_drained && lane.drained();
  }
  if (!accepted_ && all_drained && stream().send(Goodbye::kind, encode(Goodbye{}))) {
    static_cast<void>(stream().flush_until(monotonic_ns() + handshake_timeout_ns));
  }
}

}  // namespace ringmail::transport

#include "ringmail/runtime/exit_reason.hpp"

#include "peer_os.hpp"

namespace ringmail::runtime {
namespace {

/// "exited with 3", "killed by signal 9 (Killed)", or nothing where there was no process or nobody saw its end.
std::string ending(const ExitReason& reason) {
  if (reason.signal != 0) {
    const char* name = name_of_signal(reason.signal);
    return "killed by signal " + std::to_string(reason.signal) + " (" + (name != nullptr ? name : "unknown") + ")";
  }
  return reason.code != 0 ? "exited with " + std::to_string(reason.code) : std::string();
}

std::string with_text(std::string head, const std::string& text) {
  return text.empty() ? head : std::move(head) + ": " + text;
}

/// Without its causes.
std::string one(const ExitReason& reason) {
  using Kind = ExitReason::Kind;
  const std::string end = ending(reason);
  const auto with_ending = [&](std::string head) {
    return with_text(end.empty() ? std::move(head) : std::move(head) + " (" + end + ")", reason.text);
  };
  switch (reason.kind) {
    case Kind::normal: return with_text("ended normally", reason.text);
    case Kind::failed: return with_ending("failed");
    case Kind::exited: return with_text("exited with " + std::to_string(reason.code), reason.text);
    case Kind::signalled: return with_text(end, reason.text);
    case Kind::not_started: return with_text("not started", reason.text);
    case Kind::handshake: return with_ending("handshake failed");
    case Kind::protocol: return with_ending("broke the protocol");
    case Kind::unreachable: return with_text("unreachable", reason.text);
    case Kind::linked: return with_text("linked to one that failed", reason.text);
    case Kind::escalated: return with_text("escalated", reason.text);
  }
  return "unknown";
}

}  // namespace

bool operator==(const ExitReason& left, const ExitReason& right) {
  const ExitReason* one = &left;
  const ExitReason* other = &right;
  for (; one != other; one = one->cause.get(), other = other->cause.get()) {
    if (one == nullptr || other == nullptr) return false;
    if (one->kind != other->kind || one->code != other->code || one->signal != other->signal ||
        one->text != other->text) {
      return false;
    }
  }
  return true;
}

std::string to_string(const ExitReason& reason) {
  std::string text = one(reason);
  for (const ExitReason* cause = reason.cause.get(); cause != nullptr; cause = cause->cause.get()) {
    text.append("; because ").append(one(*cause));
  }
  return text;
}

}  // namespace ringmail::runtime

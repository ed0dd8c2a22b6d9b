#include "ringmail/runtime/peer_replacement.hpp"

namespace ringmail::runtime {

PeerOptions with(PeerOptions options, const PeerReplacement& replacement) {
  const auto set = [](auto& option, const auto& value) {
    if (value) option = *value;
  };
  if (!replacement.command.empty()) options.command = replacement.command;
  set(options.environment, replacement.environment);
  set(options.inherit_environment, replacement.inherit_environment);
  set(options.working_directory, replacement.working_directory);
  set(options.control_by_pipes, replacement.control_by_pipes);
  set(options.deadlines, replacement.deadlines);
  set(options.hang, replacement.hang);
  set(options.limits, replacement.limits);
  set(options.cgroup, replacement.cgroup);
  return options;
}

std::string_view to_string(ReplaceError::Kind kind) {
  using Kind = ReplaceError::Kind;
  switch (kind) {
    case Kind::not_found: return "there is no such peer";
    case Kind::impossible: return "impossible";
    case Kind::busy: return "it is being replaced already";
    case Kind::stopping: return "it is being stopped, or kept down";
    case Kind::failed: return "the new program did not get ready";
    case Kind::ended: return "the peer has ended";
    case Kind::timed_out: return "timed out";
    case Kind::stopped: return "who waited was told to stop";
  }
  return "unknown error";
}

std::string to_string(const ReplaceError& error) {
  std::string text(to_string(error.kind));
  if (!error.text.empty()) text += ": " + error.text;
  if (!error.reason.is_normal()) text += ": " + to_string(error.reason);
  return text;
}

}  // namespace ringmail::runtime

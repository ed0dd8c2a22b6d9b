#include "peer_process.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "core_dump.hpp"
#include "ringmail/transport/control_ends.hpp"

namespace ringmail::runtime {
namespace {

using Kind = ExitReason::Kind;

constexpr std::string_view helper_prefix = "ringmail-exec: ";

// Of the exec helper: from an option that could not be set, 125, to a program that was not found, 127.
constexpr bool is_of_helper(int code) { return code >= 125 && code <= 127; }

std::unexpected<ExitReason> not_started(std::string text) {
  return std::unexpected(ExitReason{.kind = Kind::not_started, .text = std::move(text)});
}

std::unexpected<ExitReason> not_started(const char* what, int os_error) {
  return not_started(std::string(what) + ": " + std::strerror(os_error));
}

}  // namespace

PeerProcess::PeerProcess(ReactorLoop& loop, const PeerOptions& options, Died died)
    : options_(options), died_(std::move(died)), farewell_(loop) {}

std::expected<std::unique_ptr<PeerProcess>, ExitReason> PeerProcess::spawn(ReactorLoop& loop,
                                                                           PeerContainment& containment,
                                                                           const PeerCommand& command,
                                                                           const SessionOffer& offer,
                                                                           SessionEvents& events,
                                                                           spdlog::logger& log,
                                                                           PeerLog* file,
                                                                           Died died) {
  std::unique_ptr<PeerProcess> process(new PeerProcess(loop, offer.options, std::move(died)));
  auto* const raw = process.get();
  if (auto output = process->read_output(loop, log, file, {}, {}); !output) {
    return not_started("cannot make a pipe", output.error());
  }

  auto control = offer.options.control_by_pipes ? transport::control_by_pipes() : transport::control_by_socket();
  if (!control) return not_started("cannot make a control stream", control.error());
  auto session = PeerSession::create(loop, std::move(control->host), offer, events);
  if (!session) return not_started("cannot watch the control stream", session.error());
  process->session_ = std::move(*session);

  auto child = PeerChild::spawn(loop, containment, command,
                                {.control = control->peer.get(),
                                 .control_out = control->peer_writes.get(),
                                 .out = process->out_->peer_end(),
                                 .err = process->err_->peer_end()},
                                [raw](ExitStatus status) { raw->on_dead(status); });
  if (!child) return not_started(std::move(child.error()));
  process->child_ = std::move(*child);
  // Open in the peer alone from now on, or its streams would never come to an end.
  process->out_->close_peer_end();
  process->err_->close_peer_end();
  return process;
}

std::expected<std::unique_ptr<PeerProcess>, ExitReason> PeerProcess::adopt(ReactorLoop& loop,
                                                                           transport::ControlStream stream,
                                                                           SocketPeer peer,
                                                                           const SessionOffer& offer,
                                                                           SessionEvents& events,
                                                                           Died died) {
  std::unique_ptr<PeerProcess> process(new PeerProcess(loop, offer.options, std::move(died)));
  auto* const raw = process.get();
  process->adopted_ = std::move(peer);
  // Without a death watch its stream's end has to do.
  if (process->adopted_.death_watch) {
    auto watch = LoopWatch::create(loop, process->adopted_.death_watch.get(),
                                   [raw](unsigned) { raw->on_dead({.known = false}); });
    if (watch) {
      process->adopted_watch_ = std::move(*watch);
      process->adopted_watch_->watch(LoopWatch::readable);
    }
  }
  auto session = PeerSession::create(loop, std::move(stream), offer, events);
  if (!session) return not_started("cannot watch the control stream", session.error());
  process->session_ = std::move(*session);
  return process;
}

/// Through those pipes, or new ones.
std::expected<void, int> PeerProcess::read_output(
    ReactorLoop& loop, spdlog::logger& log, PeerLog* file, transport::Descriptor out, transport::Descriptor err) {
  printed_ = std::make_unique<PrintedLines>(loop, log, file, options_, spdlog::level::info, "out");
  printed_errors_ = std::make_unique<PrintedLines>(loop, log, file, options_, spdlog::level::warn, "err");
  const auto open = [&loop](transport::Descriptor end, std::function<void(std::string_view)> line) {
    return end ? PeerOutput::go_on(loop, std::move(end), std::move(line)) : PeerOutput::create(loop, std::move(line));
  };
  auto printed = open(std::move(out), [this](std::string_view line) { printed_->add(line); });
  auto errors = open(std::move(err), [this](std::string_view line) { take_error_line(line); });
  if (!printed || !errors) return std::unexpected(printed ? errors.error() : printed.error());
  out_ = std::move(*printed);
  err_ = std::move(*errors);
  return {};
}

std::expected<std::unique_ptr<PeerProcess>, ExitReason> PeerProcess::take_back(ReactorLoop& loop,
                                                                               transport::ControlStream stream,
                                                                               Returned returned,
                                                                               const SessionOffer& offer,
                                                                               SessionEvents& events,
                                                                               spdlog::logger& log,
                                                                               PeerLog* file,
                                                                               Died died) {
  auto process = adopt(loop, std::move(stream), std::move(returned.peer), offer, events, std::move(died));
  if (!process) return process;
  (*process)->is_ours_ = true;
  if (!returned.out || !returned.err) return process;  // it had closed them
  auto output = (*process)->read_output(loop, log, file, std::move(returned.out), std::move(returned.err));
  if (!output) return not_started("cannot read what it prints", output.error());
  return process;
}

std::vector<int> PeerProcess::outputs() const {
  if (!out_ || !err_ || out_->host_end() < 0 || err_->host_end() < 0) return {};
  return {out_->host_end(), err_->host_end()};
}

/// To the group of one that is ours. False: it is not.
bool PeerProcess::signal(int number) {
  if (!is_ours_ || dead_) return false;
  // While the process is there its number is nobody else's.
  if (transport::signal_watched(adopted_.death_watch.get(), number)) ::kill(-adopted_.pid, number);
  return true;
}

void PeerProcess::serve(const SessionOffer& offer, SessionEvents& events, Died died) {
  died_ = std::move(died);
  session_->serve(offer, events);
}

void PeerProcess::take_error_line(std::string_view line) {
  // Only until the program runs: after that it is the peer's own word.
  if (session_ && session_->phase() == PeerSession::Phase::hello && line.starts_with(helper_prefix)) {
    helper_line_ = line.substr(helper_prefix.size());
    return;
  }
  printed_errors_->add(line);
}

void PeerProcess::blame(Kind kind, const std::string& text) {
  if (!blamed_) blamed_ = ExitReason{.kind = kind, .text = text};
}

void PeerProcess::terminate() {
  if (child_) return child_->signal(SIGTERM);
  if (signal(SIGTERM)) return;
  let_go();
}

void PeerProcess::kill() {
  if (child_) return child_->signal(SIGKILL);
  if (signal(SIGKILL)) return;
  let_go();
}

void PeerProcess::abort() {
  if (signal(SIGABRT)) return;
  if (!child_) return let_go();
  // Not reaped before it is known to be dead, so its number is nobody else's.
  if (!dead_) ::kill(child_->pid(), SIGABRT);
}

void PeerProcess::let_go() {
  // Not at once: the caller may stand in a callback of the session that is then destroyed.
  farewell_.set(std::chrono::nanoseconds(0), [this] { on_dead({.known = false}); });
}

void PeerProcess::on_dead(ExitStatus status) {
  if (std::exchange(dead_, true)) return;
  if (adopted_watch_) adopted_watch_->stop();
  // It has just been reaped, so its number is nobody else's yet.
  if (is_ours_) ::kill(-adopted_.pid, SIGKILL);
  farewell_.cancel();
  if (err_) err_->finish();
  if (out_) out_->finish();
  if (printed_errors_) printed_errors_->finish();
  if (printed_) printed_->finish();
  session_->finish();
  const auto died = std::move(died_);
  died(post_mortem(status));
}

PostMortem PeerProcess::post_mortem(const ExitStatus& status) const {
  PostMortem found{.peer = options_.name,
                   .pid = pid(),
                   .reason = reason_of(status),
                   .age = std::chrono::steady_clock::now() - started_,
                   .usage = status.usage,
                   .dumped_core = status.dumped_core};
  if (printed_errors_) found.last_lines = printed_errors_->last_lines();
  if (found.dumped_core) {
    found.core =
        find_core({.pid = found.pid, .signal = status.signal, .working_directory = options_.working_directory});
  }
  return found;
}

ExitReason PeerProcess::reason_of(const ExitStatus& status) const {
  const auto reason = [&](Kind kind, std::string text) {
    return ExitReason{.kind = kind, .code = status.code, .signal = status.signal, .text = std::move(text)};
  };
  if (is_of_helper(status.code) && !helper_line_.empty()) return {.kind = Kind::not_started, .text = helper_line_};
  if (blamed_) return reason(blamed_->kind, blamed_->text);
  if (!failure_.empty()) return reason(Kind::failed, failure_);
  if (!session_->was_ready() && !end_is_expected_) {
    const std::string said = err_ ? err_->last_line() : std::string();
    return reason(Kind::handshake,
                  said.empty() ? "it ended before it was ready" : "it ended before it was ready: " + said);
  }
  if (!status.known && !end_is_expected_) return reason(Kind::failed, "its process is gone");
  if (status.signal != 0) return reason(Kind::signalled, status.signal == SIGABRT ? err_->last_line() : std::string());
  if (status.code != 0) return reason(Kind::exited, err_->last_line());
  return reason(Kind::normal, {});
}

}  // namespace ringmail::runtime

#include "peer_supervisor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <string_view>
#include <tuple>
#include <utility>

#include "peer_text.hpp"
#include "printable.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail::runtime {
namespace {

using Kind = ExitReason::Kind;

constexpr std::size_t most_lines_a_second = 1000;
constexpr std::size_t most_bytes_of_reason = 1024;

static_assert(static_cast<int>(transport::LogLevel::trace) == spdlog::level::trace &&
              static_cast<int>(transport::LogLevel::warning) == spdlog::level::warn &&
              static_cast<int>(transport::LogLevel::critical) == spdlog::level::critical);

/// The first line, and the rest without it; each without its end.
std::pair<std::string_view, std::string_view> split_line(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return {text, {}};
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return {line, text.substr(end + 1)};
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

PeerSupervisor::PeerSupervisor(const PeerHost& host,
                               std::uint32_t link,
                               SharedProgram program,
                               LinkMemory memory,
                               std::unique_ptr<PeerLog> file,
                               Callbacks callbacks)
    : host_(host),
      link_(link),
      program_(std::move(program)),
      file_(std::move(file)),
      memory_(std::move(memory)),
      callbacks_(std::move(callbacks)),
      history_(options().restart, random_seed()),
      timer_(host.loop),
      watch_timer_(host.loop),
      lines_(host.loop, host.log, "peer '" + name() + "'", most_lines_a_second) {
  host_.introductions.enlist(link_, *this);
}

void PeerSupervisor::open() {
  if (kept_) return expect_return();
  keep();
  open_rings();
}

void PeerSupervisor::open_rings() {
  // A lane is polled before it is used: nothing is spawned before the schedulers have it.
  host_.owner.open(link_, *memory_.mail, *memory_.incarnation, [this] {
    if (state_ != PeerState::opening) return;  // recycled meanwhile
    kept_watch_.reset();
    if (stop_wanted_) {
      reason_ = {.text = "stopped before it was started"};
      if (kept_) kept_->end();
      return handle(PeerEvent::finished, "it was asked to stop");
    }
    if (arrival_) return take_back();
    kept_.reset();
    if (is_held()) return handle(PeerEvent::held, "its rings are set up");
    handle(is_started_by_others() ? PeerEvent::opened_idle : PeerEvent::opened, "its rings are set up");
  });
}

void PeerSupervisor::stop() {
  stop_wanted_ = true;
  // What has been told to yield has left its mail to a successor, which is stopped in its place.
  if (yielded_ || goes_on_) return;
  if (is_successor_next()) give_up_succession({.kind = ReplaceError::Kind::stopping, .text = "it was asked to stop"});
  if (!process_ && (state_ == PeerState::awaited || state_ == PeerState::delayed)) {
    reason_ = {.text = "stopped while it was not running"};
  }
  handle(PeerEvent::stop, "it was asked to stop");
}

void PeerSupervisor::release() {
  if (state_ == PeerState::opening) released_ = true;
  if (state_ != PeerState::delayed) return;
  if (is_started_by_others()) return handle(PeerEvent::opened_idle, "its supervisor wants it");
  handle(PeerEvent::overdue, "its supervisor wants it");
}

void PeerSupervisor::recycle() {
  if (is_successor_coming()) succession_->recalled = true;
  if (is_successor_next() && !succession_->committed) {
    give_up_succession({.kind = ReplaceError::Kind::stopping, .text = "its supervisor stops it"});
  }
  goes_on_ = handed_over_ = false;
  if (state_ == PeerState::awaited || (state_ == PeerState::opening && released_)) {
    released_ = false;
    return died({.text = "stopped while it was not running"});
  }
  // While it is down there is nothing to stop.
  if (state_ != PeerState::delayed) handle(PeerEvent::stop, "its supervisor stops it");
}

void PeerSupervisor::broke_protocol(const std::string& what) {
  // A report about one that is dead already comes too late to matter: its successor has memory of its own.
  if (!process_) return;
  process_->blame(Kind::protocol, what);
  handle(PeerEvent::broke, "it broke the protocol: " + what);
}

void PeerSupervisor::end_with(const ExitReason& reason) {
  if (reason.is_normal() || !process_) return stop();
  // Asked to stop, it would be told as one that ended normally.
  process_->blame(reason.kind, reason.text);
  handle(PeerEvent::broke, "another scheduler of its system is gone");
}

std::optional<transport::Refusal> PeerSupervisor::objection(const transport::Hello& hello) {
  using transport::RefusalCode;
  // It has what it was told to say; its process need not have been started by this host.
  if (state_ == PeerState::returning)
    return PeerSession::objection(hello, options(), insisted_, *this, kept_->note.token);
  // One that is told so comes again.
  if (outlives_host() && !is_awaited()) {
    return transport::Refusal{RefusalCode::busy, "'" + name() + "' is " + std::string(to_string(state_)) + " already"};
  }
  if (!is_started_by_others()) {
    return transport::Refusal{RefusalCode::not_allowed, "'" + name() + "' is started by this host alone"};
  }
  if (!is_awaited()) {
    return transport::Refusal{RefusalCode::busy, "'" + name() + "' is " + std::string(to_string(state_)) + " already"};
  }
  return PeerSession::objection(hello, options(), insisted_, *this, options().token);
}

void PeerSupervisor::attach(transport::ControlStream stream, SocketPeer peer, const transport::Hello& hello) {
  if (state_ == PeerState::returning) {
    arrival_.emplace(Arrival{.stream = std::move(stream), .peer = std::move(peer), .hello = hello});
    return handle(PeerEvent::returned, "it has come back");
  }
  const int pid = peer.pid;
  auto process = PeerProcess::adopt(host_.loop, std::move(stream), std::move(peer), offer(options()), *this,
                                    [this](PostMortem found) { died(std::move(found)); });
  if (!process)
    return host_.log.error("peer '{}': process {} cannot attach: {}", name(), pid, to_string(process.error()));
  process_ = std::move(*process);
  callbacks_.pid_changed(pid);
  handle(PeerEvent::attached, fmt::format("process {} has attached", pid));
  process_->session().take_hello(hello);
}

void PeerSupervisor::lookup(const std::string& name, NameLookups::Done done) {
  if (!process_ || process_->is_dead()) return done({});
  process_->session().lookup(name, std::move(done));
}

// The one place where the state changes.
void PeerSupervisor::handle(PeerEvent event, const std::string& why) {
  // What a dead process had left to say changes nothing: the event of its death follows.
  if (process_ && process_->is_dead()) return;
  const PeerTransition* transition = find_transition(state_, event);
  if (transition == nullptr) return;
  state_ = transition->to;

  const bool bad = event == PeerEvent::overdue ? transition->from != PeerState::delayed
                                               : event == PeerEvent::refused || event == PeerEvent::broke ||
                                                     event == PeerEvent::hung || event == PeerEvent::failed ||
                                                     (event == PeerEvent::finished && reason_.kind != Kind::normal);
  const auto level = bad ? spdlog::level::warn : spdlog::level::info;
  host_.log.log(level, "peer '{}': {} -> {}: {}; {}", name(), to_string(transition->from), to_string(state_), why,
                what_comes_next());
  enter(state_);
}

void PeerSupervisor::enter(PeerState state) {
  timer_.cancel();
  watch_timer_.cancel();
  // First the deadline: what is done below may already lead on to another state.
  if (const auto deadline = deadline_of(state); deadline.count() > 0) timer_.set(deadline, [this] { overdue(); });
  switch (state) {
    case PeerState::opening: take_up_kept(); return open_rings();
    case PeerState::returning: return await_return();
    case PeerState::handshaking:
    case PeerState::leaving: return;
    case PeerState::running: return watch();
    case PeerState::aborting: return process_->abort();
    case PeerState::awaited: return callbacks_.awaited ? callbacks_.awaited() : void();
    case PeerState::starting: return spawn();
    case PeerState::draining:
      process_->expect_end();
      return host_.owner.stop(link_, stop_wanted_ || !is_held() ? StopAt::end_for_good : StopAt::end);
    case PeerState::yielding:
      yielded_ = true;
      process_->expect_end();
      return host_.owner.stop(link_, StopAt::message);
    case PeerState::terminating: return process_->terminate();
    case PeerState::killing: return process_->kill();
    case PeerState::settling: return settle();
    case PeerState::delayed:
      if (std::exchange(goes_on_, false)) return handle(PeerEvent::overdue, "it is waited for");
      if (is_held()) return std::exchange(released_, false) ? release() : void();
      // One that others start may come back at once.
      if (is_started_by_others()) return handle(PeerEvent::opened_idle, "it may attach again");
      return timer_.set(delay_, [this] { overdue(); });
    case PeerState::closing:
      if (succession_) give_up_succession({.kind = ReplaceError::Kind::ended, .reason = reason_});
      return host_.owner.close(link_, [this](LinkAccount account) { closed(std::move(account)); });
    case PeerState::ended: return;
  }
}

std::chrono::nanoseconds PeerSupervisor::deadline_of(PeerState state) const {
  switch (state) {
    case PeerState::returning: return kept_ ? kept_->time : std::chrono::nanoseconds(0);
    case PeerState::starting: return options().deadlines.start;
    case PeerState::handshaking: return options().deadlines.handshake;
    case PeerState::draining:
    case PeerState::yielding: return options().deadlines.drain;
    // To read why it was refused, say so, and exit: as long as when it is asked by SIGTERM.
    case PeerState::leaving:
    case PeerState::aborting:
    case PeerState::terminating: return options().deadlines.terminate;
    case PeerState::killing: return options().deadlines.reap;
    default: return std::chrono::nanoseconds(0);
  }
}

std::string PeerSupervisor::what_comes_next() const {
  const std::string within = text_of(deadline_of(state_));
  switch (state_) {
    case PeerState::opening: return "its rings are being set up";
    case PeerState::returning: return "it must come back within " + within;
    case PeerState::awaited: return "somebody is to start it";
    case PeerState::starting: return "its hello must begin within " + within;
    case PeerState::handshaking: return "it must be ready within " + within;
    case PeerState::running: return "it runs until it ends or is stopped";
    case PeerState::draining:
    case PeerState::yielding: return "SIGTERM unless it exits within " + within;
    case PeerState::leaving: return "SIGKILL unless it exits within " + within;
    case PeerState::aborting:
    case PeerState::terminating: return "SIGKILL unless it exits within " + within;
    case PeerState::killing: return "it is dead as soon as the kernel says so";
    case PeerState::settling:
    case PeerState::delayed:
      if (goes_on_) return is_successor_next() ? "its successor takes up" : "started again at once";
      return is_held() ? "started when its supervisor says so" : "started again in " + text_of(delay_);
    case PeerState::closing: return "it is not started again";
    case PeerState::ended: return "nothing comes after that";
  }
  return {};
}

void PeerSupervisor::overdue() {
  const std::string within = text_of(deadline_of(state_));
  switch (state_) {
    case PeerState::starting:
      if (is_suspended("its hello")) return;
      process_->blame(Kind::handshake, "no hello within " + within);
      break;
    case PeerState::handshaking:
      if (is_suspended("its handshake")) return;
      return process_->session().refuse(transport::RefusalCode::deadline, "not ready within " + within);
    case PeerState::leaving:
      process_->blame(process_->session().was_ready() ? Kind::protocol : Kind::handshake,
                      "it closed its control stream and did not exit");
      break;
    case PeerState::delayed: return handle(PeerEvent::overdue, "the delay is over");
    case PeerState::killing:
      return handle(PeerEvent::overdue,
                    fmt::format("process {} was sent SIGKILL {} ago and is not dead yet", process_->pid(), within));
    default: break;
  }
  handle(PeerEvent::overdue, "nothing came within " + within);
}

void PeerSupervisor::spawn() {
  if (outlives_host()) {
    make_token();
    keep();
  }
  if (!take_up() && !start()) return;
  if (stop_wanted_) handle(PeerEvent::stop, "it was asked to stop");
}

bool PeerSupervisor::start() {
  auto process = PeerProcess::spawn(host_.loop, host_.containment, program_->command, offer(options()), *this,
                                    host_.log, file_.get(), [this](PostMortem found) { died(std::move(found)); });
  if (!process) {
    died(std::move(process.error()));
    return false;
  }
  process_ = std::move(*process);
  callbacks_.pid_changed(process_->pid());
  host_.log.info("peer '{}': process {} is incarnation {}", name(), process_->pid(), number_);
  return true;
}

// --- While it runs

void PeerSupervisor::watch() {
  watch_.reset(memory_.layout.lanes);
  hang_limit_ = options().hang.after;
  look();
}

/// And again, as long as it runs. All peers with the same limit are looked at in one turn, so that idle ones cost one wakeup.
void PeerSupervisor::look() {
  if (options().hang.after.count() <= 0) return;
  const std::uint64_t now = now_ns();
  const auto period = std::max<std::uint64_t>(static_cast<std::uint64_t>(options().hang.after.count()) / 4, 1'000'000);
  watch_timer_.set(std::chrono::nanoseconds(period - now % period), [this] { look(); });

  const auto sight = watch_.look(*memory_.incarnation, process_->pid(), now);
  if (sight.held_for < options().hang.after) {
    if (hang_limit_ != options().hang.after) {
      host_.log.info("peer '{}': it goes on with other messages", name());
    }
    hang_limit_ = options().hang.after;
    return;
  }
  if (sight.held_for < hang_limit_ || sight.activity == PeerActivity::suspended) return;
  if (sight.activity == PeerActivity::blocked) return;
  hang_limit_ = 2 * sight.held_for;
  // Which message it is, those know who wrote it.
  host_.owner.look(link_, [this, sight, number = number_](const LinkSight& mail) {
    if (state_ == PeerState::running && number_ == number && process_) hangs(sight, mail);
  });
}

void PeerSupervisor::hangs(const PeerWatch::Sight& sight, const LinkSight& mail) {
  const std::string what = text_of_hang(sight, mail);
  switch (options().hang.then) {
    case PeerHang::Then::report: return host_.log.warn("peer '{}': {}", name(), what);
    case PeerHang::Then::abort: process_->blame(Kind::failed, what); return handle(PeerEvent::hung, what + "; SIGABRT");
    case PeerHang::Then::kill: process_->blame(Kind::failed, what); return handle(PeerEvent::broke, what + "; SIGKILL");
  }
}

std::string PeerSupervisor::text_of_hang(const PeerWatch::Sight& sight, const LinkSight& mail) {
  const auto held = std::ranges::find(mail.in_hand, *sight.held_lane, &MessageInHand::lane);
  std::string message = "something that is no message of its mail";
  if (held != mail.in_hand.end()) {
    MessageInHand shown = *held;
    shown.text = host_.owner.describe(options().schema, shown);
    message = to_string(shown);
  }
  return fmt::format("it has had a message in hand for {} and {}: {}; {} messages not finished",
                     text_of(sight.held_for), sight.activity == PeerActivity::waiting ? "sleeps" : "is awake", message,
                     mail.waiting);
}

/// Then its deadline begins anew: what does not run cannot keep one. Not that of a stranger, who could stay for ever like that.
bool PeerSupervisor::is_suspended(std::string_view deadline) {
  const std::string how = process_->is_adopted() ? std::string() : suspension_of(process_->pid());
  if (how.empty()) return false;
  host_.log.warn("peer '{}': process {} is {}, and is waited for: the time for {} begins anew", name(), process_->pid(),
                 how, deadline);
  timer_.set(deadline_of(state_), [this] { overdue(); });
  return true;
}

PeerStatus PeerSupervisor::status() {
  PeerStatus status{.name = name(),
                    .link = link_,
                    .pid = process_ ? process_->pid() : 0,
                    .incarnation = number_,
                    .phase = std::string(to_string(state_)),
                    .deaths = deaths_,
                    .last_death = last_death_};
  if (!process_ || process_->is_dead()) return status;
  if (!process_->session().was_ready()) {
    status.suspended_by = suspension_of(status.pid);
    if (!status.suspended_by.empty()) status.activity = PeerActivity::suspended;
    return status;
  }
  auto sight = watch_.look(*memory_.incarnation, status.pid, now_ns());
  status.activity = sight.activity;
  status.blocked_on = sight.blocked_on;
  status.suspended_by = std::move(sight.suspended_by);
  if (sight.held_lane) {
    status.in_hand = MessageInHand{.lane = *sight.held_lane};
    status.held_for = sight.held_for;
  }
  return status;
}

// --- When it is dead

void PeerSupervisor::died(PostMortem found) {
  ExitReason reason = found.reason;
  found.incarnation = number_;
  if (!reason.is_normal() && !is_successor_coming()) ++deaths_;
  found.deaths = deaths_;
  found_ = std::make_shared<PostMortem>(std::move(found));
  died(std::move(reason));
}

void PeerSupervisor::died(ExitReason reason) {
  if (process_) {
    callbacks_.pid_changed(0);
    if (outlives_host()) host_.keeper->forget(process_->pid());
  }
  process_.reset();
  keep();
  host_.introductions.down(link_);
  reason_ = std::move(reason);
  const auto decision = decide();
  delay_ = decision.delay;
  std::string why = to_string(reason_) + " (" + decision.why + ")";
  if (!decision.restart) return handle(PeerEvent::finished, why);

  // Begun before the death is settled, so that mail can be queued towards it meanwhile.
  const PeerOptions& of_next = is_successor_next() ? succession_->next->options : options();
  auto next = transport::Incarnation::begin(memory_.layout, trust_of(of_next), memory_.incarnation->bell());
  const auto no_memory = [&](const transport::MemoryFailure& failure) {
    handle(PeerEvent::finished, why + ", but there is no memory for it: " + to_string(failure));
  };
  if (!next) return no_memory(next.error());
  if (outlives_host()) {
    next->keep();
    // What is carried over lies anywhere in its rings.
    if (auto populated = next->populate(); !populated) return no_memory(populated.error());
  }
  next_ = std::make_unique<transport::Incarnation>(std::move(*next));
  // While it is being stopped nothing but its supervisor starts it again.
  handle(find_transition(state_, PeerEvent::failed) != nullptr ? PeerEvent::failed : PeerEvent::paused, why);
}

void PeerSupervisor::settle() {
  // A host that comes after this one finds, for each lane, which of the two counts.
  keep();
  host_.owner.replace(
      link_, *next_,
      {.max_attempts = options().max_attempts, .at_most_once = options().at_most_once, .handed_over = handed_over_},
      [this](LinkAccount account) { settled(std::move(account)); });
}

void PeerSupervisor::settled(LinkAccount account) {
  // To unmap the dead one's memory takes longer than to tell of its death: it goes when all are told.
  const auto dead = std::exchange(memory_.incarnation, std::move(next_));
  transport::get_up(memory_.incarnation->bell()->bell[0]);  // on which the dead one may have slept
  ++number_;
  keep();
  if (!account.fault.empty()) handed_over_ = false;
  take_mail(account);
  if (std::exchange(handed_over_, false)) {
    host_.owner.handed_over(link_);
  } else {
    host_.owner.down(link_, reason_);
  }
  if (stop_wanted_ && !goes_on_) {
    reason_ = {.text = "stopped before it was started again"};
    return handle(PeerEvent::finished, "it was asked to stop");
  }
  // Likewise: nobody who waits for the news waits for this.
  if (auto populated = memory_.incarnation->populate(); !populated) {
    return handle(PeerEvent::finished, "there is no memory for the next incarnation: " + to_string(populated.error()));
  }
  handle(PeerEvent::settled,
         fmt::format("{} of {} messages wait for the next incarnation", account.unfinished, account.published));
}

void PeerSupervisor::closed(LinkAccount account) {
  // Its last process may be one that nobody wanted any more.
  if (!dismissed_.empty()) {
    closing_ = std::move(account);
    return;
  }
  take_mail(account);
  account.unfinished_from_peers = host_.introductions.ended(link_);
  if (account.unfinished_from_peers != 0) {
    host_.log.warn("peer '{}': {} messages that other peers had sent it were not finished", name(),
                   account.unfinished_from_peers);
  }
  host_.owner.down(link_, reason_);
  if (outlives_host() && !host_.keeper->drop(name())) host_.keeper_lost();
  memory_ = {};
  handle(PeerEvent::settled, fmt::format("{}; {} messages sent, {} not finished, {} received", to_string(reason_),
                                         account.published, account.unfinished, account.received));
  callbacks_.ended(reason_, std::move(account));
}

/// What its mail says of its death, which with this is known.
void PeerSupervisor::take_mail(LinkAccount& account) {
  note_account(account);
  auto in_hand = std::exchange(account.in_hand, {});
  if (!found_) return;  // there was no process
  PostMortem& found = *found_;
  found.reason = reason_;
  found.waiting = account.unfinished;
  for (MessageInHand& message : in_hand) message.text = host_.owner.describe(options().schema, message);
  found.in_hand = std::move(in_hand);
  // They are not finished, though nobody will.
  found.waiting += static_cast<std::uint64_t>(std::ranges::count(found.in_hand, true, &MessageInHand::given_up));
  reason_.post_mortem = std::exchange(found_, nullptr);
  if (reason_.is_normal()) return;
  if (!handed_over_) last_death_ = reason_;
  const std::string text = to_string(found);
  host_.log.warn("{}", text);
  if (file_) file_->write("---", text);
  for (const MessageInHand& message : found.in_hand) {
    if (message.given_up) host_.owner.dead_letter(link_, message, reason_);
  }
}

void PeerSupervisor::note_account(const LinkAccount& account) {
  if (account.fault.empty() || reason_.kind == Kind::protocol) return;
  reason_.kind = Kind::protocol;
  reason_.text = account.fault;
  host_.log.error("peer '{}': what it left in its rings is impossible: {}", name(), account.fault);
}

SessionOffer PeerSupervisor::offer(const PeerOptions& options) {
  return {
      .options = options,
      .layout = memory_.layout,
      .mail = *memory_.mail,
      .bells = host_.owner.bells(),
      .mirrors = host_.owner.mirrors(),
      .ordering = host_.owner.ordering(),
      .incarnation = memory_.incarnation.get(),
      .number = number_,
      .between_systems = between_systems_,
      .insisted = insisted_,
      .outlive = {
          .time_ns = static_cast<std::uint64_t>(options.outlives_host.count()), .path = host_.listen, .token = token_}};
}

void PeerSupervisor::session_began() { handle(PeerEvent::began, "the first bytes of its hello came"); }

void PeerSupervisor::session_hello(const transport::Hello& hello) {
  hello_ = fmt::format("{} (process {})", hello.language.empty() ? "a peer" : hello.language, hello.pid);
}

void PeerSupervisor::session_ready(std::uint64_t features) {
  if (process_->is_dead()) return;
  // Its mail, which its successor takes up, may have the answers to its monitors, and bodies.
  insisted_ |= features & (transport::monitors | transport::large | transport::by_proc);
  handle(PeerEvent::ready, hello_ + " is ready");
  keep();
  host_.owner.up(link_, number_, transport::ordering_of(features), (features & transport::large) != 0);
  host_.introductions.up(link_, (features & transport::introductions) != 0);
  if (is_successor_coming()) return succeeded();
  if (is_successor_next()) call_successor();
}

void PeerSupervisor::session_refused(const std::string& why) {
  process_->blame(Kind::handshake, why);
  handle(PeerEvent::refused, "the handshake failed: " + why);
}

void PeerSupervisor::session_closed(const std::string& how) {
  if (process_->is_adopted()) return process_->let_go();
  handle(PeerEvent::closed, how);
}

void PeerSupervisor::session_broken(const std::string& what) { broke_protocol("on the control stream: " + what); }

/// Who is not trusted does not get at the terminal that shows the log.
std::string PeerSupervisor::shown(std::string_view line) const {
  return is_trusted(options()) ? std::string(line) : printable(line, line.size());
}

void PeerSupervisor::session_failure(const std::string& text) {
  auto [reason, trace] = split_line(text);
  host_.log.error("peer '{}': it reports a failure: {}", name(), shown(reason));
  process_->note_failure(printable(cut(reason, most_bytes_of_reason), most_bytes_of_reason));
  for (std::string_view line; !trace.empty();) {
    std::tie(line, trace) = split_line(trace);
    host_.log.error("[{}] {}", name(), shown(line));
  }
}

void PeerSupervisor::session_log(const transport::Log& log) {
  std::string_view line, rest = log.text;
  do {
    std::tie(line, rest) = split_line(rest);
    if (file_) file_->write("log", line);
    lines_.write(static_cast<spdlog::level::level_enum>(log.level), "[{}] {}", name(), shown(line));
  } while (!rest.empty());
}

void PeerSupervisor::session_goodbye() {
  said_goodbye_ = true;
  process_->expect_end();
  handle(PeerEvent::goodbye, "it said goodbye");
}

void PeerSupervisor::session_resolve(const std::string& name, std::function<void(ActorId)> done) {
  // What was published under a name comes before the peers.
  host_.owner.resolve(link_, name, [this, name, done = std::move(done)](ActorId actor) {
    actor ? done(known_as(name, actor)) : host_.introductions.resolve(link_, name, done);
  });
}

void PeerSupervisor::session_introduced(const transport::Introduced& answer) {
  if (!host_.introductions.answered(link_, answer)) {
    broke_protocol("it answers an introduction to lane " + std::to_string(answer.lane) + ", which it has not");
  }
}

void PeerSupervisor::session_rang(std::uint32_t lane) {
  if (!host_.introductions.rang(link_, lane)) {
    broke_protocol("it rang lane " + std::to_string(lane) + ", which it has not");
  }
}

void PeerSupervisor::tell(const transport::Introduce& introduce, std::span<const int> descriptors) {
  if (process_) process_->session().tell(introduce, descriptors);
}

void PeerSupervisor::tell(const transport::Presence& presence) {
  if (process_) process_->session().tell(presence);
}

std::string PeerSupervisor::session_compare_schemas(const std::string& theirs) {
  return host_.owner.compare_schemas(options().schema, theirs);
}

}  // namespace ringmail::runtime

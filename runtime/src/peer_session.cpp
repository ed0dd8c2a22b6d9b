#include "peer_session.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "peer_setup.hpp"

namespace ringmail::runtime {

using transport::ControlFrame;
using transport::ControlKind;
using transport::RefusalCode;

namespace {

/// What a dead peer had said is all there, and what one that is not as dead as it seems goes on to say is not waited for: a
/// socket holds fewer of the shortest frames.
constexpr int frames_of_the_dead = 1 << 16;
constexpr std::size_t max_unanswered = 64;

std::expected<transport::Chosen, transport::Refusal> judge(const transport::Hello& hello,
                                                           const PeerOptions& options,
                                                           transport::Ordering ordering,
                                                           bool between_systems,
                                                           std::uint64_t insisted,
                                                           SessionEvents& events,
                                                           const std::string& token = {}) {
  transport::HostLimits limits;
  limits.token = token;
  const bool outlives = options.outlives_host.count() > 0;
  if (outlives) limits.required_features |= transport::outlives_host;
  if (between_systems) limits.required_features |= transport::between_systems;
  if (ordering == transport::Ordering::asymmetric) limits.features |= transport::asymmetric_barrier;
  if (!between_systems) limits.features |= transport::pipe_doorbell | transport::monitors | transport::peer_log;
  const bool shares_bells = trust_of(options) == transport::Trust::trusted;
  if (!shares_bells) limits.required_features |= transport::stream_doorbell;
  // Without the bells it takes one that rings whomever through this host.
  const std::uint64_t by_proc = shares_bells ? 0 : hello.features & transport::by_proc;
  if (!between_systems && is_trusted(options) && (shares_bells || by_proc != 0)) {
    limits.features |= by_proc;
    // The memory of a lane between two peers is not kept.
    if (!options.exactly_once && !outlives) limits.features |= transport::introductions;
    if (has_arenas(options)) limits.features |= transport::large;
  }
  // Who shares the bells rings by itself, whatever one before it did.
  limits.required_features |= shares_bells ? insisted & ~std::uint64_t{transport::by_proc} : insisted;
  if (options.exactly_once) limits.required_features |= transport::exactly_once;
  limits.features |= limits.required_features;
  auto chosen = transport::negotiate(hello, limits);
  if (!chosen) return chosen;
  if (!hello.name.empty() && hello.name != options.name) {
    return std::unexpected(transport::Refusal{
        RefusalCode::unknown_name, "it calls itself '" + hello.name + "', and was started as '" + options.name + "'"});
  }
  // The rings are made, and may hold mail, before anybody says hello.
  if (chosen->wanted_ring_bytes != 0 && chosen->wanted_ring_bytes != options.mail_bytes) {
    return std::unexpected(transport::Refusal{
        RefusalCode::ring_size, "the peer wants rings of " + std::to_string(chosen->wanted_ring_bytes) +
                                    " bytes, and this host has made them with " + std::to_string(options.mail_bytes)});
  }
  if (!hello.schema.empty()) {
    std::string mismatch = events.session_compare_schemas(hello.schema);
    if (!mismatch.empty()) return std::unexpected(transport::Refusal{RefusalCode::schema, std::move(mismatch)});
  }
  return chosen;
}

}  // namespace

std::optional<transport::Refusal> PeerSession::objection(const transport::Hello& hello,
                                                         const PeerOptions& options,
                                                         std::uint64_t insisted,
                                                         SessionEvents& events,
                                                         const std::string& token) {
  auto chosen = judge(hello, options, transport::Ordering::sequential, false, insisted, events, token);
  if (chosen) return std::nullopt;
  return std::move(chosen.error());
}

std::expected<std::shared_ptr<PeerSession>, int> PeerSession::create(ReactorLoop& loop,
                                                                     transport::ControlStream stream,
                                                                     const SessionOffer& offer,
                                                                     SessionEvents& events) {
  std::shared_ptr<PeerSession> session(new PeerSession(std::move(stream), offer, events));
  auto watch = LoopWatch::create(loop, session->stream_.descriptor(), [raw = session.get()](unsigned ready) {
    const auto kept = raw->shared_from_this();
    raw->on_ready(ready);
  });
  if (!watch) return std::unexpected(watch.error());
  session->watch_ = std::move(*watch);
  if (const int out = session->stream_.write_descriptor(); out != session->stream_.descriptor()) {
    auto write_watch = LoopWatch::create(loop, out, [raw = session.get()](unsigned) {
      const auto kept = raw->shared_from_this();
      raw->on_ready(LoopWatch::writable);
    });
    if (!write_watch) return std::unexpected(write_watch.error());
    session->write_watch_ = std::move(*write_watch);
  }
  session->watch();
  return session;
}

bool PeerSession::may_read() const {
  const bool is_dead = !watch_;
  return phase_ != Phase::over && (unanswered_ < max_unanswered || is_dead);
}

void PeerSession::watch() {
  if (!watch_) return;
  // A peer that was refused is only waited for: what it still says is not read.
  const unsigned reading = may_read() ? unsigned{LoopWatch::readable} : 0;
  const unsigned writing = stream_.wants_write() ? unsigned{LoopWatch::writable} : 0;
  const auto watch_for = [](LoopWatch& watch, unsigned events) { events != 0 ? watch.watch(events) : watch.stop(); };
  watch_for(*watch_, write_watch_ ? reading : reading | writing);
  if (write_watch_) watch_for(*write_watch_, writing);
}

void PeerSession::stop_watching() {
  watch_.reset();
  write_watch_.reset();
}

void PeerSession::on_ready(unsigned ready) {
  // A failure to write shows again, with its reason, when reading.
  if ((ready & LoopWatch::writable) != 0 && !stream_.flush() && phase_ == Phase::over) stop_watching();
  if ((ready & LoopWatch::readable) != 0) read(frames_a_turn);
  watch();
}

void PeerSession::finish() {
  const auto kept = shared_from_this();
  stop_watching();
  read(frames_of_the_dead);
  phase_ = Phase::over;
  lookups_.fail();
}

void PeerSession::read(int frames) {
  if (!began_ && phase_ == Phase::hello) {
    int bytes = 0;
    if (::ioctl(stream_.descriptor(), FIONREAD, &bytes) == 0 && bytes > 0) {
      began_ = true;
      events_->session_began();
    }
  }
  for (; frames > 0 && may_read(); --frames) {
    auto frame = stream_.receive();
    if (!frame) return stream_failed(frame.error());
    if (!*frame) return;
    take(**frame);
  }
}

void PeerSession::take(const ControlFrame& frame) {
  if (frame.kind == ControlKind::refused && phase_ == Phase::ready) {
    const auto refusal = transport::decode<transport::Refused>(frame);
    phase_ = Phase::over;
    return events_->session_refused("it refused: " +
                                    (refusal ? to_string(*refusal) : transport::to_string(refusal.error())));
  }
  switch (phase_) {
    case Phase::hello:
      if (auto hello = decode<transport::Hello>(frame)) take_hello(*hello);
      return;
    case Phase::waiting:
      return refused({RefusalCode::malformed, std::string(to_string(frame.kind)) + " is not said before the welcome"});
    case Phase::ready: return take_ready(frame);
    case Phase::open: return take_open(frame);
    case Phase::over: return;
  }
}

void PeerSession::take_hello(const transport::Hello& hello) {
  began_ = true;
  events_->session_hello(hello);
  const auto chosen =
      judge(hello, offer_->options, offer_->ordering, offer_->between_systems, offer_->insisted, *events_);
  if (!chosen) return refused(chosen.error());
  if (offer_->incarnation == nullptr) {
    hello_ = hello;
    phase_ = Phase::waiting;
    return events_->session_waits();
  }
  agreed_ = chosen->features;
  welcome(*chosen);
}

void PeerSession::serve(const SessionOffer& offer, SessionEvents& events) {
  const auto kept = shared_from_this();
  offer_.emplace(offer);
  events_ = &events;
  if (began_) events_->session_began();
  if (phase_ != Phase::waiting) return;
  phase_ = Phase::hello;
  // Judged anew: what is insisted on may have become more.
  take_hello(std::exchange(hello_, {}));
}

void PeerSession::welcome(const transport::Chosen& chosen) {
  if ((chosen.features & transport::pipe_doorbell) != 0) {
    if (const auto opened = offer_->incarnation->open_doorbell(); !opened) {
      return refused(
          {RefusalCode::bad_segment, std::string("the host cannot make a pipe: ") + std::strerror(opened.error())});
    }
  }
  std::vector<int> descriptors;
  transport::Welcome welcome{
      .version = chosen.version,
      .features = chosen.features,
      .incarnation = offer_->number,
      .line_bytes = transport::line_bytes,
      .lanes = offer_->layout.lanes,
      .mail_to_peer_bytes = offer_->layout.mail_to_peer_bytes,
      .mail_to_host_bytes = offer_->layout.mail_to_host_bytes,
      .control_bytes = offer_->layout.control_bytes,
      .name = offer_->options.name,
      .schema = offer_->options.schema,
      .host_pid = static_cast<std::uint32_t>(::getpid()),
      .segments = offer_->incarnation->segments(
          offer_->mail,
          trust_of(offer_->options) == transport::Trust::trusted ? offer_->bells.segment() : offer_->mirrors.segment(),
          descriptors, (chosen.features & transport::large) != 0),
  };
  for (std::uint32_t lane = 0; lane < offer_->layout.lanes; ++lane) rings_.push_back({.parks = parks_of(lane)});
  phase_ = Phase::ready;
  send(welcome, descriptors);
  if ((chosen.features & transport::outlives_host) != 0) send(offer_->outlive);
}

void PeerSession::take_ready(const ControlFrame& frame) {
  if (!decode<transport::Ready>(frame)) return;
  // From here on nobody can map writable what the peer writes.
  if (const auto sealed = offer_->incarnation->seal_peer(); !sealed) {
    return refused(
        {RefusalCode::bad_segment, "the host cannot seal what the peer writes: " + to_string(sealed.error())});
  }
  phase_ = Phase::open;
  was_ready_ = true;
  events_->session_ready(agreed_);
}

void PeerSession::take_open(const ControlFrame& frame) {
  switch (frame.kind) {
    case ControlKind::resolve:
      if (const auto request = decode<transport::Resolve>(frame)) resolve(*request);
      return;
    case ControlKind::failure:
      if (const auto failure = decode<transport::Failure>(frame)) {
        if (!std::exchange(has_failed_, true)) events_->session_failure(failure->text);
      }
      return;
    case ControlKind::goodbye:
      if (decode<transport::Goodbye>(frame)) events_->session_goodbye();
      return;
    case ControlKind::log:
      if ((agreed_ & transport::peer_log) == 0) break;
      if (const auto log = decode<transport::Log>(frame)) events_->session_log(*log);
      return;
    case ControlKind::ring:
      if (const auto request = decode<transport::Ring>(frame)) ring(request->lane);
      return;
    case ControlKind::introduced:
      if ((agreed_ & transport::introductions) == 0) break;
      if (const auto answer = decode<transport::Introduced>(frame)) {
        given_.erase(answer->lane);
        events_->session_introduced(*answer);
      }
      return;
    case ControlKind::resolved:
      if (!offer_->between_systems) break;
      if (const auto answer = decode<transport::Resolved>(frame)) {
        lookups_.answer(answer->request, ActorId(answer->mailbox));
      }
      return;
    default: break;
  }
  broken(std::string(to_string(frame.kind)) + " is not said by a peer that is ready");
}

void PeerSession::lookup(const std::string& name, NameLookups::Done done) {
  if (phase_ != Phase::open || !watch_) return done({});
  send(transport::Resolve{.request = lookups_.add(std::move(done)), .name = name});
}

void PeerSession::tell(const transport::Introduce& introduce, std::span<const int> descriptors) {
  if (phase_ != Phase::open || !watch_) return;
  if ((agreed_ & transport::by_proc) != 0) return tell_by_number(introduce, descriptors);
  send(introduce, descriptors);
  // One that sleeps on its futex looks at the stream when it is woken for nothing.
  transport::wake(offer_->incarnation->bell()->bell[0]);
}

/// By numbers that stand for the same until it has answered, whatever becomes of the lane.
void PeerSession::tell_by_number(const transport::Introduce& introduce, std::span<const int> descriptors) {
  std::vector<transport::Descriptor>& given = given_[introduce.lane];
  for (const int descriptor : descriptors.first(3)) {
    given.emplace_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
    if (!given.back()) return broken(std::string("the host has no descriptor for it: ") + std::strerror(errno));
  }
  const auto number = [&](std::size_t i) { return static_cast<std::uint32_t>(given[i].get()); };
  send(transport::IntroduceByNumber{
      .introduce = introduce, .own_fd = number(0), .other_fd = number(1), .bell_fd = number(2)});
}

void PeerSession::tell(const transport::Presence& presence) {
  if (phase_ != Phase::open || !watch_) return;
  send(presence);
  transport::wake(offer_->incarnation->bell()->bell[0]);
}

void PeerSession::resolve(const transport::Resolve& request) {
  // The dead read no answers.
  if (!watch_) return;
  ++unanswered_;
  const std::weak_ptr<PeerSession> weak = weak_from_this();
  events_->session_resolve(request.name, [weak, number = request.request](ActorId actor) {
    // The answer may come when this incarnation is no more.
    if (const auto session = weak.lock()) session->answer(number, actor);
  });
}

void PeerSession::answer(std::uint32_t request, ActorId actor) {
  --unanswered_;
  if (phase_ != Phase::open) return;
  send(transport::Resolved{.request = request, .found = static_cast<bool>(actor), .mailbox = actor.value()});
}

void PeerSession::ring(std::uint32_t lane) {
  if (trust_of(offer_->options) == transport::Trust::trusted)
    return broken("ring is not said by a peer that shares the host's bells");
  if (lane >= offer_->layout.lanes && (agreed_ & transport::by_proc) != 0) return events_->session_rang(lane);
  if (lane >= offer_->layout.lanes) return broken("it rang lane " + std::to_string(lane) + ", which it has not");
  Rings& rings = rings_[lane];
  const std::uint32_t parks = parks_of(lane);
  rings.left += (parks - rings.parks) & transport::ParkWord::count_mask;
  rings.parks = parks;
  if (rings.left == 0) return broken("it rang more often than this host slept");
  --rings.left;
  transport::wake(offer_->bells[lane]);
}

std::uint32_t PeerSession::parks_of(std::uint32_t lane) {
  return transport::ParkWord::count(offer_->mirrors[lane].park.load(std::memory_order_acquire));
}

void PeerSession::refuse(RefusalCode code, std::string text) {
  if (phase_ != Phase::over) refused({code, std::move(text)});
}

void PeerSession::refused(const transport::Refusal& refusal) {
  phase_ = Phase::over;
  send(refusal);
  events_->session_refused(to_string(refusal));
}

void PeerSession::broken(const std::string& what) {
  phase_ = Phase::over;
  watch();
  events_->session_broken(what);
}

void PeerSession::stream_failed(const transport::StreamError& error) {
  if (error != transport::StreamError::closed) {
    return phase_ == Phase::open ? broken(to_string(error)) : refused(refusal(error));
  }
  phase_ = Phase::over;
  stop_watching();
  events_->session_closed(to_string(error));
}

template <class Message>
void PeerSession::send(const Message& message, std::span<const int> descriptors) {
  const auto sent = stream_.send(Message::kind, transport::encode(message), descriptors);
  // Any other failure shows again, with its reason, when reading.
  if (!sent && sent.error() == transport::StreamError::backlog && phase_ == Phase::open) {
    return broken(to_string(sent.error()));
  }
  watch();
}

template <class Message>
std::optional<Message> PeerSession::decode(const ControlFrame& frame) {
  auto message = transport::decode<Message>(frame);
  if (message) return std::move(*message);
  if (phase_ == Phase::open) {
    broken(to_string(message.error()));
  } else {
    refused(refusal(message.error()));
  }
  return std::nullopt;
}

}  // namespace ringmail::runtime

#include "peer_listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::transport {
namespace {

constexpr std::size_t most_half_open = 64;
constexpr std::uint64_t default_ring_bytes = 1 << 20;
constexpr std::uint64_t control_ring_bytes = 1 << 16;

}  // namespace

// --- What links leave

bool LeftMail::begin(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return name.empty() || running_.insert(name).second;
}

bool LeftMail::runs(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return running_.contains(name);
}

void LeftMail::stop(const std::string& name) {
  const std::lock_guard lock(mutex_);
  running_.erase(name);
}

void LeftMail::end(const std::string& name, KeptMail mail) {
  const std::lock_guard lock(mutex_);
  running_.erase(name);
  keep(name, std::move(mail));
  nudge.ring();
}

std::optional<KeptMail> LeftMail::take(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(name);
  if (found == kept_.end()) return std::nullopt;
  KeptMail mail = std::move(found->second.mail);
  kept_.erase(found);
  return mail;
}

void LeftMail::keep(const std::string& name, KeptMail mail) {
  if (name.empty()) {  // nobody can come as it again
    given_up_ += mail.ring.unfinished().messages;
    return;
  }
  kept_.insert_or_assign(name, Kept{.since = ++clock_, .mail = std::move(mail)});
  if (kept_.size() <= most_names) return;
  // The oldest of those that wait for nothing, and else the oldest.
  const auto weight = [](Kept& kept) { return std::pair(kept.mail.ring.unfinished().messages != 0, kept.since); };
  const auto least =
      std::ranges::min_element(kept_, {}, [&](auto& entry) { return weight(const_cast<Kept&>(entry.second)); });
  given_up_ += least->second.mail.ring.unfinished().messages;
  kept_.erase(least);
}

std::uint64_t LeftMail::given_up() const {
  const std::lock_guard lock(mutex_);
  return given_up_;
}

std::uint64_t LeftMail::waiting() {
  const std::lock_guard lock(mutex_);
  std::uint64_t messages = 0;
  for (auto& [name, kept] : kept_) messages += kept.mail.ring.unfinished().messages;
  return messages;
}

// --- The listener

int PeerListener::fail(int code, const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(error_, sizeof error_, format, arguments);
  va_end(arguments);
  return code;
}

PeerListener::~PeerListener() {
  if (socket_ && owner_.is_forked()) socket_->let_go();
}

int PeerListener::open(const ringmail_options& options) {
  const auto text = [](const char* given) { return given != nullptr ? given : ""; };
  name_ = text(options.name);
  schema_ = text(options.schema);
  ring_bytes_ = options.ring_bytes != 0 ? options.ring_bytes : default_ring_bytes;
  if (options.path == nullptr) return fail(RINGMAIL_EMISUSE, "no path to listen at");
  // What the others would refuse is the caller's mistake.
  const Resolve question{.name = name_};
  if (!decode<Resolve>(encode(question))) return fail(RINGMAIL_EMISUSE, "'%s' is not a name", name_.c_str());
  const auto readable = decode<Welcome>(encode(Welcome{.name = name_, .schema = schema_}));
  if (!readable) {
    return fail(RINGMAIL_EMISUSE, "the options make no welcome: %s", to_string(readable.error()).c_str());
  }
  if (!is_ring_size(ring_bytes_)) {
    return fail(RINGMAIL_EMISUSE, "ring_bytes cannot be %llu: a ring is a power of two from %llu to %llu bytes",
                static_cast<unsigned long long>(ring_bytes_), static_cast<unsigned long long>(min_ring_bytes),
                static_cast<unsigned long long>(max_ring_bytes));
  }

  auto owner = ForkGuard::create();
  auto set = ReadySet::create();
  const auto nudge = left_->nudge.open();
  if (!owner || !set || !nudge) {
    const int error = !owner ? owner.error() : !set ? set.error() : nudge.error();
    return fail(RINGMAIL_ESYSTEM, "cannot listen: %s", std::strerror(error));
  }
  owner_ = std::move(*owner);
  set_.emplace(std::move(*set));
  auto socket = ListeningSocket::open(options.path, static_cast<int>(most_half_open));
  if (!socket) return fail(RINGMAIL_ESYSTEM, "%s", socket.error().c_str());
  socket_.emplace(std::move(*socket));
  if (!set_->add(socket_->descriptor()) || !set_->add(left_->nudge.read_end())) {
    return fail(RINGMAIL_ESYSTEM, "cannot listen: %s", std::strerror(errno));
  }
  registered_ = register_for_barriers();
  return 0;
}

int PeerListener::accept(std::int64_t timeout_ns, std::unique_ptr<AcceptedLink>& link) {
  if (!socket_) return fail(RINGMAIL_EMISUSE, "this listener does not listen");
  if (owner_.is_forked()) return fail(RINGMAIL_EFORKED, "this process is a fork of the one that listens");
  const std::uint64_t deadline_ns =
      timeout_ns < 0 ? UINT64_MAX : monotonic_ns() + static_cast<std::uint64_t>(timeout_ns);
  while (true) {
    char nudges[64];
    while (::read(left_->nudge.read_end(), nudges, sizeof nudges) == static_cast<ssize_t>(sizeof nudges)) {
    }
    if (const int result = take_connections(); result != 0) return result;
    std::uint64_t until_ns = deadline_ns;
    for (auto each = half_open_.begin(); each != half_open_.end();) {
      const auto place = each++;
      const Progress progress = advance(*place);
      if (progress == Progress::ready) {
        set_->remove(place->link->stream().descriptor());
        link = std::move(place->link);
        half_open_.erase(place);
        return 1;
      }
      if (progress == Progress::over) {
        forget(place);
      } else {
        until_ns = std::min(until_ns, place->deadline_ns);
      }
    }
    const std::uint64_t now_ns = monotonic_ns();
    if (now_ns >= deadline_ns) return 0;
    if (now_ns >= until_ns) continue;
    if (set_->wait(until_ns - now_ns) == SleepResult::interrupted) {
      return fail(RINGMAIL_EINTERRUPTED, "interrupted by a signal");
    }
  }
}

int PeerListener::take_connections() {
  while (true) {
    Descriptor socket = accept_connection(socket_->descriptor());
    if (!socket) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      return fail(RINGMAIL_ESYSTEM, "cannot accept a connection: %s", std::strerror(errno));
    }
    auto peer = socket_peer(socket.get());
    if (!peer || peer->uid != ::geteuid() || !set_->add(socket.get())) continue;
    if (half_open_.size() >= most_half_open) {
      refuse(half_open_.front(), {RefusalCode::busy, "too many processes have not said hello yet"});
      forget(half_open_.begin());
    }
    half_open_.emplace_back(std::move(socket), std::move(*peer), monotonic_ns() + handshake_timeout_ns);
  }
}

PeerListener::Progress PeerListener::advance(HalfOpen& peer) {
  if (monotonic_ns() >= peer.deadline_ns) {
    if (peer.is_refused) return Progress::over;
    if (peer.hello) {
      return refuse(peer, {RefusalCode::busy, "'" + peer.hello->name + "' is connected already"});
    }
    return refuse(peer, {RefusalCode::deadline, "the handshake took too long"});
  }
  if (peer.is_refused) {
    // Closing on what it still writes would take the refusal from it.
    std::array<std::byte, 4096> ignored;
    const ssize_t got = ::recv(peer.stream->descriptor(), ignored.data(), ignored.size(), MSG_DONTWAIT);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)) ? Progress::waits : Progress::over;
  }
  if (peer.hello) {
    // There is nothing to say before the welcome.
    char byte = 0;
    if (::recv(peer.stream->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) return Progress::over;
    return left_->runs(peer.hello->name) ? Progress::waits : take_hello(peer, *std::exchange(peer.hello, std::nullopt));
  }
  return read(peer);
}

PeerListener::Progress PeerListener::read(HalfOpen& peer) {
  ControlStream& stream = peer.link ? peer.link->stream() : *peer.stream;
  const auto frame = stream.receive();
  if (!frame) return frame.error() == StreamError::closed ? Progress::over : refuse(peer, refusal(frame.error()));
  if (!*frame) return Progress::waits;
  if (!peer.link) {
    const auto hello = decode<Hello>(**frame);
    return hello ? take_hello(peer, *hello) : refuse(peer, refusal(hello.error()));
  }
  if ((*frame)->kind == Refused::kind) return Progress::over;
  if (const auto said = decode<Ready>(**frame); !said) return refuse(peer, refusal(said.error()));
  if (const auto sealed = peer.link->take_ready(); !sealed) {
    return refuse(peer,
                  {RefusalCode::bad_segment, "what the peer writes cannot be sealed: " + to_string(sealed.error())});
  }
  return Progress::ready;
}

PeerListener::Progress PeerListener::take_hello(HalfOpen& peer, const Hello& hello) {
  HostLimits limits{.largest_ring_bytes = ring_bytes_};
  limits.features |= pipe_doorbell;
  if (registered_) limits.features |= asymmetric_barrier;
  // This process sleeps over all that its peers say, and not on a futex.
  limits.features |= limits.required_features |= stream_doorbell;
  const auto chosen = negotiate(hello, limits);
  if (!chosen) return refuse(peer, chosen.error());
  if (!left_->begin(hello.name)) {
    peer.hello = hello;
    return Progress::waits;
  }
  return welcome(peer, hello, *chosen);
}

std::expected<KeptMail, Refusal> PeerListener::mail_for(const Hello& hello, const Chosen& chosen) {
  if (auto kept = left_->take(hello.name)) {
    const std::uint64_t made = kept->layout.mail_to_peer_bytes;
    if (chosen.wanted_ring_bytes == 0 || chosen.wanted_ring_bytes == made) return std::move(*kept);
    left_->end(hello.name, std::move(*kept));
    return std::unexpected(
        Refusal{RefusalCode::ring_size, "the peer wants rings of " + std::to_string(chosen.wanted_ring_bytes) +
                                            " bytes, and its mail waits in one of " + std::to_string(made)});
  }
  const std::uint64_t bytes = chosen.wanted_ring_bytes != 0 ? chosen.wanted_ring_bytes : ring_bytes_;
  auto made = KeptMail::create(
      {.lanes = 1, .mail_to_peer_bytes = bytes, .mail_to_host_bytes = bytes, .control_bytes = control_ring_bytes});
  if (made) return std::move(*made);
  left_->stop(hello.name);
  return std::unexpected(Refusal{RefusalCode::busy, "no memory for its rings: " + to_string(made.error())});
}

PeerListener::Progress PeerListener::welcome(HalfOpen& peer, const Hello& hello, const Chosen& chosen) {
  auto mail = mail_for(hello, chosen);
  if (!mail) return refuse(peer, mail.error());
  auto link = AcceptedLink::create(*mail, hello);
  if (!link) {
    left_->end(hello.name, std::move(*mail));
    return refuse(peer, {RefusalCode::busy, "no memory for its rings: " + to_string(link.error())});
  }
  peer.link = std::move(*link);
  ControlStream stream = *std::exchange(peer.stream, std::nullopt);
  const auto sent = peer.link->welcome(std::move(stream), std::move(peer.process), chosen,
                                       {.name = hello.name.empty() ? hello.language : hello.name, .schema = schema_});
  return sent ? Progress::waits : refuse(peer, sent.error());
}

PeerListener::Progress PeerListener::refuse(HalfOpen& peer, const Refusal& refusal) {
  if (peer.link) {
    static_cast<void>(peer.link->stream().send(refusal.kind, encode(refusal)));
    return Progress::over;
  }
  static_cast<void>(peer.stream->send(refusal.kind, encode(refusal)));
  ::shutdown(peer.stream->descriptor(), SHUT_WR);
  peer.is_refused = true;
  peer.deadline_ns = monotonic_ns() + handshake_timeout_ns;
  return Progress::waits;
}

void PeerListener::forget(Place place) {
  if (place->link) left_->end(place->link->name(), place->link->leave_mail(nullptr));
  half_open_.erase(place);
}

void PeerListener::count(ringmail_listener_counters& counters) {
  counters = {.waiting = left_->waiting(), .given_up = left_->given_up()};
}

}  // namespace ringmail::transport

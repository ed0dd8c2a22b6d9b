#include "reactor_listener.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>

namespace ringmail::runtime {
namespace {

using transport::ControlStream;
using transport::Descriptor;
using transport::RefusalCode;

constexpr auto hello_deadline = std::chrono::nanoseconds(transport::handshake_timeout_ns);
/// Before the loop looks at anything else.
constexpr int accepts_a_turn = 64;
/// After accept() failed for want of descriptors, which it would do again at once.
constexpr auto accept_pause = std::chrono::milliseconds(100);

}  // namespace

ReactorListener::HalfOpen::HalfOpen(ReactorLoop& loop, Descriptor socket, SocketPeer process)
    : stream(std::move(socket), ControlStream::Descriptors::refused), peer(std::move(process)), timer(loop) {}

ReactorListener::ReactorListener(ReactorLoop& loop,
                                 transport::ListeningSocket socket,
                                 spdlog::logger& log,
                                 Callbacks callbacks)
    : loop_(loop),
      socket_(std::move(socket)),
      log_(log),
      callbacks_(std::move(callbacks)),
      pause_(loop),
      about_strangers_(loop, log, "at " + path()) {}

std::expected<std::unique_ptr<ReactorListener>, std::string> ReactorListener::open(ReactorLoop& loop,
                                                                                   const std::string& path,
                                                                                   spdlog::logger& log,
                                                                                   Callbacks callbacks) {
  auto socket = transport::ListeningSocket::open(path, static_cast<int>(max_half_open));
  if (!socket) return std::unexpected(std::move(socket.error()));
  std::unique_ptr<ReactorListener> listener(new ReactorListener(loop, std::move(*socket), log, std::move(callbacks)));
  auto watch =
      LoopWatch::create(loop, listener->socket_.descriptor(), [raw = listener.get()](unsigned) { raw->accept(); });
  if (!watch) return std::unexpected("cannot listen at " + path + ": " + std::strerror(watch.error()));
  listener->watch_ = std::move(*watch);
  listener->watch_->watch(LoopWatch::readable);
  return listener;
}

void ReactorListener::accept() {
  for (int turn = 0; turn < accepts_a_turn; ++turn) {
    Descriptor socket = transport::accept_connection(socket_.descriptor());
    if (socket) {
      admit(std::move(socket));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      log_.error("at {}: cannot accept a connection: {}", path(), std::strerror(errno));
      watch_->stop();
      return pause_.set(accept_pause, [this] { watch_->watch(LoopWatch::readable); });
    }
  }
}

void ReactorListener::admit(Descriptor socket) {
  auto peer = socket_peer(socket.get());
  if (!peer || peer->uid != ::geteuid()) {
    return about_strangers_.warn("at {}: process {} is of another user and was turned away", path(),
                                 peer ? peer->pid : 0);
  }
  half_open_.emplace_front(loop_, std::move(socket), std::move(*peer));
  if (read(half_open_.begin())) wait_for_hello(half_open_.begin());
}

void ReactorListener::wait_for_hello(Place place) {
  if (half_open_.size() > max_half_open) {
    const Place least = least_deserving();
    const bool was_it = least == place;
    turn_away(least);
    if (was_it) return;
  }
  auto watch = LoopWatch::create(loop_, place->stream.descriptor(), [this, place](unsigned) { read(place); });
  if (!watch) return static_cast<void>(half_open_.erase(place));
  place->watch = std::move(*watch);
  place->watch->watch(LoopWatch::readable);
  // Who was refused already has another deadline.
  if (place->is_refused) return;
  place->timer.set(hello_deadline, [this, place] { refuse(place, {RefusalCode::deadline, "no whole hello in time"}); });
}

/// The oldest of those that were refused; else the oldest of the process that holds most places.
ReactorListener::Place ReactorListener::least_deserving() {
  std::map<int, std::size_t> places;
  for (const HalfOpen& each : half_open_) ++places[each.peer.pid];
  const auto weight = [&](Place place) { return place->is_refused ? half_open_.size() : places[place->peer.pid]; };
  Place least = half_open_.begin();
  for (Place each = std::next(least); each != half_open_.end(); ++each) {
    if (weight(each) >= weight(least)) least = each;
  }
  return least;
}

void ReactorListener::turn_away(Place place) {
  if (!place->is_refused) {
    about_strangers_.warn("at {}: process {} was turned away: {} others have not said hello yet", path(),
                          place->peer.pid, max_half_open);
    const transport::Refused busy{RefusalCode::busy, "too many processes have not said hello yet"};
    static_cast<void>(place->stream.send(busy.kind, encode(busy)));
  }
  half_open_.erase(place);
}

/// Whether there is more to wait for at this place.
bool ReactorListener::read(Place place) {
  if (place->is_refused) return read_refused(place);
  auto frame = place->stream.receive();
  if (!frame) {
    if (frame.error() != transport::StreamError::closed) {
      refuse(place, refusal(frame.error()));
      return true;
    }
    about_strangers_.warn("at {}: process {} went away without a hello", path(), place->peer.pid);
    half_open_.erase(place);
    return false;
  }
  if (!*frame) return true;
  const auto hello = transport::decode<transport::Hello>(**frame);
  const auto objection = hello ? callbacks_.objection(*hello) : refusal(hello.error());
  if (objection) {
    refuse(place, *objection);
    return true;
  }
  ControlStream stream = std::move(place->stream);
  SocketPeer peer = std::move(place->peer);
  // First, since the next owner watches the same descriptor.
  half_open_.erase(place);
  callbacks_.attach(std::move(stream), std::move(peer), *hello);
  return false;
}

/// Kept until it has closed: closing on what it still writes would take the refusal from it.
bool ReactorListener::read_refused(Place place) {
  std::array<std::byte, 4096> ignored;
  const ssize_t got = ::recv(place->stream.descriptor(), ignored.data(), ignored.size(), MSG_DONTWAIT);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return true;
  half_open_.erase(place);
  return false;
}

void ReactorListener::refuse(Place place, const transport::Refusal& refusal) {
  about_strangers_.warn("at {}: process {} was refused: {}", path(), place->peer.pid, to_string(refusal));
  place->is_refused = true;
  static_cast<void>(place->stream.send(refusal.kind, encode(refusal)));
  ::shutdown(place->stream.descriptor(), SHUT_WR);
  place->timer.set(hello_deadline, [this, place] { half_open_.erase(place); });
}

}  // namespace ringmail::runtime

#include "reactor_listener.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

std::unexpected<std::string> failed(const std::string& what, const std::string& why) {
  return std::unexpected("cannot listen at " + what + ": " + why);
}

/// Where nobody else could put a socket of the same name, or connect to ours.
std::expected<void, std::string> make_private_directory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return failed(path, std::strerror(errno));
  struct stat status{};
  if (::lstat(directory.c_str(), &status) != 0) return failed(path, std::strerror(errno));
  if (!S_ISDIR(status.st_mode)) return failed(path, directory + " is not a directory");
  if (status.st_uid != ::geteuid()) return failed(path, directory + " belongs to another user");
  if ((status.st_mode & 077) != 0)
    return failed(path, "others may enter " + directory + ", which must be of mode 0700");
  return {};
}

}  // namespace

ReactorListener::HalfOpen::HalfOpen(ReactorLoop& loop, Descriptor socket, SocketPeer process)
    : stream(std::move(socket), ControlStream::Descriptors::refused), peer(std::move(process)), timer(loop) {}

ReactorListener::ReactorListener(ReactorLoop& loop, std::string path, spdlog::logger& log, Callbacks callbacks)
    : loop_(loop),
      path_(std::move(path)),
      log_(log),
      callbacks_(std::move(callbacks)),
      pause_(loop),
      about_strangers_(loop, log, "at " + path_) {}

ReactorListener::~ReactorListener() {
  // While the lock is held: the next host's socket is not the one that goes.
  if (socket_) ::unlink(path_.c_str());
}

std::expected<std::unique_ptr<ReactorListener>, std::string> ReactorListener::open(ReactorLoop& loop,
                                                                                   const std::string& path,
                                                                                   spdlog::logger& log,
                                                                                   Callbacks callbacks) {
  std::unique_ptr<ReactorListener> listener(new ReactorListener(loop, path, log, std::move(callbacks)));
  if (auto made = make_private_directory(path); !made) return std::unexpected(std::move(made.error()));
  if (auto taken = listener->take_place(); !taken) return std::unexpected(std::move(taken.error()));
  if (auto listening = listener->listen(); !listening) return std::unexpected(std::move(listening.error()));
  return listener;
}

std::expected<void, std::string> ReactorListener::take_place() {
  const std::string lock = path_ + ".lock";
  lock_ = Descriptor(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_) return failed(path_, lock + ": " + std::strerror(errno));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return failed(path_, errno == EWOULDBLOCK ? "another host does already" : lock + ": " + std::strerror(errno));
  }
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return failed(path_, "there is something that is not a socket");
  ::unlink(path_.c_str());
  return {};
}

std::expected<void, std::string> ReactorListener::listen() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return failed(path_, "the path of a socket has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  Descriptor socket = transport::unix_socket();
  if (!socket) return failed(path_, std::strerror(errno));
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return failed(path_, std::strerror(errno));
  }
  socket_ = std::move(socket);
  if (::listen(socket_.get(), static_cast<int>(max_half_open)) != 0) return failed(path_, std::strerror(errno));
  auto watch = LoopWatch::create(loop_, socket_.get(), [this](unsigned) { accept(); });
  if (!watch) return failed(path_, std::strerror(watch.error()));
  watch_ = std::move(*watch);
  watch_->watch(LoopWatch::readable);
  return {};
}

void ReactorListener::accept() {
  for (int turn = 0; turn < accepts_a_turn; ++turn) {
    Descriptor socket = transport::accept_connection(socket_.get());
    if (socket) {
      admit(std::move(socket));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      log_.error("at {}: cannot accept a connection: {}", path_, std::strerror(errno));
      watch_->stop();
      return pause_.set(accept_pause, [this] { watch_->watch(LoopWatch::readable); });
    }
  }
}

void ReactorListener::admit(Descriptor socket) {
  auto peer = socket_peer(socket.get());
  if (!peer || peer->uid != ::geteuid()) {
    return about_strangers_.warn("at {}: process {} is of another user and was turned away", path_,
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
    about_strangers_.warn("at {}: process {} was turned away: {} others have not said hello yet", path_,
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
    about_strangers_.warn("at {}: process {} went away without a hello", path_, place->peer.pid);
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
  about_strangers_.warn("at {}: process {} was refused: {}", path_, place->peer.pid, to_string(refusal));
  place->is_refused = true;
  static_cast<void>(place->stream.send(refusal.kind, encode(refusal)));
  ::shutdown(place->stream.descriptor(), SHUT_WR);
  place->timer.set(hello_deadline, [this, place] { half_open_.erase(place); });
}

}  // namespace ringmail::runtime

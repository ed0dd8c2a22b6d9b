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
#include <utility>

namespace ringmail::runtime {
namespace {

using transport::ControlStream;
using transport::Descriptor;
using transport::RefusalCode;

constexpr auto hello_deadline = std::chrono::nanoseconds(transport::handshake_timeout_ns);
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
    : loop_(loop), path_(std::move(path)), log_(log), callbacks_(std::move(callbacks)), pause_(loop) {}

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
  Descriptor socket = transport::accept_connection(socket_.get());
  if (!socket) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED) return;
    log_.error("at {}: cannot accept a connection: {}", path_, std::strerror(errno));
    watch_->stop();
    return pause_.set(accept_pause, [this] { watch_->watch(LoopWatch::readable); });
  }
  auto peer = socket_peer(socket.get());
  if (!peer || peer->uid != ::geteuid()) {
    log_.warn("at {}: process {} is of another user and was turned away", path_, peer ? peer->pid : 0);
    return;
  }
  if (half_open_.size() < max_half_open) return admit(std::move(socket), std::move(*peer));

  log_.warn("at {}: process {} was turned away: {} others have not said hello yet", path_, peer->pid, max_half_open);
  ControlStream stream(std::move(socket), ControlStream::Descriptors::refused);
  const transport::Refused busy{RefusalCode::busy, "too many processes have not said hello yet"};
  static_cast<void>(stream.send(busy.kind, encode(busy)));
}

void ReactorListener::admit(Descriptor socket, SocketPeer peer) {
  half_open_.emplace_front(loop_, std::move(socket), std::move(peer));
  const Place place = half_open_.begin();
  auto watch = LoopWatch::create(loop_, place->stream.descriptor(), [this, place](unsigned) { read(place); });
  if (!watch) return static_cast<void>(half_open_.erase(place));
  place->watch = std::move(*watch);
  place->watch->watch(LoopWatch::readable);
  place->timer.set(hello_deadline, [this, place] { refuse(place, {RefusalCode::deadline, "no whole hello in time"}); });
}

void ReactorListener::read(Place place) {
  if (place->is_refused) {
    // Kept until it has closed: closing on what it still writes would take the refusal from it.
    std::array<std::byte, 4096> ignored;
    const ssize_t got = ::recv(place->stream.descriptor(), ignored.data(), ignored.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) half_open_.erase(place);
    return;
  }
  auto frame = place->stream.receive();
  if (!frame) {
    if (frame.error() != transport::StreamError::closed) return refuse(place, refusal(frame.error()));
    log_.warn("at {}: process {} went away without a hello", path_, place->peer.pid);
    return static_cast<void>(half_open_.erase(place));
  }
  if (!*frame) return;
  const auto hello = transport::decode<transport::Hello>(**frame);
  if (!hello) return refuse(place, refusal(hello.error()));
  if (const auto objection = callbacks_.objection(*hello)) return refuse(place, *objection);

  ControlStream stream = std::move(place->stream);
  SocketPeer peer = std::move(place->peer);
  // First, since the next owner watches the same descriptor.
  half_open_.erase(place);
  callbacks_.attach(std::move(stream), std::move(peer), *hello);
}

void ReactorListener::refuse(Place place, const transport::Refusal& refusal) {
  log_.warn("at {}: process {} was refused: {}", path_, place->peer.pid, to_string(refusal));
  place->is_refused = true;
  static_cast<void>(place->stream.send(refusal.kind, encode(refusal)));
  ::shutdown(place->stream.descriptor(), SHUT_WR);
  place->timer.set(hello_deadline, [this, place] { half_open_.erase(place); });
}

}  // namespace ringmail::runtime

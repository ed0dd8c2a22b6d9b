#include "ringmail/transport/listening_socket.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::transport {
namespace {

std::unexpected<std::string> failed(const std::string& path, const std::string& why) {
  return std::unexpected("cannot listen at " + path + ": " + why);
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

/// False, with errno: somebody has it. A process that a host had just forked when it was killed holds it until it runs its program.
bool take_lock(int file) {
  constexpr timespec pause{.tv_sec = 0, .tv_nsec = 5'000'000};
  for (int tries_left = 50; ::flock(file, LOCK_EX | LOCK_NB) != 0; --tries_left) {
    if (errno != EWOULDBLOCK || tries_left == 0) return false;
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

}  // namespace

std::expected<ListeningSocket, std::string> ListeningSocket::open(const std::string& path, int backlog) {
  ListeningSocket socket(path);
  if (auto made = make_private_directory(path); !made) return std::unexpected(std::move(made.error()));
  if (auto taken = socket.take_place(); !taken) return std::unexpected(std::move(taken.error()));
  if (auto listening = socket.listen(backlog); !listening) return std::unexpected(std::move(listening.error()));
  return socket;
}

ListeningSocket::~ListeningSocket() {
  // While the lock is held: the next host's socket is not the one that goes.
  if (socket_) ::unlink(path_.c_str());
}

std::expected<void, std::string> ListeningSocket::take_place() {
  const std::string lock = path_ + ".lock";
  lock_ = Descriptor(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock_) return failed(path_, lock + ": " + std::strerror(errno));
  if (!take_lock(lock_.get())) {
    return failed(path_, errno == EWOULDBLOCK ? "another host does already" : lock + ": " + std::strerror(errno));
  }
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return failed(path_, "there is something that is not a socket");
  ::unlink(path_.c_str());
  return {};
}

std::expected<void, std::string> ListeningSocket::listen(int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    return failed(path_, "the path of a socket has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  Descriptor socket = unix_socket();
  if (!socket) return failed(path_, std::strerror(errno));
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return failed(path_, std::strerror(errno));
  }
  socket_ = std::move(socket);
  if (::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) != 0 || ::listen(socket_.get(), backlog) != 0) {
    return failed(path_, std::strerror(errno));
  }
  return {};
}

}  // namespace ringmail::transport

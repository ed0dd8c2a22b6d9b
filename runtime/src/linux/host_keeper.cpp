#include "../host_keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "../exec_list.hpp"
#include "../keeper_words.h"
#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::runtime {
namespace {

using transport::Descriptor;

/// A keeper answers at once, unless it has just begun or is about to end.
constexpr int answer_ms = 3000;
constexpr auto pause_between_tries = std::chrono::milliseconds(5);
constexpr int most_tries = 600;

std::unexpected<std::string> failed(const std::string& what, int error) {
  return std::unexpected("the keeper: " + what + ": " + std::strerror(error));
}

keeper_head word(std::uint32_t which) {
  keeper_head head{};
  head.word = which;
  return head;
}

union Ancillary {
  char bytes[CMSG_SPACE(keeper_most_fds * sizeof(int))];
  cmsghdr aligned;
};

bool say(int stream, keeper_head head, const std::string& name, const std::string& note, std::span<const int> fds) {
  head.name_bytes = static_cast<std::uint32_t>(name.size());
  head.note_bytes = static_cast<std::uint32_t>(note.size());
  std::array<iovec, 3> parts{{{&head, sizeof head},
                              {const_cast<char*>(name.data()), name.size()},
                              {const_cast<char*>(note.data()), note.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  Ancillary extra;
  if (!fds.empty()) {
    message.msg_control = extra.bytes;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  while (::sendmsg(stream, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    pollfd room{.fd = stream, .events = POLLOUT, .revents = 0};
    if (errno == EINTR) continue;
    // One that is stopped holds nothing that could be relied on.
    if (errno != EAGAIN || ::poll(&room, 1, answer_ms) != 1) return false;
  }
  return true;
}

/// An address, or an error where the path is too long for one.
std::expected<sockaddr_un, std::string> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return failed(path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

std::expected<std::unique_ptr<HostKeeper>, std::string> HostKeeper::find(const std::string& listen) {
  std::unique_ptr<HostKeeper> keeper(new HostKeeper(listen + ".keeper"));
  // One that has not noticed the end of the host before, or is about to end itself, hangs up.
  for (int tries = 0; tries < most_tries; ++tries) {
    auto found = keeper->connect();
    if (!found) return std::unexpected(std::move(found.error()));
    if (*found != Found::busy) return keeper;
    std::this_thread::sleep_for(pause_between_tries);
  }
  return failed(keeper->path_ + " is another host's", EBUSY);
}

std::expected<HostKeeper::Found, std::string> HostKeeper::connect() {
  auto address = address_of(path_);
  if (!address) return std::unexpected(std::move(address.error()));
  Descriptor stream(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!stream) return failed("socket", errno);
  // One that is stopped accepts nobody, and its queue may be full.
  const timeval most{.tv_sec = answer_ms / 1000, .tv_usec = 0};
  ::setsockopt(stream.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  if (::connect(stream.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return Found::nobody;
    return failed(path_, errno);
  }
  ucred who{};
  socklen_t bytes = sizeof who;
  if (::getsockopt(stream.get(), SOL_SOCKET, SO_PEERCRED, &who, &bytes) != 0) return failed("SO_PEERCRED", errno);
  if (who.uid != ::geteuid()) return failed(path_ + " is another user's", EPERM);
  stream_ = std::move(stream);
  if (say(stream_.get(), word(keeper_host), {}, {}, {}) && hear_items()) return Found::yes;
  stream_ = {};
  items_.clear();
  return Found::busy;
}

/// Until it has told all.
bool HostKeeper::hear_items() {
  std::vector<char> bytes(keeper_most_bytes);
  while (true) {
    pollfd waiting{.fd = stream_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, answer_ms) != 1) return false;
    Ancillary extra;
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = extra.bytes;
    message.msg_controllen = sizeof extra.bytes;
    const ssize_t got = ::recvmsg(stream_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    KeptItem item;
    if (got > 0) {
      transport::each_received(message, [&](int number) { item.descriptors.emplace_back(number); });
    }
    keeper_head head{};
    if (got < static_cast<ssize_t>(sizeof head)) return false;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (static_cast<std::size_t>(got) != sizeof head + head.name_bytes + head.note_bytes) return false;
    if (head.word == keeper_end) return true;
    if (head.word != keeper_item || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return false;
    item.name.assign(bytes.data() + sizeof head, head.name_bytes);
    item.note.assign(bytes.data() + sizeof head + head.name_bytes, head.note_bytes);
    item.pid = static_cast<int>(head.pid);
    item.time = std::chrono::nanoseconds(head.time_ns);
    if (item.pid != 0 && !item.descriptors.empty()) {
      item.process = std::move(item.descriptors.back());
      item.descriptors.pop_back();
    }
    items_.push_back(std::move(item));
  }
}

std::expected<void, std::string> HostKeeper::start(const ExecHelper& helper) {
  const std::lock_guard lock(mutex_);
  if (stream_) return {};
  auto address = address_of(path_);
  if (!address) return std::unexpected(std::move(address.error()));
  const Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return failed("socket", errno);
  // This host has the lock of its own path, and there is nobody at this one.
  ::unlink(path_.c_str());
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&*address), sizeof *address) != 0) return failed(path_, errno);
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0 || ::listen(socket.get(), 8) != 0) return failed(path_, errno);
  // dup2() onto itself would leave it to be closed by exec.
  const Descriptor theirs(::fcntl(socket.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!theirs) return failed("dup", errno);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), STDIN_FILENO);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::vector<std::string> arguments{"ringmail-exec", std::to_string(::getpid()), "--keep", path_};
  std::vector<char*> list = exec_list(arguments);
  char* nothing = nullptr;
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, helper.path().c_str(), &actions, &attributes, list.data(), &nothing);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return failed("exec", error);
  auto found = connect();
  if (!found) return std::unexpected(std::move(found.error()));
  return *found == Found::yes ? std::expected<void, std::string>() : failed("it ended at once", ECONNRESET);
}

bool HostKeeper::put(const std::string& name,
                     const std::string& note,
                     std::span<const int> descriptors,
                     int pid,
                     std::chrono::nanoseconds time) {
  const std::lock_guard lock(mutex_);
  if (!stream_) return false;
  return say(stream_.get(),
             {.word = keeper_put,
              .pid = static_cast<std::uint32_t>(pid),
              .time_ns = static_cast<std::uint64_t>(time.count()),
              .name_bytes = 0,
              .note_bytes = 0},
             name, note, descriptors);
}

bool HostKeeper::drop(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return stream_ && say(stream_.get(), word(keeper_drop), name, {}, {});
}

int HostKeeper::stream() const {
  const std::lock_guard lock(mutex_);
  return stream_.get();
}

void HostKeeper::lose() {
  const std::lock_guard lock(mutex_);
  stream_ = {};
}

void HostKeeper::forget(int group) {
  const int told = -group;
  const std::lock_guard lock(mutex_);
  if (stream_) static_cast<void>(::send(stream_.get(), &told, sizeof told, MSG_NOSIGNAL | MSG_DONTWAIT));
}

}  // namespace ringmail::runtime

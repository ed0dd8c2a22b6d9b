// A process that means no good to a listening host: attacker <attack> <path> <count>. It says when it has begun, goes on until
// its stdin ends, and prints how often it connected. It is nice, so that it takes the host's attention and not its CPU.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/handshake.hpp"

namespace {

using namespace ringmail::transport;
using Bytes = std::vector<std::byte>;

std::string path;
std::size_t count = 0;
std::size_t connections = 0;

void begun() {
  static bool said = false;
  if (said) return;
  said = true;
  std::puts("begun");
  std::fflush(stdout);
}

bool may_go_on() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return poll(&input, 1, 0) == 0;
}

Descriptor connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("attacker");
    std::exit(1);
  }
  ++connections;
  return socket;
}

void write(const Descriptor& socket, std::span<const std::byte> bytes) {
  static_cast<void>(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

Bytes frame_of(const Hello& hello) {
  const Bytes payload = encode(hello);
  Bytes frame(control_header_bytes + payload.size());
  frame[0] = static_cast<std::byte>(payload.size());
  frame[1] = static_cast<std::byte>(payload.size() >> 8);
  frame[4] = static_cast<std::byte>(Hello::kind);
  std::ranges::copy(payload, frame.begin() + control_header_bytes);
  return frame;
}
Bytes hello_of(const std::string& name) { return frame_of({.pid = 1, .language = "c", .name = name}); }

/// Keeps the last `count` connections open, so that the host has to part from them.
void keep(Descriptor socket) {
  static std::deque<Descriptor> kept;
  kept.push_back(std::move(socket));
  if (kept.size() > count) kept.pop_front();
}

void send_descriptors(const Descriptor& socket, std::size_t number, std::byte byte) {
  constexpr std::size_t most = 253;  // that the kernel takes with a message
  alignas(cmsghdr) static std::array<char, CMSG_SPACE(most * sizeof(int))> ancillary{};
  static const int any = open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::array<int, most> numbers;
  numbers.fill(any);
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.data();
  message.msg_controllen = CMSG_SPACE(number * sizeof(int));
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(number * sizeof(int));
  std::memcpy(CMSG_DATA(header), numbers.data(), number * sizeof(int));
  static_cast<void>(sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

/// Each is one round, but for those that end by themselves.
const std::map<std::string, std::function<void()>> attacks{
    {"garbage",
     [] {
       static std::minstd_rand random;
       Bytes garbage(4096);
       for (std::byte& byte : garbage) byte = static_cast<std::byte>(random());
       Descriptor socket = connect();
       write(socket, garbage);
       keep(std::move(socket));
     }},
    {"byte-by-byte",
     [] {
       const Bytes hello = hello_of("nobody");
       std::vector<Descriptor> sockets;
       for (std::size_t i = 0; i < count; ++i) sockets.push_back(connect());
       for (const std::byte& byte : hello) {
         for (const Descriptor& socket : sockets) write(socket, {&byte, 1});
       }
     }},
    {"half-open",
     [] {
       Descriptor socket = connect();
       const Bytes hello = hello_of("peer");
       write(socket, std::span(hello).first(30));
       keep(std::move(socket));
     }},
    {"wrong-version",
     [] {
       Descriptor socket = connect();
       write(socket, frame_of({.version_min = 2, .version_max = 9, .pid = 1, .language = "c", .name = "decoy"}));
       keep(std::move(socket));
     }},
    {"wrong-uid",
     [] {
       Descriptor socket = connect();
       write(socket, hello_of("peer"));
     }},
    {"connect-and-close", [] { connect(); }},
    {"descriptors",
     [] {
       Descriptor socket = connect();
       // The first bytes of a good frame, so that it is the descriptors that are refused.
       const Bytes hello = hello_of("peer");
       for (std::size_t i = 0; i < 20; ++i) send_descriptors(socket, i % 253 + 234, hello[i]);
       keep(std::move(socket));
     }},
    {"descriptors-in-a-payload",
     [] {
       Descriptor socket = connect();
       const Bytes hello = hello_of("peer");
       write(socket, std::span(hello).first(20));
       for (std::size_t i = 20; i < hello.size(); ++i) send_descriptors(socket, 253, hello[i]);
     }},
    {"hello-and-no-more",  // in the name of a peer that is awaited
     [] {
       Descriptor socket = connect();
       write(socket, hello_of("decoy"));
     }},
    {"all-at-once",
     [] {
       std::vector<Descriptor> sockets;
       while (sockets.size() < count) sockets.push_back(connect());
       begun();
       std::getchar();
     }},
};

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 4) return 64;
  const auto attack = attacks.find(arguments[1]);
  if (attack == attacks.end()) return 64;
  path = arguments[2];
  count = std::strtoull(arguments[3], nullptr, 10);
  signal(SIGPIPE, SIG_IGN);
  setpriority(PRIO_PROCESS, 0, 19);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  constexpr uid_t nobody = 65534;
  if (attack->first == "wrong-uid" && setresuid(nobody, nobody, nobody) != 0) return 77;
  while (may_go_on()) {
    attack->second();
    begun();
  }
  std::printf("%zu\n", connections);
}

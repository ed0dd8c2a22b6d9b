// A peer process for the tests: its first argument says how it behaves, and misbehaves.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ringmail.h"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/handshake.hpp"

namespace {

using namespace ringmail::transport;
using Arguments = std::vector<std::string>;

constexpr int stream_number = 3;
constexpr int exit_refused = 5;

[[noreturn]] void wait_for_ever() {
  while (true) pause();
}

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

int attach(ringmail_peer*& peer, ringmail_options options = RINGMAIL_OPTIONS_INIT) {
  options.language = "c++";
  const int result = ringmail_attach(&options, &peer);
  if (result != 0) say("attach: " + std::string(ringmail_error(peer)));
  return result;
}

/// Until it is told to stop: releases what it receives and prints its type.
int serve(const ringmail_options& options) {
  ringmail_peer* peer = nullptr;
  if (attach(peer, options) != 0) return exit_refused;
  say("incarnation " + std::to_string(ringmail_incarnation(peer)));
  ringmail_message message;
  while (true) {
    const int received = ringmail_receive(peer, &message);
    if (received == 1) {
      say("message " + std::to_string(message.type) + (message.redelivered != 0 ? " again" : ""));
      ringmail_release(peer);
    } else if (received == RINGMAIL_ESTOPPED) {
      say("drained");
      ringmail_detach(peer);
      return 0;
    } else if (received < 0 || ringmail_wait(peer, -1) == RINGMAIL_ECLOSED) {
      return 1;
    }
  }
}

/// A hello, and what the host answers.
int say_hello(const Hello& hello) {
  ControlStream stream{Descriptor(stream_number)};
  if (!stream.send(Hello::kind, encode(hello))) return 1;
  const auto answer = stream.receive_until(monotonic_ns() + 10'000'000'000);
  if (!answer || !*answer) return 1;
  if ((*answer)->kind != Refused::kind) return 0;
  say("refused: " + to_string(*decode<Refused>(**answer)));
  return exit_refused;
}

void write_to_stream(const std::string& text) {
  if (write(stream_number, text.data(), text.size()) < 0) std::abort();
}

/// Not detached by those who do not go in order.
ringmail_peer* attached() {
  static ringmail_peer* peer = nullptr;
  if (attach(peer) != 0) std::exit(exit_refused);
  return peer;
}

int list_descriptors() {
  DIR* directory = opendir("/dev/fd");
  while (const dirent* entry = readdir(directory)) {
    const int number = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && number != dirfd(directory)) say("descriptor " + std::to_string(number));
  }
  closedir(directory);
  return 0;
}

int say_inherited() {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, nullptr, &blocked);
  for (int number = 1; number < SIGRTMAX; ++number) {
    struct sigaction action{};
    if (sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler == SIG_IGN) say("signal " + std::to_string(number) + " is ignored");
    if (sigismember(&blocked, number) == 1) say("signal " + std::to_string(number) + " is blocked");
  }
  say("leads " + std::string(getpgrp() == getpid() && getsid(0) == getpid() ? "its group" : "nothing"));
  say("RINGMAIL_FDS=" + std::string(std::getenv("RINGMAIL_FDS")));
  return 0;
}

/// When it is ready: the same message for ever, and what comes back is read or not.
template <class Message>
[[noreturn]] void flood(const Message& message, bool reads) {
  attached();
  const auto payload = encode(message);
  const auto length = static_cast<std::uint16_t>(payload.size());
  std::string frame{static_cast<char>(length & 255), static_cast<char>(length >> 8), 0, 0};
  frame += {static_cast<char>(Message::kind), 0, 0, 0};
  frame.append(reinterpret_cast<const char*>(payload.data()), payload.size());
  std::string frames;
  for (int i = 0; i < 500; ++i) frames += frame;
  std::size_t sent = 0;
  while (true) {
    pollfd stream{.fd = stream_number, .events = static_cast<short>(POLLOUT | (reads ? POLLIN : 0)), .revents = 0};
    poll(&stream, 1, -1);
    char answers[4096];
    if (reads) static_cast<void>(recv(stream_number, answers, sizeof answers, MSG_DONTWAIT));
    const ssize_t more = send(stream_number, frames.data() + sent, frames.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (more > 0) sent = (sent + static_cast<std::size_t>(more)) % frames.size();
  }
}

const std::map<std::string, std::function<int(const Arguments&)>> behaviours{
    {"serve", [](const Arguments&) { return serve(RINGMAIL_OPTIONS_INIT); }},
    {"attach",
     [](const Arguments& arguments) {
       ringmail_options options = RINGMAIL_OPTIONS_INIT;
       options.path = arguments[0].c_str();
       options.name = arguments[1].c_str();
       return serve(options);
     }},
    {"schema",
     [](const Arguments& arguments) {
       ringmail_options options = RINGMAIL_OPTIONS_INIT;
       options.schema = arguments[0].c_str();
       return serve(options);
     }},
    {"rings",
     [](const Arguments& arguments) {
       ringmail_options options = RINGMAIL_OPTIONS_INIT;
       options.ring_bytes = std::strtoull(arguments[0].c_str(), nullptr, 10);
       return serve(options);
     }},
    {"name",
     [](const Arguments& arguments) {
       ringmail_options options = RINGMAIL_OPTIONS_INIT;
       options.name = arguments[0].c_str();
       return serve(options);
     }},
    {"newer-version",
     [](const Arguments&) { return say_hello({.version_min = 2, .version_max = 3, .pid = 1, .language = "c++"}); }},
    {"leave-the-welcome",  // can do all, and is gone before it is ready
     [](const Arguments&) {
       return say_hello(
           {.features = mail_outlives_peer | monitors | large | asymmetric_barrier, .pid = 1, .language = "c++"});
     }},
    {"silent", [](const Arguments&) -> int { wait_for_ever(); }},
    {"half-hello",
     [](const Arguments&) -> int {
       write_to_stream(std::string("\x40\0\0\0\1\0\0\0RM", 10));
       wait_for_ever();
     }},
    {"garbage",
     [](const Arguments&) -> int {
       write_to_stream("Hello, world!\n");
       wait_for_ever();
     }},
    {"descriptor",
     [](const Arguments&) -> int {
       ControlStream stream{Descriptor(stream_number)};
       const int number = STDERR_FILENO;
       if (!stream.send(Hello::kind, encode(Hello{}), std::span(&number, 1))) return 1;
       wait_for_ever();
     }},
    {"garbage-when-ready",
     [](const Arguments&) -> int {
       attached();
       write_to_stream("Hello, world!\n");
       wait_for_ever();
     }},
    {"hello-when-ready",
     [](const Arguments&) -> int {
       attached();
       const auto hello = encode(Hello{});
       write_to_stream(std::string({static_cast<char>(hello.size()), 0, 0, 0, 1, 0, 0, 0}));
       write_to_stream(std::string(reinterpret_cast<const char*>(hello.data()), hello.size()));
       wait_for_ever();
     }},
    {"flood-of-questions", [](const Arguments&) -> int { flood(Resolve{.name = "known"}, true); }},
    {"flood-of-questions-without-ears", [](const Arguments&) -> int { flood(Resolve{.name = "known"}, false); }},
    {"flood-of-failures", [](const Arguments&) -> int { flood(Failure{.text = std::string(1000, 'x')}, true); }},
    {"flood-of-lines", [](const Arguments&) -> int { flood(Log{.text = "line"}, true); }},
    {"flood-of-goodbyes", [](const Arguments&) -> int { flood(Goodbye{}, true); }},
    {"deaf",  // ready, and then does nothing
     [](const Arguments&) -> int {
       attached();
       wait_for_ever();
     }},
    {"stubborn",  // ignores SIGTERM as well
     [](const Arguments&) -> int {
       signal(SIGTERM, [](int) {
         constexpr char line[] = "SIGTERM is ignored\n";
         if (write(STDOUT_FILENO, line, sizeof line - 1) < 0) std::abort();
       });
       attached();
       wait_for_ever();
     }},
    {"fail",
     [](const Arguments& arguments) -> int {
       ringmail_fail(attached(), arguments[0].c_str());
       return 4;
     }},
    {"log",
     [](const Arguments& arguments) -> int {
       ringmail_peer* const peer = attached();
       const int result = ringmail_log(peer, RINGMAIL_LOG_WARNING, arguments[0].c_str());
       ringmail_detach(peer);
       return result;
     }},
    {"forgetful",  // the first time it can do all, and then no more than it must
     [](const Arguments& arguments) -> int {
       if (access(arguments[0].c_str(), F_OK) == 0) return say_hello({.pid = 1, .language = "c++"});
       close(open(arguments[0].c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
       attached();
       return 3;
     }},
    {"exit",  // when ready, with words
     [](const Arguments& arguments) -> int {
       attached();
       std::fprintf(stderr, "Traceback:\n  somewhere\nValueError: %s\n", arguments[1].c_str());
       return std::atoi(arguments[0].c_str());
     }},
    {"ring",  // a lane, so often
     [](const Arguments& arguments) -> int {
       attached();
       const auto frame = encode(Ring{.lane = static_cast<std::uint32_t>(std::atoi(arguments[0].c_str()))});
       for (int i = 0; i < std::atoi(arguments[1].c_str()); ++i) {
         write_to_stream(std::string("\4\0\0\0\11\0\0\0", 8) +
                         std::string(reinterpret_cast<const char*>(frame.data()), frame.size()));
       }
       wait_for_ever();
     }},
    {"over-pipes",  // offers these features, and rings a lane
     [](const Arguments& arguments) -> int {
       ControlStream stream{Descriptor(stream_number), Descriptor(stream_number + 1), Descriptor()};
       const Hello hello{.features = std::strtoull(arguments[0].c_str(), nullptr, 10), .pid = 1, .language = "c++"};
       if (!stream.send(Hello::kind, encode(hello))) return 1;
       const auto answer = stream.receive_until(monotonic_ns() + 60'000'000'000);
       const auto welcome = answer && *answer ? decode<Welcome>(**answer) : std::unexpected(DecodeError{});
       if (!welcome) return 1;
       say("chosen " + std::to_string(welcome->features));
       const Ring ring{.lane = static_cast<std::uint32_t>(std::atoi(arguments[1].c_str()))};
       if (!stream.send(Ready::kind, encode(Ready{})) || !stream.send(Ring::kind, encode(ring))) return 1;
       wait_for_ever();
     }},
    {"close-stream",
     [](const Arguments&) -> int {
       ringmail_detach(attached());
       wait_for_ever();
     }},
    {"lookup",
     [](const Arguments& arguments) -> int {
       ringmail_peer* peer = attached();
       ringmail_mailbox mailbox = 0;
       const int result = ringmail_lookup(peer, arguments[0].c_str(), 10'000'000'000, &mailbox);
       say(result == 0 ? "mailbox " + std::to_string(mailbox) : ringmail_error(peer));
       return 0;
     }},
    {"print-at-once",  // so many lines after SIGUSR1, all of them before anybody has read one
     [](const Arguments& arguments) -> int {
       fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 20);
       sigset_t signals;
       sigemptyset(&signals);
       sigaddset(&signals, SIGUSR1);
       sigprocmask(SIG_BLOCK, &signals, nullptr);
       say("waiting");
       int number = 0;
       sigwait(&signals, &number);
       for (int i = 0; i < std::atoi(arguments[0].c_str()); ++i) std::printf("line %d\n", i);
       return 0;
     }},
    {"list-descriptors", [](const Arguments&) { return list_descriptors(); }},
    {"say-inherited", [](const Arguments&) { return say_inherited(); }},
};

}  // namespace

int main(int count, char** arguments) {
  const auto behaviour = behaviours.find(count > 1 ? arguments[1] : "");
  if (behaviour == behaviours.end()) return 64;
  return behaviour->second(Arguments(arguments + 2, arguments + count));
}

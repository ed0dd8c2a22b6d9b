// A server on a socket: an actor that accepts, and one for each connection, which sends back what it gets. Both wait in plain
// calls, and keep no thread from others meanwhile. A client that does not read what it is sent holds up its own connection and
// nothing else.
//
//     example-echo [port] [schedulers]      prints the port, and serves until it gets SIGINT or SIGTERM
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <semaphore>

#include "ringmail/actors/actors.hpp"
#include "ringmail/actors/io.hpp"

using namespace std::chrono_literals;
namespace io = ringmail::io;

/// Who says nothing for so long has gone.
constexpr auto patience = 1min;

class Connection : public ringmail::Actor {
 public:
  explicit Connection(io::TcpStream stream) : stream_(std::move(stream)) {}

  void started() override {
    std::array<std::byte, 4096> buffer;
    for (;;) {
      const auto got = stream_.read(buffer, patience);
      if (!got || *got == 0) break;
      if (!stream_.write(std::span(buffer).first(*got), patience)) break;
    }
    ringmail::this_actor::stop();
  }

 private:
  io::TcpStream stream_;
};

class Server : public ringmail::Actor {
 public:
  Server(ringmail::System& system, io::TcpListener listener) : system_(system), listener_(std::move(listener)) {}

  void started() override {
    for (;;) {
      auto stream = listener_.accept(io::forever);
      if (stream) {
        system_.spawn<Connection>(std::move(*stream));
      } else if (stream.error().kind == io::IoErrorKind::stopped) {
        return;
      } else {
        std::fprintf(stderr, "%s\n", stream.error().text.c_str());
      }
    }
  }

 private:
  ringmail::System& system_;
  io::TcpListener listener_;
};

struct Watch {};

/// Tells main when it is time to go.
class Warden : public ringmail::Actor {
 public:
  explicit Warden(std::counting_semaphore<>& over) : over_(over) {}

  /// Whether it watches for the signals from now on.
  bool on(const Watch&) {
    const auto me = ringmail::this_actor::mailbox<Warden>();
    auto interrupt = io::on_signal(me, SIGINT);
    auto terminate = io::on_signal(me, SIGTERM);
    if (!interrupt || !terminate) return false;
    interrupt_ = std::move(*interrupt);
    terminate_ = std::move(*terminate);
    return true;
  }
  void on(const io::SignalReceived&) { over_.release(); }

 private:
  std::counting_semaphore<>& over_;
  io::Watch interrupt_;
  io::Watch terminate_;
};

int main(int count, char** arguments) {
  const auto port = static_cast<std::uint16_t>(count > 1 ? std::atoi(arguments[1]) : 0);
  const auto schedulers = static_cast<std::uint32_t>(count > 2 ? std::atoi(arguments[2]) : 0);
  std::counting_semaphore<> over(0);

  auto system = ringmail::System::create({.schedulers = schedulers});
  if (!system) return std::fprintf(stderr, "%s\n", system.error().c_str()), 1;
  auto listener = io::TcpListener::bind("127.0.0.1", port);
  if (!listener) return std::fprintf(stderr, "%s\n", listener.error().text.c_str()), 1;

  if (!ringmail::ask(system->spawn<Warden>(over), Watch{}, 10s).value_or(false)) return 1;
  std::printf("echo at 127.0.0.1:%u\n", listener->port());
  std::fflush(stdout);
  system->spawn<Server>(*system, std::move(*listener));
  over.acquire();
  system->shutdown();
  std::printf("done\n");
}

// Two systems in two processes. One listens at a path; the other connects to it, finds an actor there by its name, and gives it a
// handle of its own to be written to. When the one shuts down, the other is told.
//
//     example-two-systems PATH        is a library, and starts its reader, which is this program too
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <semaphore>
#include <string>

#include "library.mail.hpp"
#include "ringmail/actors/actors.hpp"

using namespace std::chrono_literals;
namespace this_actor = ringmail::this_actor;

extern char** environ;

namespace {

int complain(std::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

// --- The library

class Desk : public ringmail::Actor {
 public:
  using Protocol = library::Desk;

  explicit Desk(std::binary_semaphore& may_close) : may_close_(may_close) {}

  library::Place on(const library::Order& order) {
    // The handle that came in the message, as a mailbox of this process.
    const auto reader = this_actor::mailbox_of(ringmail::Ref<library::Reader>(order.reader));
    if (reader) static_cast<void>(reader->send(library::Ready{.title = order.title}));
    return {.number = ++orders_};
  }
  void on(const library::Thanks&) { may_close_.release(); }

 private:
  std::binary_semaphore& may_close_;
  std::uint32_t orders_ = 0;
};

int lend(std::string path, char* program) {
  std::binary_semaphore may_close(0);
  auto system = ringmail::System::create({.listen = path, .accept_systems = true});
  if (!system) return complain(system.error());
  system->publish("desk", system->spawn<Desk>(may_close));

  char read[] = "read";
  char* const arguments[] = {program, read, path.data(), nullptr};
  pid_t reader = 0;
  if (posix_spawn(&reader, program, nullptr, nullptr, arguments, environ) != 0) return complain("there is no reader");
  if (const auto remote = system->wait_for_system("reader"); !remote) return complain(remote.error());
  may_close.acquire();
  system->shutdown();
  int status = 0;
  waitpid(reader, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// --- The reader

class Reader : public ringmail::Actor {
 public:
  using Protocol = library::Reader;

  Reader(ringmail::RemoteSystem library, ringmail::Mailbox<library::Desk> desk, std::binary_semaphore& closed)
      : library_(library), desk_(desk), closed_(closed) {}

  void started() override {
    this_actor::monitor(desk_);
    const auto self = library_.share(this_actor::mailbox<library::Reader>());
    if (!self) return;
    for (const char* title : {"Middlemarch", "The Waves"}) {
      const auto place = ringmail::ask(desk_, library::Order{.title = title, .reader = *self}, 10s);
      if (place) std::printf("order %u: %s\n", place->number, title);
    }
  }
  void on(const library::Ready& ready) {
    std::printf("ready: %s\n", std::string(ready.title.view()).c_str());
    if (++books_ == 2) static_cast<void>(desk_.send(library::Thanks{}));
  }
  void on(const ringmail::Down& down) {
    std::printf("the desk %s\n", to_string(down.reason).c_str());
    closed_.release();
  }

 private:
  ringmail::RemoteSystem library_;
  ringmail::Mailbox<library::Desk> desk_;
  std::binary_semaphore& closed_;
  int books_ = 0;
};

int read(const std::string& path) {
  std::binary_semaphore closed(0);
  auto system = ringmail::System::create();
  if (!system) return complain(system.error());
  const auto library = system->connect(path, {.name = "reader"});
  if (!library) return complain(library.error());
  const auto desk = library->lookup<library::Desk>("desk");
  if (!desk) return complain(desk.error());
  system->spawn<Reader>(*library, *desk, closed);
  closed.acquire();
  system->shutdown();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "read") return read(argv[2]);
  if (argc == 2) return lend(argv[1], argv[0]);
  return complain("usage: example-two-systems PATH");
}

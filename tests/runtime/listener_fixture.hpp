// A host that listens at a socket, and processes that come to it by themselves.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "reactor_host.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/unix_socket.hpp"

namespace ringmail::runtime {

/// A folder of its own for a socket, and connections to it.
class Listener : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "ringmail_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/private/socket";
  }
  void TearDown() override {
    for (const char* name : {"/private/socket", "/private/socket.lock"}) unlink((folder_ + name).c_str());
    rmdir((folder_ + "/private").c_str());
    rmdir(folder_.c_str());
  }

  transport::Descriptor connect() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    transport::Descriptor socket = transport::unix_socket();
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
    return socket;
  }

  static std::string refusal_on(transport::ControlStream& stream) {
    const auto frame = stream.receive_until(transport::monotonic_ns() + 10'000'000'000);
    if (!frame) return to_string(frame.error());
    if (!*frame) return "nothing";
    const auto refused = transport::decode<transport::Refused>(**frame);
    return refused ? to_string(*refused) : to_string(refused.error());
  }

  std::string answer_to(transport::Hello hello) const {
    hello.language = "c++";
    transport::ControlStream stream(connect());
    EXPECT_TRUE(stream.send(hello.kind, encode(hello)));
    return refusal_on(stream);
  }

  std::string start_error() const {
    FakeOwner owner;
    auto reactor = Reactor::start({.log = std::make_shared<spdlog::logger>("test"), .listen = path_}, owner);
    if (!reactor) return reactor.error();
    (*reactor)->stop();
    return {};
  }

  static PeerOptions awaited_peer() {
    PeerOptions options = test_peer({});
    options.command = {};
    return options;
  }

  /// Started by somebody else: not a child of the reactor.
  pid_t start_by_hand(const std::string& name) const {
    const pid_t child = fork();
    if (child == 0) {
      execl(RINGMAIL_TEST_PEER, RINGMAIL_TEST_PEER, "attach", path_.c_str(), name.c_str(), nullptr);
      _exit(99);
    }
    return child;
  }
  static int exit_code_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  std::string folder_;
  std::string path_;
};

}  // namespace ringmail::runtime

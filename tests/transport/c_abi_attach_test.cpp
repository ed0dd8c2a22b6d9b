// How a process becomes a peer through the C ABI, or is told why not.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "abi_peer.hpp"
#include "deadline.hpp"
#include "open_descriptors.hpp"
#include "test_host.hpp"

namespace ringmail::transport::test {
namespace {

using std::string_view;

// --- Nobody there

TEST(CAbiAttach, a_process_that_was_not_spawned_is_told_so_in_one_line) {
  unsetenv(inherited_descriptors_variable);
  AbiPeer peer;
  EXPECT_EQ(peer.attached(), RINGMAIL_ENOTSPAWNED);
  EXPECT_TRUE(contains(peer.error(), "was not spawned by a Ringmail system")) << peer.error();
  EXPECT_FALSE(contains(peer.error(), "\n"));
  EXPECT_EQ(expect_closed(peer), 0);
}

TEST(CAbiAttach, a_descriptor_that_is_no_stream_is_refused_and_left_open) {
  start_watchdog();
  const Descriptor file(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int number : {file.get(), 999}) {
    setenv(inherited_descriptors_variable, std::to_string(number).c_str(), 1);
    AbiPeer peer;
    EXPECT_EQ(peer.attached(), RINGMAIL_ENOTSPAWNED);
    EXPECT_TRUE(contains(peer.error(), "not a stream socket")) << peer.error();
  }
  unsetenv(inherited_descriptors_variable);
  EXPECT_GE(fcntl(file.get(), F_GETFD), 0);
}

TEST(CAbiAttach, a_path_that_leads_nowhere_is_named) {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.path = "/nonexistent/ringmail";
  AbiPeer peer(&options);
  EXPECT_EQ(peer.attached(), RINGMAIL_ESYSTEM);
  EXPECT_TRUE(contains(peer.error(), "/nonexistent/ringmail")) << peer.error();
  const std::string long_path(200, 'x');
  options.path = long_path.c_str();
  AbiPeer other(&options);
  EXPECT_EQ(other.attached(), RINGMAIL_ESYSTEM);
}

// --- A host that answers something else than welcome. The peer runs in a child; the test is the host.

/// What becomes of a peer whose attach should fail with `code` and name `part` of the cause.
std::function<int()> failing_with(int code, string_view part, ringmail_options options = RINGMAIL_OPTIONS_INIT) {
  return [=]() -> int {
    const std::size_t before = open_descriptors();
    {
      AbiPeer peer(&options);
      if (peer.attached() != code || !contains(peer.error(), part)) {
        std::fprintf(stderr, "peer: %d, not %d: %s\n", peer.attached(), code, ringmail_error(peer));
        return 1;
      }
      PEER_EXPECT(!contains(peer.error(), "\n"));
      PEER_EXPECT(expect_closed(peer) == 0);
    }
    PEER_EXPECT(open_descriptors() == before - 1);  // the control stream
    return 0;
  };
}

TEST(CAbiAttach, a_refusal_is_told_with_its_reason) {
  TestHost host;
  host.spawn(failing_with(RINGMAIL_EREFUSED, "Tick.price is u64 here and f64 there"));
  ASSERT_TRUE(host.receive_hello());
  host.send_refusal({.code = RefusalCode::schema, .text = "Tick.price is u64 here and f64 there"});
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbiAttach, a_host_that_hangs_up_is_told_from_one_that_is_slow) {
  TestHost gone;
  gone.spawn(failing_with(RINGMAIL_ECLOSED, "closed"));
  ASSERT_TRUE(gone.receive_hello());
  gone.close_stream();
  EXPECT_EQ(gone.join(), 0);

  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.timeout_ns = 5'000'000;
  TestHost slow;
  slow.spawn(failing_with(RINGMAIL_ETIMEDOUT, "in time", options));
  EXPECT_EQ(slow.join(), 0);
}

TEST(CAbiAttach, options_that_make_no_hello_are_the_callers_mistake) {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.name = "two\nlines";
  TestHost host;
  host.spawn(failing_with(RINGMAIL_EMISUSE, "name", options));
  EXPECT_EQ(host.join(), 0);
}

void expect_refusal(TestHost& host, string_view part) {
  const auto refused = host.next<Refused>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, RefusalCode::bad_segment);
  EXPECT_TRUE(contains(refused->text, part)) << refused->text;
  EXPECT_EQ(host.join(), 0);
}

TEST(CAbiAttach, a_welcome_that_does_not_fit_its_segments_is_refused) {
  struct Case {
    const char* part;
    std::function<void(TestHost&, Welcome&)> spoil;
  };
  const Case cases[] = {
      {"segment mail", [](TestHost&, Welcome& welcome) { welcome.mail_to_peer_bytes *= 2; }},
      {"segment peer", [](TestHost&, Welcome& welcome) { welcome.mail_to_host_bytes *= 2; }},
      {"segment", [](TestHost&, Welcome& welcome) { welcome.lanes = 200; }},
      {"every 128", [](TestHost&, Welcome& welcome) { welcome.line_bytes = 128; }},
      {"4097", [](TestHost&, Welcome& welcome) { welcome.control_bytes = 4097; }},
      {"descriptors", [](TestHost& host, Welcome&) { host.descriptors.pop_back(); }},
      {"does not have the size", [](TestHost& host, Welcome&) { host.descriptors[0] = host.descriptors[2]; }},
      {"lacks the seals", [](TestHost& host, Welcome&) { std::swap(host.descriptors[3], host.descriptors[0]); }},
  };
  for (const Case& bad : cases) {
    SCOPED_TRACE(bad.part);
    TestHost host;
    host.spawn(failing_with(RINGMAIL_EREFUSED, bad.part));
    ASSERT_TRUE(host.receive_hello());
    Welcome welcome = host.make_welcome();
    bad.spoil(host, welcome);
    host.send_welcome(welcome);
    expect_refusal(host, bad.part);
  }
}

// --- By the socket's name

TEST(CAbiAttach, a_host_that_does_not_accept_is_given_up_in_time) {
  start_watchdog();
  std::string folder = testing::TempDir() + "ringmail.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/host";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const Descriptor listener = unix_socket();
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  std::vector<Descriptor> queue;
  do {
    queue.push_back(unix_socket());
    fcntl(queue.back().get(), F_SETFL, O_NONBLOCK);
  } while (connect(queue.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  EXPECT_EQ(errno, EAGAIN);

  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.path = path.c_str();
  options.timeout_ns = 20'000'000;
  AbiPeer peer(&options);
  EXPECT_EQ(peer.attached(), RINGMAIL_ETIMEDOUT);
  EXPECT_TRUE(contains(peer.error(), "did not accept in time")) << peer.error();
  unlink(path.c_str());
  rmdir(folder.c_str());
}

TEST(CAbiAttach, a_peer_comes_by_the_name_of_the_socket) {
  std::string folder = testing::TempDir() + "ringmail.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/host";
  const Descriptor listener = unix_socket();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  TestHost host;
  host.spawn([&path] {
    ringmail_options options = RINGMAIL_OPTIONS_INIT;
    options.path = path.c_str();
    AbiPeer peer(&options);
    PEER_EXPECT(peer.attached() == 0);
    PEER_EXPECT(ringmail_fail(peer, "I came by name") == 0);
    return 0;
  });
  host.take(accept_connection(listener.get()));
  ASSERT_TRUE(host.shake_hands());
  const auto failure = host.next<Failure>();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->text, "I came by name");
  EXPECT_EQ(host.join(), 0);
  unlink(path.c_str());
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace ringmail::transport::test

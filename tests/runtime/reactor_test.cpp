#include "ringmail/runtime/reactor.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "listener_fixture.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::runtime {
namespace {

using testing::HasSubstr;
using transport::ControlStream;
using transport::Descriptor;

TEST(Reactor, runs_tasks_in_the_order_in_which_they_were_posted) {
  ReactorHost host;
  std::vector<int> order;
  std::promise<std::thread::id> done;
  for (int i = 0; i < 1000; ++i) host.reactor().post([&order, i] { order.push_back(i); });
  host.reactor().post([&done] { done.set_value(std::this_thread::get_id()); });
  EXPECT_NE(done.get_future().get(), std::this_thread::get_id());
  EXPECT_EQ(order.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Reactor, calls_nothing_after_it_was_stopped) {
  ReactorHost host;
  host.reactor().stop();
  host.reactor().post([] { ADD_FAILURE(); });
  const auto spawned = host.reactor().spawn_peer(1, shell_peer("exit 0"), [](auto, auto) { ADD_FAILURE(); });
  ASSERT_FALSE(spawned);
  EXPECT_EQ(spawned.error(), "peer 'peer': the reactor is being stopped");
}

TEST(Reactor, stops_every_peer_before_it_ends) {
  ReactorHost host;
  std::vector<std::uint32_t> links;
  for (const char* name : {"one", "two", "three"}) {
    PeerOptions options = test_peer({"serve"});
    options.name = name;
    links.push_back(host.spawn(options));
  }
  host.told().await("up 1", 3);
  host.reactor().stop();
  for (const auto link : links) EXPECT_EQ(host.await_end(link).reason, ExitReason{});
  EXPECT_EQ(host.log().count("drained"), 3U);
}

TEST(Reactor, can_be_stopped_while_a_peer_is_being_opened) {
  for (int round = 0; round < 20; ++round) {
    ReactorHost host;
    const auto link = host.spawn(test_peer({"serve"}));
    host.reactor().stop();
    EXPECT_EQ(host.await_end(link).reason.kind, ExitReason::Kind::normal);
  }
}

TEST(Reactor, refuses_options_that_cannot_be) {
  ReactorHost host;
  const auto refused = [&](auto change) {
    PeerOptions options = test_peer({"serve"});
    change(options);
    const auto spawned = host.reactor().spawn_peer(9, options, [](auto, auto) { ADD_FAILURE(); });
    return spawned ? "accepted" : spawned.error();
  };
  EXPECT_THAT(refused([](auto& options) { options.name = ""; }), HasSubstr("a name has 1 to 255 bytes"));
  EXPECT_THAT(refused([](auto& options) { options.name = "a\nb"; }), HasSubstr("no control characters"));
  EXPECT_THAT(refused([](auto& options) { options.mail_bytes = 5000; }), HasSubstr("mail_bytes cannot be 5000"));
  EXPECT_THAT(refused([](auto& options) { options.control_bytes = 64; }), HasSubstr("control_bytes cannot be 64"));
  EXPECT_THAT(refused([](auto& options) { options.environment = {{"A=B", "c"}}; }), HasSubstr("'A=B' cannot be"));
  EXPECT_THAT(refused([](auto& options) { options.restart.jitter = 2; }), HasSubstr("jitter"));
  EXPECT_THAT(refused([](auto& options) { options.command = {}; }), HasSubstr("no socket for it to attach at"));
}

TEST(Reactor, refuses_a_name_that_is_taken) {
  ReactorHost host;
  host.spawn(test_peer({"serve"}));
  const auto second = host.reactor().spawn_peer(2, test_peer({"serve"}), [](auto, auto) { ADD_FAILURE(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), "there is a peer 'peer' already");
}

TEST_F(Listener, lets_a_process_attach_that_somebody_else_started) {
  ReactorHost host(path_);
  const auto link = host.spawn(awaited_peer());
  host.send(link, 41);
  host.log().await("opening -> awaited");
  const pid_t process = start_by_hand("peer");
  host.told().await("up 1");
  EXPECT_EQ(host.reactor().peer_pid(link), process);
  host.reactor().stop_peer(link);
  const Ending ending = host.await_end(link);
  EXPECT_EQ(ending.reason.kind, ExitReason::Kind::normal);
  EXPECT_EQ(ending.account.published, 1U);
  EXPECT_EQ(ending.account.unfinished, 0U);
  EXPECT_EQ(exit_code_of(process), 0);
}

TEST_F(Listener, awaits_the_next_one_when_the_first_is_gone) {
  ReactorHost host(path_);
  PeerOptions options = awaited_peer();
  options.restart.when = RestartPolicy::When::permanent;
  const auto link = host.spawn(options);
  host.log().await("opening -> awaited");
  const pid_t first = start_by_hand("peer");
  ASSERT_GT(first, 0);
  host.told().await("up 1");
  kill(first, SIGKILL);
  EXPECT_EQ(exit_code_of(first), -SIGKILL);
  host.log().await("delayed -> awaited");
  const pid_t second = start_by_hand("peer");
  host.told().await("up 2");
  host.reactor().stop_peer(link);
  host.await_end(link);
  EXPECT_EQ(exit_code_of(second), 0);
}

TEST_F(Listener, refuses_who_is_not_awaited) {
  ReactorHost host(path_);
  host.spawn(test_peer({"serve"}));
  PeerOptions awaited = awaited_peer();
  awaited.name = "awaited";
  host.spawn(awaited);
  host.log().await("opening -> awaited");
  EXPECT_EQ(answer_to({.name = "stranger"}), "unknown name: no peer 'stranger' is awaited here");
  EXPECT_EQ(answer_to({.name = "peer"}), "not allowed: 'peer' is started by this host alone");
  EXPECT_THAT(answer_to({.wanted_ring_bytes = 5, .name = "awaited"}), HasSubstr("impossible ring size"));
  EXPECT_THAT(answer_to({.version_min = 2, .version_max = 2, .name = "awaited"}), HasSubstr("no version in common"));

  const pid_t process = start_by_hand("awaited");
  host.told().await("up 1", 2);
  EXPECT_EQ(answer_to({.name = "awaited"}), "busy: 'awaited' is running already");
  host.reactor().stop();
  EXPECT_EQ(exit_code_of(process), 0);
}

TEST_F(Listener, refuses_garbage_and_forgets_who_goes_away) {
  ReactorHost host(path_);
  ControlStream stream(connect());
  ASSERT_GT(write(stream.descriptor(), "GET / HTTP/1.1\r\n\r\n", 18), 0);
  EXPECT_THAT(refusal_on(stream), HasSubstr("malformed handshake: not a control frame"));
  connect();
  host.log().await("went away without a hello");
}

TEST_F(Listener, keeps_no_more_than_so_many_half_open) {
  ReactorHost host(path_);
  ControlStream oldest(connect());
  std::vector<Descriptor> silent;
  for (int i = 0; i < 64; ++i) silent.push_back(connect());
  EXPECT_EQ(refusal_on(oldest), "busy: too many processes have not said hello yet");
}

TEST_F(Listener, refuses_who_is_silent_when_the_time_is_up) {
  ReactorHost host(path_);
  ControlStream stream(connect());
  EXPECT_EQ(refusal_on(stream), "too slow: no whole hello in time");
}

TEST_F(Listener, makes_a_private_directory_and_takes_its_socket_away) {
  {
    ReactorHost host(path_);
    struct stat status{};
    ASSERT_EQ(stat((folder_ + "/private").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
    EXPECT_EQ(access(path_.c_str(), F_OK), 0);
  }
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(Listener, refuses_a_directory_that_others_may_enter) {
  ASSERT_EQ(mkdir((folder_ + "/private").c_str(), 0700), 0);
  ASSERT_EQ(chmod((folder_ + "/private").c_str(), 0755), 0);
  EXPECT_THAT(start_error(), HasSubstr("must be of mode 0700"));
}

TEST_F(Listener, leaves_the_socket_to_a_host_that_is_alive_and_takes_it_from_one_that_is_not) {
  {
    ReactorHost host(path_);
    EXPECT_THAT(start_error(), HasSubstr("another host does already"));
    EXPECT_TRUE(connect());
  }
  // As a host leaves it that is killed.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path_.c_str());
  const Descriptor stale(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ReactorHost host(path_);
  EXPECT_TRUE(connect());
}

TEST_F(Listener, touches_nothing_that_is_not_a_socket) {
  ASSERT_EQ(mkdir((folder_ + "/private").c_str(), 0700), 0);
  const Descriptor file(open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_THAT(start_error(), HasSubstr("something that is not a socket"));
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace ringmail::runtime

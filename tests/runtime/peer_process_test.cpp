// Peers that do what they should, and peers that do each thing that they should not.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <tuple>

#include "../transport/deadline.hpp"
#include "peer_setup.hpp"
#include "reactor_host.hpp"

namespace ringmail::runtime {
namespace {

using Kind = ExitReason::Kind;
using std::chrono::milliseconds;
using testing::HasSubstr;

Ending end_of(ReactorHost& host, const PeerOptions& options) { return host.await_end(host.spawn(options)); }

/// For one that has to be killed.
PeerOptions impatient(PeerOptions options) {
  options.deadlines.terminate = milliseconds(50);
  return options;
}

TEST(PeerProcess, handles_what_was_sent_before_it_ran_and_stops_when_it_is_told_to) {
  ReactorHost host;
  const auto link = host.spawn(test_peer({"serve"}));
  host.send(link, 41);
  host.send(link, 42);
  host.told().await("up 1");
  host.log().await("[peer] message 42");
  EXPECT_GT(host.reactor().peer_pid(link), 0);
  host.reactor().stop_peer(link);

  const Ending ending = host.await_end(link);
  EXPECT_EQ(ending.reason, ExitReason{});
  EXPECT_EQ(ending.account.published, 2U);
  EXPECT_EQ(ending.account.unfinished, 0U);
  EXPECT_EQ(host.reactor().peer_pid(link), 0);
  EXPECT_THAT(host.told().lines(), testing::ElementsAre("open", "up 1", "stop", "close", "down: ended normally"));
  EXPECT_EQ(host.log().count("[peer] drained"), 1U);
}

TEST(PeerProcess, agrees_with_the_host_on_who_pays_for_the_barrier) {
  ReactorHost host;
  host.spawn(test_peer({"serve"}));
  host.told().await("up 1");
  EXPECT_EQ(host.owner().agreed(), transport::best_ordering());
}

TEST(PeerProcess, reads_its_mail_to_the_end_although_it_was_stopped_before_it_was_ready) {
  ReactorHost host;
  const auto link = host.spawn(test_peer({"serve"}));
  host.send(link, 41);
  host.reactor().stop_peer(link);
  const Ending ending = host.await_end(link);
  EXPECT_EQ(ending.reason.kind, Kind::normal);
  EXPECT_EQ(ending.account.unfinished, ending.account.published);
}

TEST(PeerProcess, with_an_unknown_command_is_not_started_and_named) {
  ReactorHost host;
  PeerOptions options = test_peer({});
  options.command = {"ringmail-no-such-program"};
  const Ending ending = end_of(host, options);
  EXPECT_EQ(ending.reason.kind, Kind::not_started);
  EXPECT_EQ(ending.reason.text, "cannot run 'ringmail-no-such-program': no such program in PATH");
  EXPECT_EQ(host.log().count("warning: peer 'peer': starting -> closing: not started: cannot run "
                             "'ringmail-no-such-program': no such program in PATH"),
            1U);
}

TEST(PeerProcess, is_not_started_when_exec_fails_late) {
  ReactorHost host;
  const std::string script = testing::TempDir() + "ringmail_bad_interpreter";
  std::FILE* file = std::fopen(script.c_str(), "w");
  std::fputs("#!/no/such/interpreter\n", file);
  std::fclose(file);
  ASSERT_EQ(chmod(script.c_str(), 0700), 0);
  PeerOptions options = test_peer({});
  options.command = {script};
  const Ending ending = end_of(host, options);
  EXPECT_EQ(ending.reason.kind, Kind::not_started);
  EXPECT_EQ(ending.reason.text, "cannot run '" + script + "': No such file or directory");
  EXPECT_EQ(host.log().count("[peer] ringmail-exec"), 0U);
  std::remove(script.c_str());
}

TEST(PeerProcess, in_a_working_directory_that_is_not_there_is_not_started) {
  ReactorHost host;
  PeerOptions options = test_peer({"serve"});
  options.working_directory = "/no/such/directory";
  const Ending ending = end_of(host, options);
  EXPECT_EQ(ending.reason.kind, Kind::not_started);
  EXPECT_EQ(ending.reason.text, "cannot change to '/no/such/directory': No such file or directory");
}

TEST(PeerProcess, that_exits_before_the_handshake_is_named_with_its_code_and_its_last_words) {
  ReactorHost host;
  const Ending ending = end_of(host, shell_peer("echo 'no module named x' >&2; exit 3"));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_EQ(ending.reason.code, 3);
  EXPECT_EQ(to_string(ending.reason),
            "handshake failed (exited with 3): it ended before it was ready: no module named x");
}

TEST(PeerProcess, that_prints_into_the_control_stream_is_refused_and_killed) {
  ReactorHost host;
  const Ending ending = end_of(host, impatient(test_peer({"garbage"})));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_EQ(ending.reason.signal, SIGKILL);
  EXPECT_THAT(ending.reason.text, HasSubstr("not a control frame: the bytes \"Hell"));
  EXPECT_EQ(host.log().count("warning: peer 'peer': handshaking -> leaving"), 1U);
}

TEST(PeerProcess, that_prints_into_the_control_stream_and_exits_is_known_for_that) {
  ReactorHost host;
  const Ending ending = end_of(host, shell_peer("echo 'Hello, world!' >&3"));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_EQ(ending.reason.signal, 0);
  EXPECT_THAT(ending.reason.text, HasSubstr("not a control frame: the bytes \"Hell"));
}

TEST(PeerProcess, that_ends_within_its_hello_is_known_for_that) {
  ReactorHost host;
  const Ending ending = end_of(host, shell_peer("printf '\\100\\0\\0' >&3"));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_THAT(ending.reason.text, HasSubstr("the control stream ended inside a frame"));
}

TEST(PeerProcess, of_another_version_is_told_so_and_may_exit_by_itself) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"newer-version"}));
  const std::string cause = "no version in common: the peer speaks 2 to 3, this host speaks 1 to 1";
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_EQ(ending.reason.code, 5);
  EXPECT_EQ(ending.reason.text, cause);
  EXPECT_EQ(host.log().count("[peer] refused: " + cause), 1U);
}

TEST(PeerProcess, that_wants_an_impossible_ring_is_told_so) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"rings", "12345"}));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_THAT(ending.reason.text, HasSubstr("impossible ring size: the peer wants rings of 12345 bytes"));
  EXPECT_EQ(host.log().count("[peer] attach: the host refused: impossible ring size"), 1U);
}

TEST(PeerProcess, that_wants_another_ring_than_was_made_is_told_both_sizes) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"rings", "131072"}));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_THAT(ending.reason.text, HasSubstr("131072"));
  EXPECT_THAT(ending.reason.text, HasSubstr("65536"));
}

TEST(PeerProcess, that_wants_the_ring_that_was_made_gets_it) {
  ReactorHost host;
  const auto link = host.spawn(test_peer({"rings", "65536"}));
  host.told().await("up 1");
  host.reactor().stop_peer(link);
  EXPECT_EQ(host.await_end(link).reason.kind, Kind::normal);
}

TEST(PeerProcess, of_another_schema_is_refused_by_naming_the_field) {
  ReactorHost host;
  PeerOptions options = test_peer({"schema", "message Tick { price: u64; }"});
  options.schema = "message Tick { price: f64; }";
  const Ending ending = end_of(host, options);
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_EQ(ending.reason.text, "the schemas do not match: message Tick: field price is f64 here and u64 there");
}

TEST(PeerProcess, of_another_name_is_refused) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"name", "somebody"}));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_EQ(ending.reason.text, "unknown name: it calls itself 'somebody', and was started as 'peer'");
}

TEST(PeerProcess, that_sends_a_descriptor_is_refused) {
  ReactorHost host;
  const Ending ending = end_of(host, impatient(test_peer({"descriptor"})));
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_THAT(ending.reason.text, HasSubstr("a file descriptor came"));
}

TEST(PeerProcess, that_says_nothing_is_killed_at_the_start_deadline) {
  ReactorHost host;
  PeerOptions options = test_peer({"silent"});
  options.deadlines.start = milliseconds(50);
  const Ending ending = end_of(host, options);
  EXPECT_EQ(to_string(ending.reason), "handshake failed (killed by signal 9 (Killed)): no hello within 50 ms");
}

TEST(PeerProcess, that_says_half_a_hello_is_refused_at_the_handshake_deadline) {
  ReactorHost host;
  PeerOptions options = impatient(test_peer({"half-hello"}));
  options.deadlines.handshake = milliseconds(50);
  const Ending ending = end_of(host, options);
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_EQ(ending.reason.signal, SIGKILL);
  EXPECT_EQ(ending.reason.text, "too slow: not ready within 50 ms");
}

TEST(PeerProcess, that_prints_into_an_open_control_stream_is_killed) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"garbage-when-ready"}));
  EXPECT_EQ(ending.reason.kind, Kind::protocol);
  EXPECT_EQ(ending.reason.signal, SIGKILL);
  EXPECT_THAT(ending.reason.text, HasSubstr("on the control stream: not a control frame"));
}

TEST(PeerProcess, that_says_hello_twice_is_killed) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"hello-when-ready"}));
  EXPECT_EQ(ending.reason.kind, Kind::protocol);
  EXPECT_THAT(ending.reason.text, HasSubstr("hello is not said by a peer that is ready"));
}

PeerOptions untrusted(PeerOptions options) {
  options.trusted = false;
  options.deadlines.drain = milliseconds(50);
  return options;
}

TEST(PeerProcess, that_is_not_trusted_is_served_like_another) {
  ReactorHost host;
  const auto link = host.spawn(untrusted(test_peer({"serve"})));
  host.send(link, 41);
  host.log().await("[peer] message 41");
  host.reactor().stop_peer(link);
  EXPECT_EQ(to_string(host.await_end(link).reason), "ended normally");
}

TEST(PeerProcess, that_is_not_trusted_may_ring_once_for_each_sleep) {
  ReactorHost host;
  const auto link = host.spawn(untrusted(test_peer({"ring", "0", "1"})));
  host.told().await("up 1");
  host.reactor().stop_peer(link);
  EXPECT_NE(host.await_end(link).reason.kind, Kind::protocol);

  const Ending flood = end_of(host, untrusted(test_peer({"ring", "0", "2"})));
  EXPECT_EQ(flood.reason.kind, Kind::protocol);
  EXPECT_EQ(flood.reason.text, "on the control stream: it rang more often than this host slept");
}

TEST(PeerProcess, that_rings_a_lane_that_it_has_not_is_killed) {
  ReactorHost host;
  const Ending ending = end_of(host, untrusted(test_peer({"ring", "1", "1"})));
  EXPECT_EQ(ending.reason.kind, Kind::protocol);
  EXPECT_EQ(ending.reason.text, "on the control stream: it rang lane 1, which it has not");
}

PeerOptions over_pipes(std::uint64_t offered, bool trusted, const char* rings) {
  PeerOptions options = test_peer({"over-pipes", std::to_string(offered), rings});
  options.control_by_pipes = true;
  options.trusted = trusted;
  options.deadlines.drain = milliseconds(50);
  return options;
}

TEST(PeerProcess, that_rings_through_the_host_has_bodies_and_meets_others_if_it_is_trusted) {
  using namespace transport;
  constexpr std::uint64_t least = mail_outlives_peer | stream_doorbell;
  constexpr std::uint64_t all = least | introductions | large | by_proc;
  for (const auto& [offered, trusted, chosen] : {std::tuple{all, true, all}, std::tuple{all, false, least},
                                                 std::tuple{all & ~std::uint64_t{by_proc}, true, least}}) {
    ReactorHost host;
    const auto link = host.spawn(over_pipes(offered, trusted, "0"));
    host.log().await("[peer] chosen " + std::to_string(chosen));
    host.told().await("up 1");
    host.reactor().stop_peer(link);
    EXPECT_NE(host.await_end(link).reason.kind, Kind::protocol);
  }
}

TEST(PeerProcess, that_is_to_send_exactly_once_has_neither_bodies_nor_other_peers_whether_it_is_trusted_or_not) {
  using namespace transport;
  constexpr std::uint64_t chosen = mail_outlives_peer | stream_doorbell | exactly_once;
  for (const bool trusted : {true, false}) {
    ReactorHost host;
    PeerOptions options = over_pipes(chosen | introductions | large, trusted, "0");
    options.exactly_once = true;
    const auto link = host.spawn(options);
    host.log().await("[peer] chosen " + std::to_string(chosen));
    host.told().await("up 1");
    host.reactor().stop_peer(link);
    EXPECT_NE(host.await_end(link).reason.kind, Kind::protocol);
  }
}

TEST(PeerProcess, that_cannot_send_exactly_once_is_refused_by_that_name) {
  using namespace transport;
  ReactorHost host;
  PeerOptions options = over_pipes(mail_outlives_peer | stream_doorbell, true, "0");
  options.exactly_once = true;
  const Ending ending = end_of(host, options);
  EXPECT_EQ(ending.reason.kind, Kind::handshake);
  EXPECT_NE(ending.reason.text.find("the peer lacks what this host insists on: exactly_once"), std::string::npos)
      << ending.reason.text;
}

TEST(PeerProcess, that_is_to_send_exactly_once_and_something_that_contradicts_it_is_none) {
  PeerOptions options = test_peer({});
  options.exactly_once = true;
  EXPECT_TRUE(check(options));
  options.at_most_once = true;
  EXPECT_EQ(check(options).error(),
            "peer 'peer': exactly_once and at_most_once: the message in hand at a death is given again, or it is not");
  options.at_most_once = false;
  options.introduce = true;
  EXPECT_EQ(
      check(options).error(),
      "peer 'peer': exactly_once and introduce: what is sent to another peer cannot be published with what is sent to "
      "this host");
}

TEST(PeerProcess, that_rings_a_lane_to_a_peer_whom_it_does_not_know_is_killed) {
  using namespace transport;
  ReactorHost host;
  const auto offered = mail_outlives_peer | stream_doorbell | by_proc;
  const Ending ending = end_of(host, over_pipes(offered, true, "1"));
  EXPECT_EQ(ending.reason.kind, Kind::protocol);
  EXPECT_EQ(ending.reason.text, "it rang lane 1, which it has not");
}

TEST(PeerProcess, that_is_trusted_and_rings_on_the_stream_is_killed) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"ring", "0", "1"}));
  EXPECT_EQ(ending.reason.kind, Kind::protocol);
  EXPECT_EQ(ending.reason.text, "on the control stream: ring is not said by a peer that shares the host's bells");
}

TEST(PeerProcess, whose_ring_is_at_fault_is_killed) {
  ReactorHost host;
  const auto link = host.spawn(test_peer({"serve"}));
  host.told().await("up 1");
  host.reactor().peer_broke_protocol(link, "a frame is out of sequence");
  EXPECT_EQ(to_string(host.await_end(link).reason),
            "broke the protocol (killed by signal 9 (Killed)): a frame is out of sequence");
}

TEST(PeerProcess, that_closes_its_stream_and_stays_is_killed) {
  ReactorHost host;
  const Ending ending = end_of(host, impatient(test_peer({"close-stream"})));
  EXPECT_EQ(ending.reason.kind, Kind::protocol);
  EXPECT_EQ(ending.reason.signal, SIGKILL);
  EXPECT_EQ(ending.reason.text, "it closed its control stream and did not exit");
}

TEST(PeerProcess, that_reports_a_failure_is_known_for_it) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"fail", "ValueError: no such airport"}));
  EXPECT_EQ(to_string(ending.reason), "failed (exited with 4): ValueError: no such airport");
}

TEST(PeerProcess, that_reports_a_failure_with_its_trace_is_known_for_the_first_line) {
  ReactorHost host;
  const std::string long_reason(2000, 'x');
  const Ending ending = end_of(host, test_peer({"fail", long_reason + "\n  at home\r\n  at work\n"}));
  EXPECT_EQ(ending.reason.text, long_reason.substr(0, 1024));
  EXPECT_EQ(host.log().count("error: peer 'peer': it reports a failure: " + long_reason), 1U);
  EXPECT_EQ(host.log().count("error: [peer]   at home"), 1U);
  EXPECT_EQ(host.log().count("error: [peer]   at work"), 1U);
}

TEST(PeerProcess, writes_into_the_log_line_by_line) {
  ReactorHost host;
  end_of(host, test_peer({"log", "warning: 1\nand more"}));
  EXPECT_EQ(host.log().count("warning: [peer] warning: 1"), 1U);
  EXPECT_EQ(host.log().count("warning: [peer] and more"), 1U);
}

TEST(PeerProcess, that_follows_one_with_monitors_must_have_them) {
  ReactorHost host;
  const std::string marker = testing::TempDir() + "ringmail_forgetful_" + std::to_string(::getpid());
  std::remove(marker.c_str());
  PeerOptions options = impatient(test_peer({"forgetful", marker}));
  options.restart = {.when = RestartPolicy::When::transient, .max_restarts = 1, .first_delay = {}, .longest_delay = {}};
  EXPECT_THAT(end_of(host, options).reason.text, HasSubstr("lacks what this host insists on: monitors"));
  std::remove(marker.c_str());
}

TEST(PeerProcess, that_exits_with_a_traceback_is_known_for_its_last_line) {
  ReactorHost host;
  const Ending ending = end_of(host, test_peer({"exit", "3", "no such airport"}));
  EXPECT_EQ(to_string(ending.reason), "exited with 3: ValueError: no such airport");
}

TEST(PeerProcess, that_is_killed_from_outside_is_known_for_the_signal) {
  ReactorHost host;
  const auto link = host.spawn(test_peer({"serve"}));
  host.told().await("up 1");
  host.signal(link, SIGKILL);
  EXPECT_EQ(to_string(host.await_end(link).reason), "killed by signal 9 (Killed)");
}

TEST(PeerProcess, finds_a_mailbox_by_name) {
  ReactorHost host;
  EXPECT_EQ(end_of(host, test_peer({"lookup", "known"})).reason.kind, Kind::normal);
  EXPECT_EQ(host.log().count("[peer] mailbox 7"), 1U);
  EXPECT_EQ(end_of(host, test_peer({"lookup", "unknown"})).reason.kind, Kind::normal);
  EXPECT_EQ(host.log().count("[peer] no mailbox has the name 'unknown'"), 1U);
}

TEST(PeerProcess, that_does_not_drain_is_sent_sigterm) {
  ReactorHost host;
  PeerOptions options = test_peer({"deaf"});
  options.deadlines.drain = milliseconds(50);
  const auto link = host.spawn(options);
  host.told().await("up 1");
  host.reactor().stop_peer(link);
  EXPECT_EQ(to_string(host.await_end(link).reason), "killed by signal 15 (Terminated)");
  EXPECT_EQ(host.log().count("draining -> terminating"), 1U);
}

TEST(PeerProcess, that_ignores_sigterm_is_killed) {
  ReactorHost host;
  PeerOptions options = impatient(test_peer({"stubborn"}));
  options.deadlines.drain = milliseconds(50);
  const auto link = host.spawn(options);
  host.told().await("up 1");
  host.reactor().stop_peer(link);
  EXPECT_EQ(to_string(host.await_end(link).reason), "killed by signal 9 (Killed)");
  EXPECT_EQ(host.log().count("[peer] SIGTERM is ignored"), 1U);
  EXPECT_EQ(host.log().count("terminating -> killing"), 1U);
}

TEST(PeerProcess, takes_its_children_with_it) {
  ReactorHost host;
  // The grandchild holds the pipe open, so that this also shows that nobody waits for its end.
  const auto link = host.spawn(shell_peer("sleep 1000 & echo \"child $!\"; kill -9 $$"));
  host.await_end(link);
  const auto lines = host.log().lines();
  const auto line = std::ranges::find_if(lines, [](const std::string& text) { return text.contains("[peer] child "); });
  ASSERT_NE(line, lines.end());
  const int child = std::atoi(line->substr(line->rfind(' ')).c_str());
  ASSERT_GT(child, 1);
  // It is nobody's zombie for long: init reaps it.
  EXPECT_TRUE(transport::test::until([&] { return kill(child, 0) != 0; }));
}

TEST(PeerProcess, that_has_ended_leaves_its_name_to_another) {
  ReactorHost host;
  EXPECT_EQ(end_of(host, shell_peer("exit 3")).reason.code, 3);
  EXPECT_EQ(end_of(host, shell_peer("exit 4")).reason.code, 4);
}

TEST(PeerProcess, leaves_no_descriptor_behind_in_two_hundred_lives) {
  ReactorHost host;
  const auto open_descriptors = [] {
    std::size_t count = 0;
    for (int number = 0; number < 1024; ++number) count += fcntl(number, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  end_of(host, shell_peer("exit 0"));
  const std::size_t before = open_descriptors();
  PeerOptions options = shell_peer("echo out; echo err >&2; exit 1");
  options.restart = {.when = RestartPolicy::When::permanent,
                     .max_restarts = 199,
                     .first_delay = milliseconds(0),
                     .longest_delay = milliseconds(0)};
  const auto link = host.spawn(options);
  host.await_end(link);
  EXPECT_EQ(host.log().count("[peer] out"), 200U);
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace ringmail::runtime

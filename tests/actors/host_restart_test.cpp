// A host that is killed and started again: peers that outlive it are found running, and both directions go on where they were.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "../transport/deadline.hpp"
#include "echo.mail.hpp"
#include "long_lived.h"
#include "ringmail.h"
#include "ringmail/actors/actors.hpp"
#include "ringmail/transport/handshake.hpp"

namespace ringmail::test {
namespace {

using namespace std::chrono_literals;
using transport::monotonic_ns;
using transport::test::until;

/// RINGMAIL_HOST_KILLS asks for more.
std::size_t kills() {
  const char* given = std::getenv("RINGMAIL_HOST_KILLS");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : 20;
}

std::uint64_t seen(const std::uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

/// Notes what it is sent. One that lingers does so behind a wait now and then, so that messages wait at it, out of their ring.
class Sink : public Actor {
 public:
  using Protocol = echo::Listener;
  explicit Sink(long_lived_end& end, bool lingers = false) : end_(end), lingers_(lingers) {}
  void on(const echo::Ping& ping) {
    const std::uint64_t number = ping.number;
    if (lingers_ && number % 16 == 0) static_cast<void>(this_actor::sleep_for(300us));
    long_lived_note(&end_, number);
  }

 private:
  long_lived_end& end_;
  const bool lingers_;
};

struct Next {};

/// Sends its peer one number in each turn: when the next turn begins it is out, and not before that does it count as sent.
class Source : public Actor {
 public:
  Source(Mailbox<echo::Listener> peer, std::uint64_t& next) : peer_(peer), next_(next) {}
  void on(const Next&) {
    if (is_under_way_) __atomic_store_n(&next_, next_ + 1, __ATOMIC_RELEASE);
    is_under_way_ = peer_.send(echo::Ping{.number = next_ + 1}, 60s).has_value();
    this_actor::mailbox<Source>().send(Next{});
  }

 private:
  Mailbox<echo::Listener> peer_;
  std::uint64_t& next_;
  bool is_under_way_ = false;
};

struct Setting {
  std::string directory;
  std::vector<std::string> echo{RINGMAIL_PYTHON, "-B", RINGMAIL_LONG_LIVED_PYTHON_PEER};
  bool echo_by_pipes = false;
  long_lived* shared;
  std::string socket() const { return directory + "/socket"; }
};

[[noreturn]] void be_a_host(const Setting& setting, std::chrono::nanoseconds outlives, std::uint32_t schedulers) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // not even when the test fails
  auto log = std::make_shared<spdlog::logger>(
      "", std::make_shared<spdlog::sinks::basic_file_sink_mt>(setting.directory + "/log"));
  log->flush_on(spdlog::level::info);
  auto system = System::create({.schedulers = schedulers, .listen = setting.socket(), .log = log});
  if (!system) {
    std::fprintf(stderr, "the host does not start: %s\n", system.error().c_str());
    _exit(1);
  }
  auto sink = system->spawn<Sink>(setting.shared->sink);
  auto echo_sink = system->spawn<Sink>(setting.shared->echo_sink, true);
  if (!system->publish("sink", sink) || !system->publish("sink of echoes", echo_sink)) _exit(1);
  const auto spawn = [&](const char* name, std::vector<std::string> command, std::uint64_t& next, bool by_pipes) {
    auto peer = system->spawn_peer<echo::Listener>({.name = name,
                                                    .command = std::move(command),
                                                    .outlives_host = outlives,
                                                    .restart = {.when = RestartPolicy::When::permanent},
                                                    .mail_bytes = 1 << 14,
                                                    .control_by_pipes = by_pipes});
    if (!peer) {
      std::fprintf(stderr, "%s\n", peer.error().c_str());
      _exit(1);
    }
    system->spawn<Source>(*peer, next).send(Next{});
  };
  spawn("c", {RINGMAIL_LONG_LIVED_PEER, setting.directory + "/shared"}, setting.shared->next, false);
  spawn("echo", setting.echo, setting.shared->echo_next, setting.echo_by_pipes);
  while (true) pause();
}

/// What was logged, where somebody wants to know why.
std::string log_of(const Setting& setting) {
  std::ifstream file(setting.directory + "/log");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.size() > 6000 ? text.substr(text.size() - 6000) : text;
}

class HostRestart : public testing::Test {
 protected:
  void SetUp() override {
    // Whoever loses his parent becomes a child of this process: when it has none, nobody lives.
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    setting_.directory = testing::TempDir() + "ringmail_host_restart." + std::to_string(getpid());
    std::filesystem::create_directory(setting_.directory);
    std::filesystem::permissions(setting_.directory, std::filesystem::perms::owner_all);
    const int file = open((setting_.directory + "/shared").c_str(), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(ftruncate(file, sizeof(long_lived)), 0);
    void* const mapped = mmap(nullptr, sizeof(long_lived), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    ASSERT_NE(mapped, MAP_FAILED);
    setting_.shared = static_cast<long_lived*>(mapped);
  }
  void TearDown() override {
    munmap(setting_.shared, sizeof(long_lived));
    std::filesystem::remove_all(setting_.directory);
  }

  pid_t start(std::chrono::nanoseconds outlives, std::uint32_t schedulers = 2) {
    std::fflush(nullptr);
    const pid_t host = fork();
    if (host == 0) be_a_host(setting_, outlives, schedulers);
    return host;
  }

  /// All four directions go on.
  bool goes_on() {
    const long_lived& now = *setting_.shared;
    const std::uint64_t sink = seen(now.sink.last), echo = seen(now.echo_sink.last), peer = seen(now.c_peer.last);
    return until([&] {
      return seen(now.sink.last) > sink + 100 && seen(now.echo_sink.last) > echo + 10 &&
             seen(now.c_peer.last) > peer + 100;
    });
  }

  void kill_host(pid_t host) {
    ASSERT_EQ(kill(host, SIGKILL), 0);
    ASSERT_EQ(waitpid(host, nullptr, 0), host);
  }

  /// At random moments; peers are found running, and nothing is lost or reordered.
  void kill_hosts();

  /// A program that is given the path of a socket, a name and a token. It attaches there, and sends whatever it is sent
  /// to the actor named "sink of echoes".
  void attach_to_hosts(const char* program);

  void expect_whole() {
    for (const long_lived_end* end : {&setting_.shared->sink, &setting_.shared->echo_sink, &setting_.shared->c_peer}) {
      EXPECT_EQ(end->faults, 0u) << log_of(setting_);
      std::uint64_t chain = 0;
      for (std::uint64_t number = 1; number <= end->last; ++number) chain = long_lived_chain(chain, number);
      EXPECT_EQ(end->chains[end->last % 2], chain);
    }
  }

  Setting setting_;
};

/// Whether this test has it from somebody it has started: whose parent dies becomes its child.
bool is_ours(pid_t pid) {
  while (pid > 1 && pid != getpid()) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    // Behind the program's name: its state and its parent.
    const std::size_t name_end = line.rfind(") ");
    if (name_end == std::string::npos) return false;
    pid = std::atoi(line.c_str() + name_end + 4);
  }
  return pid == getpid();
}

/// Our processes whose command line has that in it.
std::vector<pid_t> running(const std::string& what) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    std::ifstream file(entry.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    if (pid > 1 && pid != getpid() && line.find(what) != std::string::npos && is_ours(pid)) found.push_back(pid);
  }
  return found;
}

void HostRestart::kill_hosts() {
  std::mt19937_64 random(transport::test::seed());
  pid_t host = start(20s);
  ASSERT_TRUE(goes_on()) << log_of(setting_);
  const auto peers = running(setting_.echo.back());
  ASSERT_EQ(peers.size(), 1u);
  for (std::size_t killed = 0; killed < kills(); ++killed) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    ASSERT_NO_FATAL_FAILURE(kill_host(host));
    host = start(killed + 1 < kills() ? 20s : 1s);
    // Every other one is killed while it takes them up.
    if (killed % 2 == 0 && killed + 1 < kills()) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
    } else {
      ASSERT_TRUE(goes_on()) << log_of(setting_);
      ASSERT_EQ(running(setting_.echo.back()), peers) << "it has not outlived its host";
    }
  }
  const long_lived& now = *setting_.shared;
  // One message may be in hand at each death; and one may be out of which the host that was killed did not know yet.
  EXPECT_LE(now.sink.repeats, kills());
  EXPECT_LE(now.echo_sink.repeats, 2 * kills());
  EXPECT_LE(now.c_peer.repeats, kills());
  for (const long_lived_end* end : {&now.sink, &now.echo_sink, &now.c_peer}) EXPECT_EQ(end->stretches, end->repeats);
  EXPECT_GE(now.c_peer.restarts, kills() / 2);
  ASSERT_NO_FATAL_FAILURE(kill_host(host));
  // Nobody comes any more.
  EXPECT_TRUE(until([] { return waitpid(-1, nullptr, WNOHANG) < 0; })) << "something lives on";
  EXPECT_FALSE(std::filesystem::exists(setting_.socket() + ".keeper"));
  expect_whole();
  std::printf("%zu hosts killed: %llu and %llu messages to them, of which %llu and %llu twice, and %llu from them\n",
              kills(), static_cast<unsigned long long>(now.sink.last),
              static_cast<unsigned long long>(now.echo_sink.last), static_cast<unsigned long long>(now.sink.repeats),
              static_cast<unsigned long long>(now.echo_sink.repeats), static_cast<unsigned long long>(now.c_peer.last));
}

TEST_F(HostRestart, finds_its_peers_running_and_nothing_lost_or_reordered) { kill_hosts(); }

TEST_F(HostRestart, finds_a_handler_that_waited_with_what_it_has_in_hand) {
  setting_.echo = {RINGMAIL_LONG_LIVED_ECHO};
  kill_hosts();
}

#ifdef RINGMAIL_LONG_LIVED_NODE_PEER
TEST_F(HostRestart, finds_a_peer_in_node_running_and_nothing_lost_or_reordered) {
  setting_.echo = {RINGMAIL_NODE, RINGMAIL_LONG_LIVED_NODE_PEER};
  kill_hosts();
}
#endif

#ifdef RINGMAIL_LONG_LIVED_RUST_PEER
TEST_F(HostRestart, finds_a_peer_in_rust_running_and_nothing_lost_or_reordered) {
  setting_.echo = {RINGMAIL_LONG_LIVED_RUST_PEER};
  kill_hosts();
}

TEST_F(HostRestart, finds_a_peer_in_tokio_running_and_nothing_lost_or_reordered) {
  setting_.echo = {RINGMAIL_LONG_LIVED_TOKIO_PEER};
  kill_hosts();
}
#endif

#ifdef RINGMAIL_LONG_LIVED_GO_PEER
TEST_F(HostRestart, finds_a_peer_in_go_running_and_nothing_lost_or_reordered) {
  setting_.echo = {RINGMAIL_LONG_LIVED_GO_PEER};
  kill_hosts();
}
#endif

#ifdef RINGMAIL_LONG_LIVED_JAVA
TEST_F(HostRestart, finds_a_peer_in_java_running_and_nothing_lost_or_reordered) {
  setting_.echo = {RINGMAIL_LONG_LIVED_JAVA, "-XX:+UseSerialGC", "-cp", RINGMAIL_LONG_LIVED_JAVA_CLASSES,
                   "LongLivedPeer"};
  setting_.echo_by_pipes = true;
  kill_hosts();
}
#endif

TEST_F(HostRestart, goes_on_with_the_mail_of_a_peer_that_died_as_well) {
  std::mt19937_64 random(transport::test::seed());
  pid_t host = start(20s);
  ASSERT_TRUE(goes_on()) << log_of(setting_);
  for (int killed = 0; killed < 6; ++killed) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    const auto peers = running(RINGMAIL_LONG_LIVED_PYTHON_PEER);
    ASSERT_FALSE(peers.empty());
    // Before its host, or while there is none.
    if (killed % 2 == 0) kill(peers.front(), SIGKILL);
    ASSERT_NO_FATAL_FAILURE(kill_host(host));
    if (killed % 2 == 1) kill(peers.front(), SIGKILL);
    host = start(killed < 5 ? 20s : 1s);
    ASSERT_TRUE(goes_on()) << log_of(setting_);
  }
  ASSERT_NO_FATAL_FAILURE(kill_host(host));
  EXPECT_TRUE(until([] { return waitpid(-1, nullptr, WNOHANG) < 0; })) << "something lives on";
  expect_whole();
  // A peer that is killed had sent more than it had counted as finished: all of that comes again, once for each death.
  EXPECT_LE(setting_.shared->echo_sink.stretches, 18u);
}

TEST_F(HostRestart, starts_another_keeper_when_somebody_kills_it) {
  pid_t host = start(20s);
  ASSERT_TRUE(goes_on()) << log_of(setting_);
  const auto keepers = running(setting_.socket() + ".keeper");
  ASSERT_EQ(keepers.size(), 1u);
  kill(keepers.front(), SIGKILL);
  ASSERT_TRUE(until([&] {
    const auto now = running(setting_.socket() + ".keeper");
    return now.size() == 1 && now != keepers;
  })) << log_of(setting_);
  ASSERT_TRUE(goes_on());
  ASSERT_NO_FATAL_FAILURE(kill_host(host));
  host = start(1s);
  ASSERT_TRUE(goes_on()) << log_of(setting_);
  ASSERT_NO_FATAL_FAILURE(kill_host(host));
  EXPECT_TRUE(until([] { return waitpid(-1, nullptr, WNOHANG) < 0; })) << "something lives on";
  expect_whole();
}

// --- Peers that somebody else starts

/// As one of those, in this process.
class Attached {
 public:
  Attached(const std::string& path, const char* token, std::int64_t reconnect_ns = 0) {
    ringmail_options options = RINGMAIL_OPTIONS_INIT;
    options.path = path.c_str();
    options.name = "guest";
    options.token = token;
    options.reconnect_ns = reconnect_ns;
    options.restartable = 1;
    result = ringmail_attach(&options, &peer);
  }
  ~Attached() { ringmail_detach(peer); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

  ringmail_peer* peer = nullptr;
  int result = 0;
};

/// As soon as a host lets it in; it looks for the next one as well.
std::unique_ptr<Attached> attached(const std::string& path, const char* token) {
  std::unique_ptr<Attached> guest;
  EXPECT_TRUE(until([&] {
    guest = std::make_unique<Attached>(path, token, 20'000'000'000);
    return guest->result == 0;
  }));
  return guest;
}

/// The host that is made so, until that process is killed.
template <class Host>
pid_t in_a_process(const Host& host) {
  std::fflush(nullptr);
  const pid_t process = fork();
  if (process != 0) return process;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto system = host();
  while (true) pause();
}

SystemOptions quiet(const Setting& setting) {
  auto log = std::make_shared<spdlog::logger>(
      "", std::make_shared<spdlog::sinks::basic_file_sink_mt>(setting.directory + "/log"));
  return {.schedulers = 1, .listen = setting.socket(), .log = std::move(log)};
}

TEST_F(HostRestart, lets_in_who_knows_the_token_and_nobody_else) {
  auto system = System::create(quiet(setting_));
  ASSERT_TRUE(system) << system.error();
  ASSERT_TRUE(system->spawn_peer<echo::Listener>({.name = "guest", .token = "sesame"}));
  ASSERT_TRUE(until([&] {
    const auto status = system->peer_status("guest");
    return status && status->phase == "awaited";
  }));
  for (const char* wrong : {static_cast<const char*>(nullptr), "", "Sesame", "sesame2", "sesam"}) {
    const Attached guest(setting_.socket(), wrong);
    ASSERT_EQ(guest.result, RINGMAIL_EREFUSED) << (wrong != nullptr ? wrong : "none");
    EXPECT_NE(std::string(ringmail_error(guest.peer)).find("not allowed"), std::string::npos)
        << ringmail_error(guest.peer);
  }
  const Attached guest(setting_.socket(), "sesame");
  EXPECT_EQ(guest.result, 0) << ringmail_error(guest.peer);
}

TEST_F(HostRestart, lets_an_attached_peer_look_for_the_next_host_by_itself) {
  long_lived& shared = *setting_.shared;
  const auto host = [&] {
    auto system = System::create(quiet(setting_));
    EXPECT_TRUE(system);
    EXPECT_TRUE(system->publish("sink", system->spawn<Sink>(shared.sink)));
    EXPECT_TRUE(system->spawn_peer<echo::Listener>({.name = "guest", .token = "sesame"}));
    return system;
  };
  // A host that stops its peers does not want them back: this one dies.
  const pid_t first = in_a_process(host);
  auto guest = attached(setting_.socket(), "sesame");
  ringmail_peer* const peer = guest->peer;
  ringmail_mailbox sink = 0;
  ASSERT_EQ(ringmail_lookup(peer, "sink", -1, &sink), 0) << ringmail_error(peer);
  std::uint64_t number = 1;
  const auto send = [&] {
    EXPECT_EQ(ringmail_send(peer, sink, ringmail_type_id("echo.Ping"), &number, sizeof number, -1), 0);
    EXPECT_EQ(ringmail_flush(peer), 0);
    EXPECT_TRUE(until([&] { return seen(shared.sink.last) == number; }));
  };
  send();
  std::uint64_t monitor = 0;
  ASSERT_EQ(ringmail_monitor(peer, sink, -1, &monitor), 0);
  ASSERT_EQ(ringmail_flush(peer), 0);
  ASSERT_NO_FATAL_FAILURE(kill_host(first));
  auto system = host();
  bool restarted = false, down = false;
  ASSERT_TRUE(until([&] {
    ringmail_message message;
    const int got = ringmail_receive(peer, &message);
    if (got == 0) return ringmail_wait(peer, 1'000'000) < 0;
    if (got < 0) return true;
    restarted = restarted || message.kind == RINGMAIL_RESTARTED;
    down = down || (message.kind == RINGMAIL_DOWN && message.target == monitor);
    EXPECT_EQ(ringmail_release(peer), 0);
    return restarted && down;
  })) << ringmail_error(peer);
  EXPECT_TRUE(restarted);
  EXPECT_TRUE(down);
  // Nobody kept the names.
  ASSERT_EQ(ringmail_lookup(peer, "sink", -1, &sink), 0) << ringmail_error(peer);
  number = seen(shared.sink.last) + 1;
  send();
  guest.reset();  // it would keep the host waiting
}

/// Asks a peer once, and notes what it is told.
class Asker : public Actor {
 public:
  using Protocol = echo::Listener;
  Asker(Mailbox<echo::Echo> peer, std::uint64_t& answer) : peer_(peer), answer_(answer) {}
  void started() override {
    const auto pong = ask(peer_, echo::Ping{.number = 1}, 60s);
    __atomic_store_n(&answer_, pong ? std::uint64_t{pong->number} : 0, __ATOMIC_RELEASE);
  }
  void on(const echo::Ping&) {}

 private:
  Mailbox<echo::Echo> peer_;
  std::uint64_t& answer_;
};

TEST_F(HostRestart, has_no_answer_that_was_meant_for_the_host_before) {
  std::uint64_t& answer = setting_.shared->sent;
  const auto host = [&] {
    auto system = System::create(quiet(setting_));
    EXPECT_TRUE(system);
    const auto peer = system->spawn_peer<echo::Echo>({.name = "guest"});
    EXPECT_TRUE(peer);
    system->spawn<Asker>(*peer, answer);
    return system;
  };
  const pid_t first = in_a_process(host);
  auto guest = attached(setting_.socket(), nullptr);
  ringmail_peer* const peer = guest->peer;
  const auto asked = [&] {
    ringmail_message message{};
    EXPECT_TRUE(until([&] {
      const int got = ringmail_receive(peer, &message);
      if (got == 0) return ringmail_wait(peer, 1'000'000) < 0;
      EXPECT_EQ(ringmail_release(peer), 0);
      return got < 0 || message.kind == RINGMAIL_MESSAGE;
    })) << ringmail_error(peer);
    return message;
  };
  const auto reply = [&](const ringmail_message& question, std::uint64_t number) {
    EXPECT_EQ(ringmail_reply(peer, &question, ringmail_type_id("echo.Ping"), &number, sizeof number), 0)
        << ringmail_error(peer);
    EXPECT_EQ(ringmail_flush(peer), 0);
  };
  const ringmail_message of_the_first = asked();
  ASSERT_NO_FATAL_FAILURE(kill_host(first));
  auto system = host();
  const ringmail_message of_the_second = asked();
  EXPECT_EQ(of_the_second.correlation, of_the_first.correlation) << "or this shows nothing";
  reply(of_the_first, 1);
  reply(of_the_second, 2);
  EXPECT_TRUE(until([&] { return seen(answer) != 0; }));
  EXPECT_EQ(seen(answer), 2u);
  guest.reset();  // it would keep the host waiting
}

pid_t run(const char* program, const std::string& path, const char* token) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execl(program, program, path.c_str(), "guest", token, static_cast<char*>(nullptr));
  _exit(127);
}

void HostRestart::attach_to_hosts(const char* program) {
  long_lived& shared = *setting_.shared;
  const auto start_host = [&] {
    std::fflush(nullptr);
    const pid_t host = fork();
    if (host != 0) return host;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto system = System::create(quiet(setting_));
    if (!system || !system->publish("sink of echoes", system->spawn<Sink>(shared.echo_sink))) _exit(1);
    auto guest = system->spawn_peer<echo::Listener>({.name = "guest", .token = "sesame"});
    if (!guest) _exit(1);
    system->spawn<Source>(*guest, shared.echo_next).send(Next{});
    const auto is_awaited = [&] {
      const auto peer = system->peer_status("guest");
      return peer && peer->phase == "awaited";
    };
    if (until(is_awaited)) __atomic_store_n(&shared.sent, 1, __ATOMIC_RELEASE);
    while (true) pause();
  };
  pid_t host = start_host();
  ASSERT_TRUE(until([&] { return seen(shared.sent) == 1; }));
  int status = 0;
  const pid_t wrong = run(program, setting_.socket(), "Sesame");
  ASSERT_EQ(waitpid(wrong, &status, 0), wrong);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 127) << status;
  EXPECT_EQ(seen(shared.echo_sink.last), 0u);
  const pid_t guest = run(program, setting_.socket(), "sesame");
  // Nobody kept what was under way: numbers are missing. That it goes on, and is the same process, is what counts here.
  for (int killed = 0; killed < 5; ++killed) {
    const std::uint64_t last = seen(shared.echo_sink.last);
    ASSERT_TRUE(until([&] { return seen(shared.echo_sink.last) > last + 10; })) << log_of(setting_);
    ASSERT_EQ(waitpid(guest, nullptr, WNOHANG), 0) << "it has ended";
    ASSERT_NO_FATAL_FAILURE(kill_host(host));
    host = start_host();
  }
  kill(guest, SIGKILL);
  EXPECT_EQ(waitpid(guest, nullptr, 0), guest);
  ASSERT_NO_FATAL_FAILURE(kill_host(host));
}

#ifdef RINGMAIL_LONG_LIVED_RUST_PEER
TEST_F(HostRestart, lets_a_peer_in_rust_attach_by_its_token_and_look_for_the_next_host) {
  attach_to_hosts(RINGMAIL_LONG_LIVED_RUST_PEER);
}
#endif

#ifdef RINGMAIL_LONG_LIVED_JAVA
/// Answers nobody.
class Silent : public Actor {
 public:
  using Protocol = echo::Listener;
  void on(const echo::Ping&) { static_cast<void>(this_actor::sleep_for(1h)); }
};

TEST_F(HostRestart, lets_an_attached_peer_in_java_look_for_the_next_host_by_itself) {
  long_lived& shared = *setting_.shared;
  const auto host = [&] {
    auto system = System::create(quiet(setting_));
    EXPECT_TRUE(system);
    EXPECT_TRUE(system->publish("sink", system->spawn<Sink>(shared.sink)));
    EXPECT_TRUE(system->publish("silent", system->spawn<Silent>()));
    EXPECT_TRUE(system->spawn_peer<echo::Listener>({.name = "guest", .token = "sesame", .control_by_pipes = true}));
    return system;
  };
  const std::string go = setting_.directory + "/go";
  const auto attach = [&](const char* token) {
    const pid_t process = fork();
    if (process != 0) return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp(RINGMAIL_LONG_LIVED_JAVA, "java", "-XX:+UseSerialGC", "-cp", RINGMAIL_LONG_LIVED_JAVA_CLASSES,
           "ReturningPeer", setting_.socket().c_str(), token, go.c_str(), nullptr);
    _exit(127);
  };
  const pid_t first = in_a_process(host);
  ASSERT_TRUE(until([&] { return std::filesystem::exists(setting_.socket()); }));
  const auto refused_with = [&](const char* token) {
    int status = 0;
    const pid_t stranger = attach(token);
    EXPECT_EQ(waitpid(stranger, &status, 0), stranger);
    return static_cast<transport::RefusalCode>(WEXITSTATUS(status));
  };
  auto code = transport::RefusalCode::unknown_name;
  // A host that has begun to listen does not await everybody yet.
  ASSERT_TRUE(until([&] { return (code = refused_with("Sesame")) != transport::RefusalCode::unknown_name; }));
  EXPECT_EQ(code, transport::RefusalCode::not_allowed);
  const pid_t guest = attach("sesame");
  ASSERT_TRUE(until([&] { return seen(shared.sink.last) == 1; })) << log_of(setting_);
  // What it sends now is not read.
  ASSERT_EQ(kill(first, SIGSTOP), 0);
  std::ofstream(go).close();
  ASSERT_TRUE(until([&] { return !std::filesystem::exists(go); }));
  ASSERT_NO_FATAL_FAILURE(kill_host(first));
  const pid_t second = in_a_process(host);
  EXPECT_TRUE(until([&] { return seen(shared.sink.last) == 2; })) << log_of(setting_);
  EXPECT_EQ(shared.sink.faults, 0u);
  kill(guest, SIGKILL);
  ASSERT_EQ(waitpid(guest, nullptr, 0), guest);
  ASSERT_NO_FATAL_FAILURE(kill_host(second));
}
#endif

}  // namespace
}  // namespace ringmail::test

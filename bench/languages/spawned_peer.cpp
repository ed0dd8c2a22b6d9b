#include "languages/spawned_peer.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "conformance.mail.hpp"
#include "latency/scenario.hpp"
#include "ringmail/transport/control_ends.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/pause.hpp"

namespace bench::languages {

using namespace ringmail::transport;

namespace {

constexpr std::uint64_t bulk_ring_bytes = 4 << 20;
constexpr std::uint64_t start_timeout_ns = 60'000'000'000;
constexpr std::uint64_t sink = 1;

[[noreturn]] void exec(const PeerProgram& program, const ControlEnds& ends) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Out of the way of the numbers that they become.
  std::vector<int> moved;
  for (const Descriptor* end : {&ends.peer, &ends.peer_writes}) {
    if (*end) moved.push_back(::fcntl(end->get(), F_DUPFD, 16));
  }
  std::string numbers;
  for (std::size_t i = 0; i < moved.size(); ++i) {
    ::dup2(moved[i], static_cast<int>(3 + i));
    ::close(moved[i]);
    numbers += (i == 0 ? "" : ",") + std::to_string(3 + i);
  }
  ::setenv(inherited_descriptors_variable, numbers.c_str(), 1);
  std::vector<char*> arguments;
  for (const std::string& argument : program.command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

SpawnedPeer::SpawnedPeer(const PeerProgram& program)
    : language_(program.language),
      layout_{.mail_to_peer_bytes = bulk_ring_bytes, .mail_to_host_bytes = bulk_ring_bytes},
      bells_(value_of(Bells::create("languages.bell", 1))),
      mail_(value_of(LinkMail::create(layout_))),
      // Who is spoken to by pipes has no futex either, and is shown that this end never sleeps.
      mirrors_(value_of(ParkMirrors::create(1))),
      incarnation_(value_of(Incarnation::create(layout_, program.pipes ? Trust::untrusted : Trust::trusted))) {
  auto control = program.pipes ? control_by_pipes() : control_by_socket();
  if (!control) throw std::runtime_error(std::string("no control stream: ") + std::strerror(control.error()));
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ == 0) exec(program, *control);
  stream_.emplace(std::move(control->host));
  // Open in the peer alone from now on.
  control->peer = Descriptor();
  control->peer_writes = Descriptor();
  greet(program);
}

SpawnedPeer::~SpawnedPeer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void SpawnedPeer::give_up(const std::string& why) const { throw std::runtime_error(language_ + ": " + why); }

void SpawnedPeer::greet(const PeerProgram& program) {
  const std::uint64_t deadline_ns = monotonic_ns() + start_timeout_ns;
  const auto receive = [&] {
    auto frame = stream_->receive_until(deadline_ns);
    if (!frame) give_up(to_string(frame.error()));
    if (!*frame) give_up("it did not start in time");
    return std::move(**frame);
  };
  const auto hello = decode<Hello>(receive());
  if (!hello) give_up(to_string(hello.error()));
  HostLimits limits;
  limits.features |= pipe_doorbell;
  if (program.pipes) limits.required_features |= stream_doorbell;
  limits.features |= limits.required_features;
  if (best_ordering() == Ordering::asymmetric) limits.features |= asymmetric_barrier;
  const auto chosen = negotiate(*hello, limits);
  if (!chosen) give_up(to_string(chosen.error()));
  if ((chosen->features & pipe_doorbell) != 0 && !incarnation_.open_doorbell()) give_up("no pipe");

  std::vector<int> descriptors;
  Welcome welcome{.version = chosen->version,
                  .features = chosen->features,
                  .incarnation = 1,
                  .line_bytes = line_bytes,
                  .lanes = 1,
                  .mail_to_peer_bytes = layout_.mail_to_peer_bytes,
                  .mail_to_host_bytes = layout_.mail_to_host_bytes,
                  .control_bytes = layout_.control_bytes,
                  .name = program.language,
                  .schema = std::string(conformance::ringmail_schema),
                  .host_pid = static_cast<std::uint32_t>(::getpid())};
  welcome.segments = incarnation_.segments(mail_, program.pipes ? mirrors_.segment() : bells_.segment(), descriptors);
  if (!stream_->send(Welcome::kind, encode(welcome), descriptors)) give_up("the welcome was not sent");
  const ControlFrame ready = receive();
  if (ready.kind == Refused::kind) {
    const auto refused = decode<Refused>(ready);
    give_up(refused ? to_string(*refused) : "it refused");
  }
  if (!decode<Ready>(ready)) give_up("it did not say ready");
  if (!incarnation_.seal_peer()) give_up("its memory cannot be sealed");

  const auto host = incarnation_.host_end(0);
  lane_ = Lane{.mail_out = RingProducer(mail_.producer(0, host.mail_consumer)),
               .control_out = host.control_out,
               .mail_in = host.mail_in,
               .control_in = host.control_in,
               .bell = host.bell};
  lane_.order(ordering_of(chosen->features));
}

void SpawnedPeer::pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task")) {
    sched_setaffinity(std::atoi(task.path().filename().c_str()), sizeof set, &set);
  }
}

/// Answers where `sink` is, and notices its death.
void SpawnedPeer::look_after_stream() {
  while (true) {
    auto frame = stream_->receive();
    if (!frame) give_up("it has ended: " + to_string(frame.error()));
    if (!*frame) return;
    if ((*frame)->kind == Failure::kind) {
      const auto failure = decode<Failure>(**frame);
      give_up(failure ? failure->text : "it failed");
    }
    if (const auto resolve = decode<Resolve>(**frame)) {
      const Resolved answer{.request = resolve->request, .found = true, .mailbox = sink};
      static_cast<void>(stream_->send(Resolved::kind, encode(answer)));
    }
  }
}

template <class Done>
void SpawnedPeer::poll(Done&& done) {
  constexpr int polls_per_look = 1 << 12;
  for (int polls = 1; !done(); ++polls) {
    if (polls % polls_per_look == 0) {
      if (lane_.fault() != RingFault::none) give_up(std::string(to_string(lane_.fault())));
      look_after_stream();
    }
    lane_.store_cursors();
    ringmail::transport::pause();
  }
}

void SpawnedPeer::add(std::uint32_t type, const void* payload, std::uint32_t length) {
  std::byte* room = lane_.mail_out.try_loan(length);
  if (room == nullptr) {
    lane_.publish();
    poll([&] { return (room = lane_.mail_out.try_loan(length)) != nullptr; });
  }
  std::memcpy(room, payload, length);
  lane_.mail_out.commit({.kind = FrameKind::message, .type = type, .sender = sink});
}

void SpawnedPeer::send(std::uint32_t type, const void* payload, std::uint32_t length, std::uint32_t correlation) {
  std::byte* room = lane_.mail_out.try_loan(length);
  if (room == nullptr) poll([&] { return (room = lane_.mail_out.try_loan(length)) != nullptr; });
  std::memcpy(room, payload, length);
  lane_.mail_out.commit({.kind = FrameKind::message, .type = type, .correlation = correlation, .sender = sink});
  lane_.publish();
}

Frame SpawnedPeer::answer(std::uint32_t correlation) {
  if (std::exchange(holds_answer_, false)) lane_.control_in.advance();
  std::optional<Frame> frame;
  poll([&] { return (frame = lane_.control_in.peek()).has_value(); });
  holds_answer_ = true;
  if (frame->head.kind != FrameKind::reply || frame->head.correlation != correlation) give_up("it does not answer");
  return *frame;
}

Frame SpawnedPeer::next() {
  if (std::exchange(holds_mail_, false)) {
    lane_.mail_in.advance();
    if (lane_.mail_in.cursor_due()) lane_.store_cursors();
  }
  std::optional<Frame> frame = lane_.mail_in.peek();
  if (!frame) poll([&] { return (frame = lane_.mail_in.peek()).has_value(); });
  holds_mail_ = true;
  lane_.mail_in.begin();
  return *frame;
}

}  // namespace bench::languages

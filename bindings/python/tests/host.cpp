// A host for one peer, driven by lines: the tests of a binding need a host that does what no runtime would, at the
// moment they say. It stands on transport alone.
//
//   host [--schema FILE] [--log FILE] [--ring BYTES] [--refuse TEXT] [--control pipes] -- COMMAND...
//
// With --control pipes it speaks to the peer by pipes and shows it when this host sleeps, for a language that has neither
// sockets nor futexes.
//
// Reads orders from stdin and writes what happens to stdout, a line each; payloads are hexadecimal, "-" when empty.
//
//   send TYPE SENDER PAYLOAD [COUNT]      mail; ask adds a correlation
//   ask TYPE SENDER CORRELATION PAYLOAD
//   answer CORRELATION TYPE PAYLOAD       to an ask of the peer
//   decline CORRELATION REASON
//   down MONITOR MAILBOX KIND TEXT
//   publish NAME MAILBOX                  answers the peer's lookups
//   stop | signal N | deaf | hear | restart | position | die
//
//   ready PID INCARNATION | mail TARGET TYPE CORRELATION PAYLOAD | reply CORRELATION TYPE PAYLOAD
//   monitor NUMBER MAILBOX | demonitor NUMBER MAILBOX | log LEVEL TEXT
//   no_reply CORRELATION REASON | failure TEXT | refused TEXT | hello LANGUAGE SCHEMA_BYTES | goodbye | closed
//   exit STATUS | killed SIGNAL | sent | unfinished MESSAGES
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "ringmail/transport/link.hpp"
#include "ringmail/transport/unix_socket.hpp"

using namespace ringmail::transport;

namespace {

[[noreturn]] void give_up(const std::string& text) {
  std::cerr << "host: " << text << std::endl;
  std::exit(3);
}

std::string to_hex(const std::byte* bytes, std::size_t count) {
  if (count == 0) return "-";
  std::string text;
  char digits[3];
  for (std::size_t i = 0; i < count; ++i) {
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(bytes[i]));
    text += digits;
  }
  return text;
}

std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes;
  if (text == "-") return bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n') c = '|';
  }
  return text;
}

struct Options {
  std::string schema, log, refusal;
  std::uint64_t ring_bytes = 1 << 16;
  std::uint64_t arena_bytes = 0;
  bool pipes = false;
  std::vector<char*> command;
};

class Host {
 public:
  explicit Host(Options options) : options_(std::move(options)) {
    layout_.mail_to_peer_bytes = layout_.mail_to_host_bytes = options_.ring_bytes;
    layout_.arena_to_peer_bytes = layout_.arena_to_host_bytes = options_.arena_bytes;
    auto mail = LinkMail::create(layout_);
    auto bells = Bells::create("test.bells", 1);
    auto mirrors = ParkMirrors::create(1);
    if (!mail || !bells || !mirrors) give_up("no memory");
    mail_ = std::move(*mail);
    bells_ = std::move(*bells);
    mirrors_ = std::move(*mirrors);
    parker_ = Parker(bells_[0]);
    parker_.show(mirrors_[0]);
    spawn();
  }

  void run() {
    std::string pending;
    while (true) {
      pollfd polled[] = {{.fd = 0, .events = POLLIN, .revents = 0},
                         {.fd = stream_ ? stream_->descriptor() : -1, .events = POLLIN, .revents = 0}};
      // Who is shown when this host sleeps wakes it by the stream. The others' rings are looked at each millisecond.
      if (options_.pipes && !deaf_) parker_.lie_down();
      ::poll(polled, 2, read_rings() ? 0 : options_.pipes && welcomed_ && !deaf_ ? 250 : 1);
      if (options_.pipes && !deaf_) parker_.get_up();
      if (stream_ && polled[1].revents != 0) read_stream();
      reap();
      if (polled[0].revents != 0) {
        char bytes[65536];
        const ssize_t count = ::read(0, bytes, sizeof bytes);
        if (count <= 0) return;
        pending.append(bytes, static_cast<std::size_t>(count));
        for (std::size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
          obey(pending.substr(0, end));
        }
      }
    }
  }

 private:
  template <class... Parts>
  void say(const Parts&... parts) {
    (std::cout << ... << parts) << std::endl;
  }

  void spawn() {
    auto incarnation = Incarnation::create(layout_, options_.pipes ? Trust::untrusted : Trust::trusted);
    auto pair = options_.pipes ? pipe_pair() : control_pair();
    auto back = pipe_pair();
    if (!incarnation || !pair || !back) give_up("no memory, or no sockets");
    if (number_ != 0) take_over(*incarnation);
    incarnation_ = std::move(*incarnation);
    ++number_;
    end_ = incarnation_.host_end(0);
    if (number_ == 1) {
      mail_out_ = RingProducer(mail_.producer(0, end_->mail_consumer));
      if (options_.arena_bytes != 0) bodies_out_ = mail_.body_producer(0, end_->returns);
    } else {
      if (bodies_out_) bodies_out_.switch_consumer(mail_out_.cursor(), end_->returns);
      mail_out_.switch_consumer(end_->mail_consumer);
    }
    welcomed_ = false;
    child_ = ::fork();
    if (!options_.pipes) {
      if (child_ == 0) exec({pair->second.get()}, "3");
      stream_.emplace(std::move(pair->first), ControlStream::Descriptors::refused);
    } else {
      if (child_ == 0) exec({pair->first.get(), back->second.get()}, "3,4");
      stream_.emplace(std::move(back->first), std::move(pair->second), std::move(pair->first));
    }
  }

  [[noreturn]] void exec(std::vector<int> descriptors, const char* numbers) {
    // Out of the way of the numbers that they become.
    for (int& descriptor : descriptors) descriptor = ::fcntl(descriptor, F_DUPFD, 16);
    for (std::size_t i = 0; i < descriptors.size(); ++i) {
      ::dup2(descriptors[i], static_cast<int>(3 + i));
      ::close(descriptors[i]);
    }
    ::setenv("RINGMAIL_FDS", numbers, 1);
    if (!options_.log.empty()) {
      const int log = ::open(options_.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
    }
    ::execvp(options_.command[0], options_.command.data());
    ::_exit(127);
  }

  /// What the runtime does for a successor, in a host with one lane.
  void take_over(Incarnation& next) {
    const auto unfinished = mail_out_.unfinished();
    const Resume resume{
        .cursor = unfinished.cursor, .tail = mail_out_.tail(), .sequence = unfinished.sequence, .attempt = number_};
    if (!next.resume_at(0, resume)) give_up("cannot write the resume words");
  }

  bool read_rings() {
    if (!welcomed_ || deaf_) return false;
    bool any = false;
    while (const auto frame = end_->control_in.peek()) {
      any = true;
      if (frame->head.kind == FrameKind::no_reply) {
        say("no_reply ", frame->head.correlation, ' ', frame->head.type);
      } else if (frame->head.kind == FrameKind::reply) {
        say("reply ", frame->head.correlation, ' ', frame->head.type, ' ', to_hex(frame->payload, frame->length));
      }
      end_->control_in.advance();
    }
    while (const auto frame = end_->mail_in.peek()) {
      any = true;
      if (frame->head.kind == FrameKind::signal) {
        say(frame->head.type == 2 ? "monitor " : "demonitor ", frame->head.sender, ' ', frame->head.target);
      } else {
        const bool is_large = frame->head.kind == FrameKind::large;
        const std::size_t before = is_large ? sizeof(BodyPlace) : 0;
        if (is_large) show_body({frame->payload, frame->length});
        say("mail ", frame->head.target, ' ', frame->head.type, ' ', frame->head.correlation, ' ',
            to_hex(frame->payload + before, frame->length - before));
      }
      end_->mail_in.advance();
    }
    const bool mail_wanted = end_->mail_in.store_cursor();
    const bool control_wanted = end_->control_in.store_cursor();
    if (mail_wanted || control_wanted) end_->bell.ring();
    return any;
  }

  /// Held until the test says so.
  void show_body(std::span<const std::byte> payload) {
    const auto body = end_->bodies_in->take(payload);
    if (!body) give_up(std::string(to_string(body.error())));
    held_.push_back(*body);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < body->length; ++i) sum += std::to_integer<std::uint64_t>(body->data[i]);
    say("body ", body->length, ' ', sum);
  }

  void read_stream() {
    while (stream_) {
      auto frame = stream_->receive();
      if (!frame) {
        stream_.reset();
        say("closed");
        return;
      }
      if (!*frame) return;
      handle(**frame);
    }
  }

  void handle(const ControlFrame& frame) {
    if (frame.kind == ControlKind::hello) return welcome(frame);
    if (frame.kind == ControlKind::ready) {
      if (!incarnation_.seal_peer()) give_up("cannot seal what the peer writes");
      welcomed_ = true;
      return say("ready ", child_, ' ', number_);
    }
    if (frame.kind == ControlKind::resolve) {
      const auto asked = decode<Resolve>(frame);
      if (!asked) give_up(to_string(asked.error()));
      const auto found = published_.find(asked->name);
      const bool known = found != published_.end();
      return send(Resolved{.request = asked->request, .found = known, .mailbox = known ? found->second : 0});
    }
    if (frame.kind == ControlKind::failure) {
      const auto failure = decode<Failure>(frame);
      return say("failure ", failure ? one_line(failure->text) : to_string(failure.error()));
    }
    if (frame.kind == ControlKind::log) {
      const auto log = decode<Log>(frame);
      if (!log) return say("log ", to_string(log.error()));
      return say("log ", static_cast<int>(log->level), ' ', one_line(log->text));
    }
    if (frame.kind == ControlKind::refused) {
      const auto refused = decode<Refused>(frame);
      return say("refused ", refused ? one_line(to_string(*refused)) : to_string(refused.error()));
    }
    // It has woken this host, which looks at its rings.
    if (frame.kind == ControlKind::ring) return;
    say(to_string(frame.kind));
  }

  void welcome(const ControlFrame& frame) {
    const auto hello = decode<Hello>(frame);
    if (!hello) give_up(to_string(hello.error()));
    say("hello ", hello->language, ' ', hello->schema.size());
    if (!options_.refusal.empty()) return send(Refused{.code = RefusalCode::schema, .text = options_.refusal});
    std::uint64_t features = features_everywhere | (hello->features & (pipe_doorbell | monitors | peer_log));
    if (options_.pipes) features |= hello->features & (stream_doorbell | by_proc);
    if (options_.arena_bytes != 0 && (!options_.pipes || (features & by_proc) != 0))
      features |= hello->features & large;
    if ((features & pipe_doorbell) != 0 && !incarnation_.open_doorbell()) give_up("no pipe");
    std::vector<int> descriptors;
    const Welcome welcome{
        .version = 1,
        .features = features,
        .incarnation = number_,
        .line_bytes = 64,
        .lanes = 1,
        .mail_to_peer_bytes = layout_.mail_to_peer_bytes,
        .mail_to_host_bytes = layout_.mail_to_host_bytes,
        .control_bytes = layout_.control_bytes,
        .name = "tested",
        .schema = options_.schema,
        .host_pid = static_cast<std::uint32_t>(::getpid()),
        .segments = incarnation_.segments(mail_, options_.pipes ? mirrors_.segment() : bells_.segment(), descriptors,
                                          (features & large) != 0)};
    if (!stream_->send(Welcome::kind, encode(welcome), descriptors)) give_up("cannot send the welcome");
  }

  template <class Message>
  void send(const Message& message) {
    if (!stream_->send(Message::kind, encode(message))) give_up("cannot write to the control stream");
  }

  void reap() {
    int status = 0;
    if (child_ <= 0 || ::waitpid(child_, &status, WNOHANG) != child_) return;
    child_ = 0;
    read_rings();
    read_stream();
    welcomed_ = false;
    if (WIFEXITED(status)) {
      say("exit ", WEXITSTATUS(status));
    } else {
      say("killed ", WTERMSIG(status));
    }
  }

  void put(RingProducer& ring, const FrameHead& head, const std::vector<std::byte>& payload) {
    const auto length = static_cast<std::uint32_t>(payload.size());
    std::byte* room = nullptr;
    while ((room = ring.try_loan(length)) == nullptr) {
      ring.publish();
      end_->bell.ring();
      if (!read_rings()) ::poll(nullptr, 0, 1);
      reap();
      if (child_ == 0) give_up("the ring is full, and the peer is dead");
    }
    if (length != 0) std::memcpy(room, payload.data(), length);
    ring.commit(head);
  }

  void send_large(FrameHead head, const std::vector<std::byte>& message, std::uint64_t length, int fill) {
    std::byte* block = nullptr;
    while ((block = bodies_out_.try_loan(length, mail_out_)) == nullptr) {
      if (!read_rings()) ::poll(nullptr, 0, 1);
      reap();
      if (child_ == 0) give_up("the arena is full, and the peer is dead");
    }
    std::memset(block, fill, length);
    const BodyPlace place = bodies_out_.place_of(block);
    std::vector<std::byte> payload(sizeof place + message.size());
    std::memcpy(payload.data(), &place, sizeof place);
    std::ranges::copy(message, payload.begin() + sizeof place);
    head.kind = FrameKind::large;
    put(mail_out_, head, payload);
    bodies_out_.committed(block, mail_out_);
    publish(mail_out_);
  }

  void publish(RingProducer& ring) {
    if (ring.publish()) end_->bell.ring();
  }

  void obey(const std::string& line) {
    std::istringstream words(line);
    std::string order, payload;
    FrameHead head;
    words >> order;
    if (order == "send" || order == "ask") {
      std::uint64_t count = 1;
      words >> head.type >> head.sender;
      if (order == "ask") words >> head.correlation;
      words >> payload >> count;
      const auto bytes = from_hex(payload);
      for (std::uint64_t i = 0; i < (count != 0 ? count : 1); ++i) put(mail_out_, head, bytes);
      publish(mail_out_);
      say("sent");
    } else if (order == "send_large") {
      // Of so many bytes, each of which is the fill.
      std::uint64_t length = 0;
      int fill = 0;
      words >> head.type >> head.sender >> payload >> length >> fill;
      send_large(head, from_hex(payload), length, fill);
      say("sent");
    } else if (order == "describe") {
      // A message whose body lies where it is said to, or nowhere.
      BodyPlace place{};
      words >> head.type >> place.offset >> place.length >> place.slot >> place.serial;
      head.kind = FrameKind::large;
      std::vector<std::byte> bytes(sizeof place);
      std::memcpy(bytes.data(), &place, sizeof place);
      put(mail_out_, head, bytes);
      publish(mail_out_);
    } else if (order == "give_back") {
      for (const ReceivedBody& body : held_) end_->bodies_in->give_back(body);
      held_.clear();
    } else if (order == "whole") {
      // Whether all of the arena to the peer can be had.
      std::byte* const all = bodies_out_.try_loan(options_.arena_bytes, mail_out_);
      if (all != nullptr) bodies_out_.cancel(all);
      say("whole ", all != nullptr);
    } else if (order == "answer") {
      head.kind = FrameKind::reply;
      words >> head.correlation >> head.type >> payload;
      put(end_->control_out, head, from_hex(payload));
      publish(end_->control_out);
    } else if (order == "decline") {
      head.kind = FrameKind::no_reply;
      words >> head.correlation >> head.type;
      put(end_->control_out, head, {});
      publish(end_->control_out);
    } else if (order == "down") {
      std::uint32_t reason[4] = {};
      head.kind = FrameKind::signal;
      head.type = 4;
      words >> head.target >> head.sender >> reason[0];
      std::getline(words >> std::ws, payload);
      reason[3] = static_cast<std::uint32_t>(payload.size());
      std::vector<std::byte> bytes(sizeof reason + payload.size());
      std::memcpy(bytes.data(), reason, sizeof reason);
      std::memcpy(bytes.data() + sizeof reason, payload.data(), payload.size());
      put(mail_out_, head, bytes);
      publish(mail_out_);
    } else if (order == "stop") {
      const std::uint64_t tail = mail_out_.tail();
      std::vector<std::byte> position(sizeof tail);
      std::memcpy(position.data(), &tail, sizeof tail);
      head.kind = FrameKind::stop;
      put(end_->control_out, head, position);
      publish(end_->control_out);
    } else if (order == "publish") {
      words >> payload >> published_[payload];
    } else if (order == "signal") {
      int number = 0;
      words >> number;
      if (child_ > 0) ::kill(child_, number);
    } else if (order == "deaf" || order == "hear") {
      deaf_ = order == "deaf";
    } else if (order == "restart") {
      spawn();
    } else if (order == "position") {
      say("unfinished ", mail_out_.unfinished().messages);
    } else if (order == "die") {
      ::_exit(0);
    } else {
      give_up("what is '" + line + "'?");
    }
  }

  Options options_;
  LinkLayout layout_;
  LinkMail mail_;
  Bells bells_;
  ParkMirrors mirrors_;
  Parker parker_;
  Incarnation incarnation_;
  std::optional<Incarnation::HostEnd> end_;
  RingProducer mail_out_;
  ArenaProducer bodies_out_;
  std::vector<ReceivedBody> held_;
  std::optional<ControlStream> stream_;
  std::map<std::string, std::uint64_t> published_;
  pid_t child_ = 0;
  std::uint32_t number_ = 0;
  bool welcomed_ = false;
  bool deaf_ = false;
};

Options read_options(int count, char** words) {
  Options options;
  int i = 1;
  for (; i + 1 < count && std::string(words[i]) != "--"; i += 2) {
    const std::string name = words[i];
    const std::string value = words[i + 1];
    if (name == "--schema") {
      std::ifstream file(value);
      std::ostringstream text;
      text << file.rdbuf();
      options.schema = text.str();
    } else if (name == "--log") {
      options.log = value;
    } else if (name == "--ring") {
      options.ring_bytes = std::stoull(value);
    } else if (name == "--arena") {
      options.arena_bytes = std::stoull(value);
    } else if (name == "--refuse") {
      options.refusal = value;
    } else if (name == "--control") {
      options.pipes = value == "pipes";
    } else {
      give_up("unknown option " + name);
    }
  }
  for (++i; i < count; ++i) options.command.push_back(words[i]);
  if (options.command.empty()) give_up("no command");
  options.command.push_back(nullptr);
  return options;
}

}  // namespace

int main(int count, char** words) {
  ::signal(SIGPIPE, SIG_IGN);
  Host host(read_options(count, words));
  host.run();
  return 0;
}

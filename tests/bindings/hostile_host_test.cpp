// What the peers of every language make of a host that breaks the rules: each refuses or ends, and says why by the same name.
// The bytes are those of bindings/vectors, which the languages with rings of their own also read in their own tests.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../transport/deadline.hpp"
#include "../vectors.hpp"
#include "conformance.mail.hpp"
#include "languages.hpp"
#include "ringmail/transport/control_stream.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/handshake.hpp"
#include "ringmail/transport/link.hpp"

namespace ringmail::test {
namespace {

using namespace transport;

constexpr std::uint64_t patience_ns = 60'000'000'000;  ///< a watchdog, not a measure

/// What a host says and sends, to be spoiled.
struct Draft {
  Welcome welcome;
  std::vector<int> descriptors;
  std::vector<Segment> own;  ///< what was put in place of others

  WelcomeSegment& entry(SegmentRole role) { return welcome.segments[index_of(role)]; }
  /// Another descriptor for that segment.
  void replace(SegmentRole role, int descriptor) {
    descriptors[index_of(role)] = descriptor;
    entry(role).host_fd = static_cast<std::uint32_t>(descriptor);
  }
  /// A new segment in place of that one, of so many bytes, sealed or not.
  void remake(SegmentRole role, std::uint64_t bytes, std::optional<Seal> seal) {
    Segment made = Segment::create("ringmail.test", bytes).value();
    if (seal) {
      EXPECT_TRUE(made.seal(*seal));
    }
    replace(role, made.descriptor());
    own.push_back(std::move(made));
  }

 private:
  std::size_t index_of(SegmentRole role) const {
    for (std::size_t i = 0; i < welcome.segments.size(); ++i) {
      if (welcome.segments[i].role == role) return i;
    }
    ADD_FAILURE() << "no segment " << to_string(role);
    return 0;
  }
};

/// One life of a peer, and this host's end of its link.
class Meeting {
 public:
  explicit Meeting(const Language& language) : language_(language), stream_(start()) {}
  ~Meeting() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    join();
    std::remove(errors_.c_str());
  }

  /// Answers the hello. False: no hello came.
  bool welcome(const std::function<void(Draft&)>& spoil) {
    const auto first = next();
    if (!first) return false;
    const auto hello = decode<Hello>(*first);
    EXPECT_TRUE(hello);
    std::uint64_t features = features_everywhere | (hello->features & (pipe_doorbell | monitors));
    if (language_.by_pipes) features |= stream_doorbell;
    if ((features & pipe_doorbell) != 0 && !incarnation_.open_doorbell()) return false;
    Draft draft;
    auto segments =
        incarnation_.segments(mail_, language_.by_pipes ? mirrors_.segment() : bells_.segment(), draft.descriptors);
    draft.welcome = {.features = features,
                     .incarnation = 1,
                     .mail_to_peer_bytes = layout_.mail_to_peer_bytes,
                     .mail_to_host_bytes = layout_.mail_to_host_bytes,
                     .control_bytes = layout_.control_bytes,
                     .name = "tested",
                     .schema = std::string(conformance::ringmail_schema),
                     .host_pid = static_cast<std::uint32_t>(::getpid()),
                     .segments = std::move(segments)};
    spoil(draft);
    const auto payload = encode(draft.welcome);
    EXPECT_TRUE(stream_->send(Welcome::kind, payload, draft.descriptors));
    own_ = std::move(draft.own);
    return true;
  }

  /// What it says next; nothing: its stream has ended.
  std::optional<ControlFrame> next() {
    auto frame = stream_->receive_until(monotonic_ns() + patience_ns);
    if (!frame) return std::nullopt;
    EXPECT_TRUE(*frame) << "nothing comes";
    return std::move(*frame);
  }

  bool is_ready() {
    const auto frame = next();
    return frame && frame->kind == ControlKind::ready && incarnation_.seal_peer();
  }

  /// Has it start in the middle of a line.
  void resume_within_a_line() { EXPECT_TRUE(incarnation_.resume_at(0, {.cursor = 32, .tail = 32})); }
  /// Puts these bytes where its mail begins, the commit word last, and rings.
  void put_mail(const std::string& bytes) {
    std::byte* data = mail_.producer(0, nullptr).data;
    std::memcpy(data + 8, bytes.data() + 8, bytes.size() - 8);
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    transport::detail::word_at(data, 0).store(word);
    ring();
  }
  void put_control(const FrameHead& head, const std::string& payload) {
    auto end = incarnation_.host_end(0);
    std::memcpy(end.control_out.try_loan(static_cast<std::uint32_t>(payload.size())), payload.data(), payload.size());
    end.control_out.commit(head);
    end.control_out.publish();
    end.bell.ring();
  }
  /// The status with which it exits, and what it wrote on stderr.
  std::pair<int, std::string> end() {
    while (const auto frame = next()) {
      const auto asked = decode<Resolve>(*frame);
      if (!asked) continue;
      EXPECT_TRUE(stream_->send(Resolved::kind, encode(Resolved{asked->request, true, 1})));
    }
    const int status = join();
    return {status, errors()};
  }
  std::string errors() const {
    std::ifstream file(errors_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  void ring() { incarnation_.host_end(0).bell.ring(); }

  std::unique_ptr<ControlStream> start() {
    const auto pair = [] {
      int ends[2];
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
      return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
    };
    const auto pipe = [] {
      int ends[2];
      EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
      return std::pair(Descriptor(ends[0]), Descriptor(ends[1]));
    };
    if (!language_.by_pipes) {
      auto [ours, theirs] = pair();
      spawn({theirs.get()});
      return std::make_unique<ControlStream>(std::move(ours), ControlStream::Descriptors::refused);
    }
    auto [their_in, our_out] = pipe();
    auto [our_in, their_out] = pipe();
    spawn({their_in.get(), their_out.get()});
    return std::make_unique<ControlStream>(std::move(our_in), std::move(our_out), std::move(their_in));
  }

  /// With these descriptors as its numbers 3 and on.
  void spawn(const std::vector<int>& inherited) {
    pid_ = fork();
    if (pid_ != 0) return;
    std::string numbers;
    std::vector<int> copies;
    for (const int number : inherited) copies.push_back(fcntl(number, F_DUPFD, 100));
    for (std::size_t i = 0; i < copies.size(); ++i) {
      const int number = 3 + static_cast<int>(i);
      dup2(copies[i], number);
      close(copies[i]);
      numbers += (i == 0 ? "" : ",") + std::to_string(number);
    }
    const int errors = open(errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(errors, STDERR_FILENO);
    setenv("RINGMAIL_FDS", numbers.c_str(), 1);
    std::vector<std::string> words = language_.command;
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int join() {
    int status = 0;
    if (pid_ > 0) waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  const Language& language_;
  // The rings of the vectors.
  LinkLayout layout_ = {.mail_to_peer_bytes = 4096, .mail_to_host_bytes = 1 << 14, .control_bytes = 4096};
  LinkMail mail_ = LinkMail::create(layout_).value();
  Incarnation incarnation_ =
      Incarnation::create(layout_, language_.by_pipes ? Trust::untrusted : Trust::trusted).value();
  Bells bells_ = Bells::create("ringmail.test", 1).value();
  ParkMirrors mirrors_ = ParkMirrors::create(1).value();
  std::vector<Segment> own_;
  std::string errors_ = testing::TempDir() + "ringmail.hostile." + std::to_string(::getpid());
  pid_t pid_ = -1;
  std::unique_ptr<ControlStream> stream_;
};

class HostileHostOf : public testing::TestWithParam<Language> {
 protected:
  void SetUp() override { transport::test::start_watchdog(); }
};

INSTANTIATE_TEST_SUITE_P(Of, HostileHostOf, testing::ValuesIn(languages()), [](const auto& info) {
  return info.param.name;
});

TEST_P(HostileHostOf, is_refused_where_its_segments_are_not_what_they_must_be) {
  const std::uint64_t mail_bytes = 4096 + 4096;
  struct Attack {
    const char* name;
    std::function<void(Draft&)> spoil;
    bool is_of_seals = false;
  };
  const Attack attacks[] = {
      {"another size is announced", [](Draft& draft) { draft.entry(SegmentRole::mail).bytes += 4096; }},
      {"it is shorter than is announced",
       [](Draft& draft) { draft.remake(SegmentRole::mail, 4096, Seal::no_more_writers); }},
      {"it is longer than is announced",
       [=](Draft& draft) { draft.remake(SegmentRole::mail, mail_bytes + 4096, Seal::no_more_writers); }},
      {"it is no memory", [](Draft& draft) { draft.replace(SegmentRole::host, STDIN_FILENO); }},
      {"it has no seals", [=](Draft& draft) { draft.remake(SegmentRole::mail, mail_bytes, std::nullopt); }, true},
      {"others may write it", [=](Draft& draft) { draft.remake(SegmentRole::mail, mail_bytes, Seal::shared_writers); },
       true},
      {"a lane too many", [](Draft& draft) { draft.welcome.lanes = 2; }},
      {"a descriptor too few",
       [](Draft& draft) {
         draft.descriptors.pop_back();
         draft.welcome.segments.back().host_fd = 1'000'000;
       }},
  };
  {
    Meeting meeting(GetParam());
    ASSERT_TRUE(meeting.welcome([](Draft&) {}));
    ASSERT_TRUE(meeting.is_ready()) << meeting.errors();
  }
  for (const Attack& attack : attacks) {
    // Java cannot ask for seals: bindings/java/README.md.
    if (attack.is_of_seals && GetParam().name == "java") continue;
    SCOPED_TRACE(attack.name);
    Meeting meeting(GetParam());
    ASSERT_TRUE(meeting.welcome(attack.spoil));
    const auto answer = meeting.next();
    ASSERT_TRUE(answer);
    const auto refused = decode<Refused>(*answer);
    ASSERT_TRUE(refused) << to_string(refused.error());
    EXPECT_EQ(refused->code, RefusalCode::bad_segment);
    EXPECT_NE(refused->text, "");
    const auto [status, errors] = meeting.end();
    EXPECT_GT(status, 0);
    EXPECT_NE(errors, "");
  }
}

/// The vectors of frames that no producer may write, by the name of their fault; those that are where a new ring starts.
TEST_P(HostileHostOf, is_left_with_the_name_of_what_its_frames_are) {
  std::map<std::string, Vector> one_of_each;
  for (const Vector& vector : vectors_of("frames.txt")) {
    if (vector.verb == "bad" && vector.words.at(0) == "0") one_of_each.emplace(vector.words.at(2), vector);
  }
  ASSERT_GE(one_of_each.size(), 4u);
  const std::map<std::string, std::string> said = {
      {"sequence_gap", "a frame is out of sequence"},
      {"unknown_kind", "a frame has an unknown kind"},
      {"frame_too_long", "a frame is longer than half the ring"},
      {"padding_length", "a padding frame does not end where the ring ends"}};
  for (const auto& [fault, vector] : one_of_each) {
    if (!said.contains(fault)) continue;
    SCOPED_TRACE(vector.name);
    Meeting meeting(GetParam());
    ASSERT_TRUE(meeting.welcome([](Draft&) {}));
    ASSERT_TRUE(meeting.is_ready()) << meeting.errors();
    meeting.put_mail(bytes_of(vector.words.at(1)));
    const auto [status, errors] = meeting.end();
    EXPECT_GT(status, 0);
    EXPECT_NE(errors.find(said.at(fault)), std::string::npos) << errors;
  }
}

TEST_P(HostileHostOf, is_left_where_frames_cannot_start_at_the_cursor_that_it_wrote) {
  Meeting meeting(GetParam());
  meeting.resume_within_a_line();
  ASSERT_TRUE(meeting.welcome([](Draft&) {}));
  const auto [status, errors] = meeting.end();
  EXPECT_GT(status, 0);
  EXPECT_NE(errors.find("the cursor"), std::string::npos) << errors;
  EXPECT_NE(errors.find("not on a frame boundary"), std::string::npos) << errors;
}

TEST_P(HostileHostOf, is_left_where_a_frame_is_on_a_ring_that_has_no_place_for_it) {
  using enum FrameKind;
  struct Attack {
    const char* name;
    FrameHead head;
    std::string payload;
    bool is_mail;
  };
  const Attack attacks[] = {
      {"a stop as mail", {.kind = stop}, std::string(8, '\0'), true},
      {"a reply as mail", {.kind = reply, .correlation = 1}, "", true},
      {"a ping as mail", {.kind = ping}, "", true},
      {"a link as mail", {.kind = FrameKind::signal, .type = 5}, "", true},
      {"a message on control", {.kind = message, .type = 1}, "", false},
      {"a signal on control", {.kind = FrameKind::signal, .type = 4}, "", false},
      {"a stop of four bytes", {.kind = stop}, std::string(4, '\0'), false},
      {"a body without arenas", {.kind = large, .type = 1}, std::string(32, '\0'), true},
  };
  for (const Attack& attack : attacks) {
    SCOPED_TRACE(attack.name);
    Meeting meeting(GetParam());
    ASSERT_TRUE(meeting.welcome([](Draft&) {}));
    ASSERT_TRUE(meeting.is_ready()) << meeting.errors();
    if (attack.is_mail) {
      FrameHeader header{};
      header.commit = std::bit_cast<std::uint64_t>(CommitWord{
          .length = static_cast<std::uint32_t>(attack.payload.size()), .kind = attack.head.kind, .sequence = 0});
      header.type = attack.head.type;
      header.correlation = attack.head.correlation;
      meeting.put_mail(std::string(reinterpret_cast<const char*>(&header), sizeof header) + attack.payload);
    } else {
      meeting.put_control(attack.head, attack.payload);
    }
    const auto [status, errors] = meeting.end();
    EXPECT_GT(status, 0);
    EXPECT_NE(errors, "");
  }
}

}  // namespace
}  // namespace ringmail::test

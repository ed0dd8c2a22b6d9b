// A peer that is ready and floods its control stream with frames that are allowed: nobody else waits for it, and the host
// keeps only so much for it.
#include <csignal>
#include <string>

#include "good_peer.hpp"

namespace ringmail::runtime {
namespace {

using std::chrono::milliseconds;
using test::Footprint;
using testing::HasSubstr;

/// 4 MiB of answers of 21 bytes, each with what it costs to keep it.
constexpr std::size_t backlog_kib = 64 * 1024;

class ControlFlood : public GoodPeer {
 protected:
  std::uint32_t flood(const std::string& behaviour) {
    PeerOptions options = test_peer({behaviour});
    options.name = "flooder";
    options.deadlines.drain = milliseconds(100);
    const auto link = host_->spawn(options);
    host_->log().await("peer 'flooder': handshaking -> running");
    return link;
  }

  /// For which reason depends on where the kill cuts its stream.
  void end(std::uint32_t link) {
    host_->signal(link, SIGKILL);
    host_->await_end(link);
  }

  /// A good peer joins meanwhile, and the memory stays what it was.
  void expect_calm(std::size_t growth = growth_kib) {
    const Footprint before = Footprint::now();
    expect_service(50, after(milliseconds(1000)));
    if (memory_is_ours) {
      const auto is_as_before = [&](const Footprint& now) { return now.resident_kib <= before.resident_kib + growth; };
      EXPECT_TRUE(is_as_before(footprint_once(is_as_before))) << before << " became " << Footprint::now();
    }
  }
};

TEST_F(ControlFlood, of_questions_keeps_nobody_waiting_and_takes_no_memory) {
  const auto link = flood("flood-of-questions");
  expect_calm();
  end(link);
}

TEST_F(ControlFlood, of_questions_whose_answers_are_not_read_ends_the_link) {
  const auto link = flood("flood-of-questions-without-ears");
  expect_calm(backlog_kib);
  const Ending ending = host_->await_end(link);
  EXPECT_EQ(ending.reason.kind, ExitReason::Kind::protocol);
  EXPECT_THAT(ending.reason.text, HasSubstr("the other side does not read its control stream"));
}

TEST_F(ControlFlood, of_failures_is_one_line_in_the_log) {
  const auto link = flood("flood-of-failures");
  expect_calm();
  EXPECT_EQ(host_->log().count("it reports a failure"), 1U);
  end(link);
}

TEST_F(ControlFlood, of_lines_for_the_log_is_kept_back) {
  const auto link = flood("flood-of-lines");
  expect_calm();
  host_->log().await("more such lines within a second");
  end(link);
}

TEST_F(ControlFlood, of_goodbyes_is_one_goodbye) {
  const auto link = flood("flood-of-goodbyes");
  expect_calm();
  EXPECT_EQ(host_->log().count("it said goodbye"), 1U);
  host_->await_end(link);
}

TEST_F(ControlFlood, does_not_outlive_its_sender) {
  const auto link = flood("flood-of-questions");
  host_->reactor().stop_peer(link);
  host_->await_end(link);
}

}  // namespace
}  // namespace ringmail::runtime

// A peer that writes wrong words into every page it may write, while its host reads them. RINGMAIL_MUTATIONS says how
// many, RINGMAIL_SEED repeats its choices.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attacked_host.hpp"
#include "mutator.hpp"

namespace ringmail::test {
namespace {

/// The attacker's count, in a file that all its incarnations map.
class ProgressFile {
 public:
  explicit ProgressFile(std::uint64_t wanted) : path_(testing::TempDir() + "ringmail.XXXXXX") {
    const int descriptor = mkstemp(path_.data());
    if (descriptor < 0 || ftruncate(descriptor, sizeof(Progress)) != 0) std::abort();
    void* memory = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) std::abort();
    close(descriptor);
    progress_ = static_cast<Progress*>(memory);
    progress_->wanted = wanted;
  }
  ProgressFile(const ProgressFile&) = delete;
  ~ProgressFile() {
    munmap(progress_, sizeof(Progress));
    unlink(path_.c_str());
  }
  Progress* operator->() { return progress_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Progress* progress_;
};

std::uint64_t wanted_mutations() {
  const char* given = std::getenv("RINGMAIL_MUTATIONS");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : RINGMAIL_MUTATIONS;
}

class MutationTest : public AttackedHost, public testing::WithParamInterface<bool> {};

TEST_P(MutationTest, the_host_survives_every_word_names_every_end_and_no_other_link_notices) {
  ProgressFile progress(wanted_mutations());
  start_good_peer();
  ASSERT_TRUE(system().publish("sink", system().spawn_on<Sink>(0, seen_)));
  ASSERT_TRUE(system().publish("waiter", system().spawn_on<Waiter>(1, seen_)));
  PeerOptions options = attacker({"mutate", progress.path(), std::to_string(transport::test::seed())});
  options.trusted = GetParam();
  const auto spawned = system().spawn_peer<attack::Peer>(options);
  ASSERT_TRUE(spawned) << spawned.error();
  system().spawn_on<Watcher>(0, endings_, *spawned);
  for (std::uint32_t i = 0; i < 4; ++i) system().spawn_on<Asker>(i, seen_, *spawned);

  const std::uint64_t began_ns = runtime::now_ns();
  std::uint64_t made = 0;
  // As long as it gets on: how long it takes is the machine's.
  while (made < progress->wanted &&
         until([&] { return progress->made >= made + std::min<std::uint64_t>(500, progress->wanted - made); })) {
    made = progress->made;
    transport::test::start_watchdog();
  }
  ASSERT_GE(made, progress->wanted);
  const double seconds = static_cast<double>(runtime::now_ns() - began_ns) / 1e9;
  EXPECT_TRUE(until([&, sofar = seen_.round_trips.load()] { return seen_.round_trips > sofar + 100; }));

  const auto good = expect_good_peer_well();
  const auto attacker_end = system().stop_and_wait(*spawned);
  const std::uint64_t lives = system().runtime().incarnation(spawned->address().link);
  ASSERT_TRUE(until([&] { return endings_.are_all.load(); }));
  const auto endings = endings_.all();
  // The last may have been stopped before it was ready.
  EXPECT_TRUE(endings.size() == lives || endings.size() == lives + 1) << endings.size() << " of " << lives;

  const auto names = named_errors();
  std::map<std::string, int> seen;
  for (std::size_t life = 0; life + 1 < endings.size(); ++life) {
    EXPECT_EQ(endings[life].kind, ExitReason::Kind::protocol) << to_string(endings[life]);
    EXPECT_TRUE(names.contains(endings[life].text)) << endings[life].text;
    ++seen[endings[life].text];
  }
  EXPECT_EQ(seen_.wrong, 0u);

  system().shutdown();
  const auto counters = system().counters();
  EXPECT_EQ(counters.sent + good.received + attacker_end.account.received, counters.messages + counters.dead_letters);

  // It did what it is meant to do.
  EXPECT_GT(lives, made / 1000);
  EXPECT_GT(seen.size(), made >= 50'000 ? 6u : 2u);
  EXPECT_GT(seen_.notes, made / 100);
  EXPECT_GT(seen_.answered, 10u);
  EXPECT_GT(seen_.not_answered, 10u);
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("%llu mutations in %.1f s, %llu lives; %llu messages taken, %llu dead letters, %llu of %llu answered\n",
              number(made), seconds, number(lives), number(seen_.notes), number(counters.dead_letters),
              number(seen_.answered), number(seen_.answered + seen_.not_answered));
  std::printf("beside it %llu round trips, the slowest %.1f ms\n", number(seen_.round_trips),
              static_cast<double>(seen_.slowest_ns) / 1e6);
  for (const auto& [name, times] : seen) std::printf("  %6d %s\n", times, name.c_str());
}

INSTANTIATE_TEST_SUITE_P(Peers, MutationTest, testing::Bool(), [](const auto& trusted) {
  return trusted.param ? "trusted" : "untrusted";
});

}  // namespace
}  // namespace ringmail::test

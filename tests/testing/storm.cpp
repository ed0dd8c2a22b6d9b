#include "storm.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "../actors/tracked.hpp"
#include "ringmail/testing/simulation.hpp"

namespace ringmail::testing::test {
namespace {

using namespace std::chrono_literals;
using ringmail::test::Token;
using std::chrono::microseconds;

struct Work {
  Token token;
  int hops = 0;  // each message leads to fewer, so that it ends
};
struct Question {
  Token token;
  int hops = 0;
};
struct Nudge {
  Token token;
};
/// The nth of one life of one actor to another.
struct Numbered {
  std::uint64_t life = 0;
  std::uint64_t n = 0;
};
struct Bell {};
struct Plain {
  Token token;
};

class Node;
class Echo;

struct Field {
  explicit Field(Simulation& of) : simulation(of) {}

  static constexpr std::size_t size = 8;
  static constexpr std::uint64_t most_spawned = 40;
  static constexpr std::size_t echoes = 3;

  Simulation& simulation;
  Mailbox<Node> places[size];
  std::vector<Mailbox<Node>> supervised;
  Mailbox<Echo> echo[echoes];
  std::uint64_t lives = 0;
  std::uint64_t spawned = 0;
  std::int64_t running = 0;  // handlers that have begun and not ended
  std::uint64_t handled = 0;
  std::uint64_t received = 0;
  std::uint64_t continued = 0;  // continuations that have run
  std::int64_t open_asks = 0;   // of actors that live: asked and not settled
  bool is_over = false;
  StormReport report;
  std::string wrong;

  void note(const std::string& what) {
    if (wrong.empty()) wrong = what;
  }
  Mailbox<Node> pick(std::uint64_t number) const {
    const std::size_t which = number % (size + supervised.size());
    return which < size ? places[which] : supervised[which - size];
  }
  void spawn(std::size_t place);
  void spawn_echo(std::size_t place);
};

/// Never waits: so whoever asks it, with no deadline, hears of it, though it be of its end.
class Echo : public Actor {
 public:
  Echo(Field* field, std::size_t place) : field_(*field), place_(place) {}
  Token on(const Plain& plain) const {
    ++field_.handled;
    return plain.token;
  }
  void on(const Nudge&) const {
    ++field_.handled;
    this_actor::stop();
  }
  void stopped(const ExitReason&) override {
    if (!field_.is_over && field_.spawned < Field::most_spawned) field_.spawn_echo(place_);
  }

 private:
  Field& field_;
  std::size_t place_;
};

class Node : public Actor {
 public:
  static constexpr std::size_t nowhere = Field::size;

  Node(Field* field, std::size_t place)
      : field_(*field), place_(place), life_(++field_.lives), random_(life_ + field_.simulation.seed() * 1000) {
    if (place_ == nowhere) ++field_.report.restarts;
  }
  ~Node() override { field_.open_asks -= open_asks_; }

  void on(const Work& work) {
    const Running running(field_);
    act(work.hops);
  }
  Token on(const Question& question) {
    const Running running(field_);
    act(question.hops);
    return question.token;
  }
  void on(const Nudge&) { const Running running(field_); }
  void on(const Bell&) { const Running running(field_); }
  void on(const Exit&) { const Running running(field_); }
  void on(const Down&) { const Running running(field_); }
  void on(const Numbered& numbered) {
    const Running running(field_);
    std::uint64_t& last = last_[numbered.life];
    if (numbered.n <= last) field_.note("messages of one sender are out of order");
    last = numbered.n;
  }

  void stopped(const ExitReason& reason) override {
    if (reason.kind != ExitReason::Kind::normal) ++field_.report.failures;
    // Somebody else takes the place, as long as there is something to do.
    if (place_ != nowhere && !field_.is_over && field_.spawned < Field::most_spawned) field_.spawn(place_);
  }

 private:
  struct Running {
    explicit Running(Field& field) : field_(field) {
      ++field_.running;
      ++field_.handled;
    }
    ~Running() { --field_.running; }
    Field& field_;
  };

  Mailbox<Node> next() { return field_.pick(random_()); }

  void act(int hops) {
    if (hops <= 0) return;
    switch (random_.below(28)) {
      case 0: static_cast<void>(this_actor::sleep_for(microseconds(random_.below(500)))); break;
      case 1:
        if (this_actor::receive<Nudge>(microseconds(random_.below(300)))) ++field_.received;
        break;
      case 2:
        if (random_.below(4) == 0) next().stop();
        break;
      case 3:
        if (random_.below(4) == 0) throw std::runtime_error("as it happens");
        break;
      case 4: this_actor::yield(); break;
      case 5: this_actor::link(next()); break;
      case 6: this_actor::trap_exits(random_.below(2) == 0); break;
      case 7: this_actor::monitor(next()); break;
      case 8: timer_ = this_actor::send_after(microseconds(random_.below(300)), next(), Nudge{Token(1)}); break;
      case 9: timer_.cancel(); break;
      case 10:
        timer_ = this_actor::send_every(microseconds(500 + random_.below(5000)), this_actor::mailbox<Node>(), Bell{});
        break;
      case 11: static_cast<void>(field_.simulation.system().topic<Bell>("bells").publish(Bell{}, 0us)); break;
      case 12:
        static_cast<void>(field_.simulation.system().topic<Bell>("bells").subscribe(this_actor::mailbox<Node>()));
        break;
      case 13: this_actor::unlink(next()); break;
      case 14: static_cast<void>(this_actor::blocking([] {})); break;
      case 15:
      case 16: ask_later(hops); break;
      case 17: static_cast<void>(next().send(Nudge{Token(1)})); break;
      case 18:
      case 19:
      case 20: {
        const Mailbox<Echo> to = field_.echo[random_.below(Field::echoes)];
        if (random_.below(2) == 0) static_cast<void>(to.send(Nudge{Token(1)}));
        const auto answer = ask(to, Plain{Token(1)}, std::chrono::nanoseconds::max());
        ++(answer ? field_.report.answered : field_.report.failed_asks);
        break;
      }
      default: ask_now(hops); break;
    }
    for (std::uint64_t n = random_.below(3); n > 0; --n) {
      const auto timeout = random_.below(8) == 0 ? 0us : 5'000'000us;
      // Copies: the places are others' to change while this waits for room.
      const Mailbox<Node> to = field_.places[random_.below(Field::size)];
      static_cast<void>(next().send(Work{Token(n), hops - 1}, timeout));
      static_cast<void>(to.send(Numbered{life_, ++sent_[to.address().actor.value()]}, timeout));
    }
    // Enough for one line to be full where rings are small.
    if (random_.below(64) == 0) {
      const Mailbox<Node> to = next();
      // From nobody, so that they do not wait for room; yet in the order of their times.
      const std::uint64_t stream = life_ << 20 | ++streams_;
      for (std::uint64_t i = 1; i <= 20; ++i) {
        static_cast<void>(this_actor::send_after(microseconds(10 * i), to, Numbered{stream, i}));
      }
      for (int i = 0; i < 100; ++i) static_cast<void>(to.send(Nudge{Token(1)}, 1ms));
    }
  }

  std::chrono::nanoseconds deadline() {
    return random_.below(4) == 0 ? microseconds(random_.below(50)) : microseconds(20'000);
  }

  void ask_now(int hops) {
    const auto answer = ask(next(), Question{Token(random_()), hops - 1}, deadline());
    ++(answer                                  ? field_.report.answered
       : answer.error() == AskError::timed_out ? field_.report.timed_out
                                               : field_.report.failed_asks);
  }

  void ask_later(int hops) {
    ++open_asks_;
    ++field_.open_asks;
    const auto settled = std::make_shared<int>(0);
    this_actor::ask_then(next(), Question{Token(random_()), hops - 1}, deadline(),
                         [this, settled](std::expected<Token, AskError>) {
                           ++field_.continued;
                           ++field_.report.late_answers;
                           if (++*settled != 1) field_.note("an ask was settled twice");
                           --open_asks_;
                           --field_.open_asks;
                         });
  }

  Field& field_;
  std::size_t place_;
  std::uint64_t life_;
  Random random_;
  Timer timer_;
  std::int64_t open_asks_ = 0;
  std::uint64_t streams_ = 0;
  std::map<std::uint64_t, std::uint64_t> last_;
  std::map<std::uint64_t, std::uint64_t> sent_;  // by whom it is to
};

void Field::spawn(std::size_t place) {
  ++spawned;
  SpawnOptions options;
  if (place % 4 == 3) {
    constexpr Overflow policies[] = {Overflow::block, Overflow::fail, Overflow::drop_newest, Overflow::keep_latest,
                                     Overflow::dead_letters};
    options.mailbox = {.capacity = 1 + static_cast<std::uint32_t>(spawned % 5),
                       .overflow = policies[spawned % std::size(policies)]};
  }
  options.own_lane = place % 3 == 1;
  places[place] = simulation.system().spawn_with<Node>(options, this, place);
  simulation.may_fail(places[place]);
}

void Field::spawn_echo(std::size_t place) {
  ++spawned;
  echo[place] = simulation.system().spawn<Echo>(this, place);
  simulation.may_fail(echo[place]);
}

SimulationOptions options_of(std::uint64_t seed) {
  Random random(seed ^ 0x5eed);
  SimulationOptions options{.seed = seed, .schedulers = 1 + static_cast<std::uint32_t>(random.below(4))};
  options.ring_bytes = random.below(2) == 0 ? 4096 : 16 * 1024;
  if (random.below(2) == 0) options.turn_time = microseconds(random.below(5));
  if (random.below(2) == 0) options.faults.delay = 0.1;
  options.faults.longest_delay = microseconds(1 + random.below(200));
  if (random.below(2) == 0) options.faults.failure = 0.01;
  options.most_turns = 1'000'000;
  return options;
}

std::string check(Field& field, Simulation& simulation, const Mailbox<Supervisor>& supervisor) {
  System& system = simulation.system();
  Random& random = simulation.random();
  for (int i = 0; i < 6; ++i) static_cast<void>(field.pick(random()).send(Work{Token(1), 7}));
  if (random.below(4) != 0) {
    // Nothing under way: no handler has begun without ending, and each message sent has come somewhere.
    field.is_over = random.below(2) == 0;
    const auto is_quiet = [&] { return field.running == 0 && field.open_asks == 0; };
    if (!simulation.run_until(is_quiet, 60s)) {
      return "a handler or an ask has no end (" + std::to_string(field.running) + " handlers, " +
             std::to_string(field.open_asks) + " asks): " + system.explain_shutdown().to_string();
    }
    // Restarts are done, or their supervisor has given up.
    simulation.set_faults({});
    const auto all_up = [&] {
      if (!system.runtime().scheduler(supervisor.address().actor.thread()).is_live(supervisor.address().actor))
        return true;
      const auto children = ask(supervisor, WhichChildren{}, 1s);
      return children &&
             std::ranges::all_of(*children, [](const ChildInfo& child) { return child.state == ChildInfo::State::up; });
    };
    bool up = false;
    for (int tries = 0; tries < 2000 && !(up = all_up()); ++tries) simulation.advance(tries < 20 ? 10ms : 1s);
    if (!up) return "a child was not restarted: " + system.explain_shutdown().to_string();
  }
  field.is_over = true;
  if (!system.shutdown()) return "the shutdown does not end: " + system.explain_shutdown().to_string();
  const auto counters = system.counters();
  field.report.dead_letters = counters.dead_letters;
  field.report.dropped = counters.dropped;
  if (counters.sent != counters.messages + counters.dead_letters + counters.dropped) {
    return "the account: sent " + std::to_string(counters.sent) + ", delivered " + std::to_string(counters.messages) +
           ", dead " + std::to_string(counters.dead_letters) + ", dropped " + std::to_string(counters.dropped);
  }
  if (field.running != 0) return "a handler was left where it stood";
  if (!simulation.problems().empty()) return simulation.problems().front();
  return field.wrong;
}

}  // namespace

std::expected<StormReport, std::string> storm(std::uint64_t seed) {
  std::string wrong;
  StormReport report;
  {
    Simulation simulation(options_of(seed));
    Field field(simulation);
    for (std::size_t place = 0; place < Field::size; ++place) field.spawn(place);
    for (std::size_t place = 0; place < Field::echoes; ++place) field.spawn_echo(place);
    constexpr Strategy strategies[] = {Strategy::one_for_one, Strategy::one_for_all, Strategy::rest_for_one};
    auto tree = supervise(simulation.system(),
                          {.strategy = strategies[simulation.random().below(3)], .intensity = 20, .period = 1s});
    for (int i = 0; i < 3; ++i) {
      constexpr Mail mails[] = {Mail::keep, Mail::flush};
      const auto mail = mails[simulation.random().below(2)];
      field.supervised.push_back(tree.child<Node>({.on_restart = mail}, &field, Node::nowhere));
      simulation.may_fail(field.supervised.back());
    }
    const auto supervisor = tree.start();
    wrong = check(field, simulation, supervisor);
    static_cast<void>(simulation.system().shutdown());
    report = field.report;
    report.trace_hash = simulation.trace().hash();
    report.trace_size = simulation.trace().size();
  }
  if (wrong.empty() && Token::alive != 0) wrong = std::to_string(Token::alive) + " messages have leaked";
  Token::alive = 0;
  if (!wrong.empty()) return std::unexpected(wrong);
  return report;
}

}  // namespace ringmail::testing::test

// Two systems in two processes: how they come to know each other, and how each forgets the other.
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "peer_os.hpp"
#include "ringmail/runtime/clock.hpp"
#include "ringmail/runtime/reactor.hpp"
#include "ringmail/runtime/system.hpp"
#include "system_hello.hpp"
#include "system_link.hpp"

namespace ringmail::runtime {
namespace {

using transport::JoinedLink;
using transport::RefusalCode;

/// One line on failure.
std::expected<void, std::string> look_at_socket(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::unexpected(path + ": " + std::strerror(errno));
  if (!S_ISSOCK(status.st_mode)) return std::unexpected(path + " is not a socket");
  return {};
}

std::expected<void, std::string> look_at_owner(const std::string& path, int socket) {
  const auto host = socket_peer(socket);
  if (!host) return std::unexpected(path + ": " + std::strerror(errno));
  if (host->uid != ::geteuid()) return std::unexpected(path + ": another user listens there");
  return {};
}

}  // namespace

// --- Those that are known

RemoteSystem& System::add_system(std::string name, std::uint64_t id, std::uint32_t schedulers) {
  const std::lock_guard lock(links_mutex_);
  const auto first = static_cast<std::uint32_t>(links_.size() + 1);
  RemoteSystem& system = *systems_.emplace_back(std::make_unique<RemoteSystem>(std::move(name), id, first, schedulers));
  for (std::uint32_t i = 0; i < schedulers; ++i) {
    Link& entry = *links_.emplace_back(std::make_unique<Link>());
    entry.name = SystemHello{.scheduler = i, .name = system.name()}.link_name();
    entry.system = &system;
    entry.end = PeerEnd{.reason = {.text = "it has not connected yet"}, .account = {}};
  }
  live_systems_.push_back(&system);
  live_system_count_.store(live_systems_.size(), std::memory_order_relaxed);
  return system;
}

void System::forget_system(RemoteSystem& system, const ExitReason& reason) {
  const std::lock_guard lock(systems_mutex_);
  system.end(reason);
  std::erase(live_systems_, &system);
  live_system_count_.store(live_systems_.size(), std::memory_order_relaxed);
}

RemoteSystem* System::system_behind(std::uint32_t link) const {
  const std::lock_guard lock(links_mutex_);
  return link >= 1 && link <= links_.size() ? links_[link - 1]->system : nullptr;
}

bool System::let_in(RemoteSystem& system, ActorId actor) {
  if (actor.thread() >= schedulers_.size() || system.has_ended()) return false;
  system.let_in(actor);
  // As with a name: it may have ended before it was there to be forgotten.
  if (schedulers_[actor.thread()]->is_live(actor)) return true;
  system.shut_out(actor);
  return false;
}

std::expected<RemoteSystem*, std::string> System::wait_for_system(std::string_view name,
                                                                  std::chrono::nanoseconds timeout) {
  assert(Scheduler::current() == nullptr);
  const std::uint64_t deadline = Deadline::after(timeout).at_ns();
  std::unique_lock lock(systems_mutex_);
  while (true) {
    const auto found = std::ranges::find_if(
        live_systems_, [&](const auto* system) { return system->name() == name && system->is_connected(); });
    if (found != live_systems_.end()) return *found;
    const std::uint64_t now = now_ns();
    if (now >= deadline) return std::unexpected("no system '" + std::string(name) + "' has connected in time");
    systems_changed_.wait_for(lock,
                              std::chrono::nanoseconds(std::min<std::uint64_t>(deadline - now, 3'600'000'000'000)));
  }
}

std::expected<Address, std::string> System::lookup(RemoteSystem& system,
                                                   std::string name,
                                                   std::chrono::nanoseconds timeout) {
  assert(Scheduler::current() == nullptr);
  // The other side would end the link over a name that cannot be one.
  if (!transport::decode<transport::Resolve>(encode(transport::Resolve{.name = name})))
    return std::unexpected("'" + name + "' is not a name");
  if (is_gone() || system.has_ended()) return std::unexpected(system.name() + ": the link has ended");
  struct Answer {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<ActorId> actor;
  };
  auto answer = std::make_shared<Answer>();
  reactor_->lookup(system.first_link(), name, [answer](ActorId actor) {
    const std::lock_guard lock(answer->mutex);
    answer->actor = actor;
    answer->changed.notify_all();
  });
  std::unique_lock lock(answer->mutex);
  const auto longest = std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(1));
  if (!answer->changed.wait_for(lock, longest, [&] { return answer->actor.has_value(); })) {
    return std::unexpected(system.name() + " did not answer where '" + name + "' is");
  }
  if (const Address address = system.address_of(*answer->actor)) return address;
  return std::unexpected(system.has_ended() ? system.name() + ": the link has ended"
                                            : "no actor of " + system.name() + " has the name '" + name + "'");
}

// --- Those that connect

std::expected<std::uint32_t, transport::Refusal> System::admit(const SystemHello& hello) {
  const std::lock_guard lock(systems_mutex_);
  if (hello.id == id_) {
    return std::unexpected(transport::Refusal{RefusalCode::not_allowed, "a system does not connect to itself"});
  }
  const auto found =
      std::ranges::find_if(live_systems_, [&](const auto* system) { return system->name() == hello.name; });
  RemoteSystem* system = found != live_systems_.end() ? *found : nullptr;
  if (system != nullptr && (system->id() != hello.id || system->schedulers() != hello.schedulers)) {
    return std::unexpected(
        transport::Refusal{RefusalCode::busy, "a system is connected as '" + hello.name + "' already"});
  }
  if (system == nullptr) system = &add_system(hello.name, hello.id, hello.schedulers);
  const std::uint32_t link = system->first_link() + hello.scheduler;
  Link& entry = link_entry(link);
  const std::lock_guard entry_lock(entry.mutex);
  entry.end.reset();
  return link;
}

void System::admitted_ended(std::uint32_t link, const ExitReason& reason, const LinkAccount& account) {
  end_link(link, reason, account);
  RemoteSystem& system = *link_entry(link).system;
  forget_system(system, reason);
  // None of it can do without the others.
  for (std::uint32_t i = 0; i < system.schedulers(); ++i) reactor_->end_with_system(system.first_link() + i, reason);
}

void System::end_link(std::uint32_t link, const ExitReason& reason, const LinkAccount& account) {
  Link& entry = link_entry(link);
  const std::lock_guard lock(entry.mutex);
  entry.end = PeerEnd{.reason = reason, .account = account};
  entry.changed.notify_all();
  groups_.forget({link, {}});
}

// --- Those that are connected to

std::expected<JoinedEnds, std::string> System::shake_hands(const std::string& path,
                                                           const ConnectOptions& options) const {
  if (auto there = look_at_socket(path); !there) return std::unexpected(std::move(there.error()));
  const auto timeout_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(options.timeout.count(), 1));
  const std::uint64_t deadline_ns = Deadline::after(options.timeout).at_ns();
  const std::string name = options.name.empty() ? "system-" + std::to_string(::getpid()) : options.name;
  std::uint64_t features = transport::features_everywhere | transport::between_systems;
  if (ordering_ == transport::Ordering::asymmetric) features |= transport::asymmetric_barrier;
  JoinedEnds ends;
  for (std::uint32_t i = 0; i < schedulers(); ++i) {
    JoinedLink& link = *ends.emplace_back(std::make_unique<JoinedLink>());
    if (link.connect(path.c_str(), timeout_ns) != 0) return std::unexpected(link.error());
    if (auto owner = look_at_owner(path, link.stream().descriptor()); !owner) {
      return std::unexpected(std::move(owner.error()));
    }
    const SystemHello said{.id = id_, .scheduler = i, .schedulers = schedulers(), .name = name};
    const transport::Hello hello{.features = features,
                                 .pid = static_cast<std::uint32_t>(::getpid()),
                                 .wanted_ring_bytes = options.mail_bytes,
                                 .language = "c++",
                                 .name = said.link_name(),
                                 .token = said.token(),
                                 .schema = options.schema};
    if (link.greet(hello, deadline_ns) != 0) return std::unexpected(path + ": " + link.error());
    const transport::Welcome& first = ends.front()->welcome();
    const transport::Welcome& welcome = link.welcome();
    if ((welcome.features & transport::between_systems) == 0 || welcome.incarnation == 0) {
      return std::unexpected(path + ": the host there awaits a peer of that name, and no system");
    }
    if (welcome.incarnation != first.incarnation || welcome.lanes != first.lanes) {
      return std::unexpected(path + ": another system listens there since a moment ago");
    }
    if (link.say_ready() != 0) return std::unexpected(path + ": " + link.error());
  }
  return ends;
}

std::expected<RemoteSystem*, std::string> System::connect(const std::string& path, const ConnectOptions& options) {
  assert(Scheduler::current() == nullptr && "a scheduler's thread must not wait for a handshake");
  const auto failed = [](const std::string& why) { return std::unexpected("cannot connect to a system: " + why); };
  if (is_gone() || phase_ != SystemPhase::running) return failed("this one has ended");
  auto ends = shake_hands(path, options);
  if (!ends) return failed(ends.error());
  const transport::Welcome& welcome = ends->front()->welcome();
  RemoteSystem* system = nullptr;
  {
    const std::lock_guard lock(systems_mutex_);
    system = &add_system(path, welcome.incarnation, welcome.lanes);
    for (std::uint32_t i = 0; i < system->schedulers(); ++i) {
      Link& entry = link_entry(system->first_link() + i);
      const std::lock_guard entry_lock(entry.mutex);
      entry.end.reset();
    }
  }
  if (auto joined = reactor_->join(*system, std::move(*ends)); !joined) {
    joined_ended(*system, {.text = joined.error()}, {});
    return failed(joined.error());
  }
  // The schedulers are about to open their lanes: no time-out, but an end.
  if (!system->wait_until_connected(Deadline::never)) return failed(to_string(system->wait_for_end()));
  return system;
}

void System::open_joined(RemoteSystem& system, JoinedEnds& ends, std::function<void()> done) {
  on_all(
      [&system, &ends](Scheduler& scheduler) {
        JoinedLink& link = *ends[scheduler.index()];
        // A lane is polled before its bell can be rung: what was rung before is found by the first poll.
        for (std::uint32_t i = 0; i < system.schedulers(); ++i) {
          scheduler.open_joined_lane(system.first_link() + i, link.lane(i), link.ordering(), system);
        }
        scheduler.add_bell(link.bell());
      },
      std::move(done));
}

void System::close_joined(RemoteSystem& system, JoinedEnds& ends, std::function<void(LinkAccount)> done) {
  struct Sum {
    std::mutex mutex;
    LinkAccount account;
  };
  auto sum = std::make_shared<Sum>();
  on_all(
      [&system, &ends, sum](Scheduler& scheduler) {
        for (std::uint32_t i = 0; i < system.schedulers(); ++i) {
          const LinkAccount lane = scheduler.settle_lane(system.first_link() + i).account;
          scheduler.close_lane(system.first_link() + i);
          const std::lock_guard lock(sum->mutex);
          sum->account += lane;
        }
        scheduler.remove_bell(ends[scheduler.index()]->bell());
      },
      [sum, done = std::move(done)] { done(sum->account); });
}

void System::joined_ended(RemoteSystem& system, const ExitReason& reason, const LinkAccount& account) {
  for (std::uint32_t i = 0; i < system.schedulers(); ++i) {
    end_link(system.first_link() + i, reason, i == 0 ? account : LinkAccount{});
  }
  forget_system(system, reason);
}

}  // namespace ringmail::runtime

#include "ringmail/runtime/reactor.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "host_keeper.hpp"
#include "io_hub.hpp"
#include "joined_system.hpp"
#include "kept_peer.hpp"
#include "peer_supervisor.hpp"
#include "reactor_listener.hpp"
#include "reactor_loop.hpp"
#include "system_hello.hpp"

namespace ringmail::runtime {
namespace {

/// Signals to the program are for its own threads. What a thread does to itself is not blocked, nor is SIGCHLD, which stands
/// in where there are no death watches.
sigset_t signals_of_others() {
  sigset_t set;
  sigfillset(&set);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF, SIGCHLD}) {
    sigdelset(&set, number);
  }
  return set;
}

}  // namespace

class Reactor::Impl {
 public:
  Impl(const ReactorOptions& options, LinkOwner& owner, std::unique_ptr<ReactorLoop> loop)
      : log_(options.log),
        owner_(owner),
        loop_(std::move(loop)),
        io_(std::make_shared<IoHub>(*loop_)),
        accepts_systems_(options.accept_systems),
        containment_(std::in_place, options.peer_cgroup, *log_) {}

  std::expected<void, std::string> listen(const std::string& path);
  void run();
  std::expected<void, std::string> spawn_peer(std::uint32_t link,
                                              const PeerOptions& options,
                                              std::function<void(ExitReason, LinkAccount)> ended);
  std::expected<void, std::string> join(RemoteSystem& system, JoinedEnds ends);
  void post(std::function<void()> task) { loop_->post(std::move(task)); }
  int pid(std::uint32_t link) const;
  void stop();
  const std::shared_ptr<IoHub>& io() const { return io_; }
  bool is_stopped() const { return !thread_.joinable(); }

  /// Null for one that has ended. On the reactor's thread, as all that follows.
  PeerSupervisor* find(std::uint32_t link);
  JoinedSystem* find_joined(std::uint32_t link);

 private:
  using Ended = std::function<void(ExitReason, LinkAccount)>;

  /// What is made before the reactor hears of a peer.
  struct Opening {
    LinkMemory memory;
    std::unique_ptr<PeerLog> file;
    std::optional<KeptPeer> kept;
  };
  void open(std::uint32_t link, SharedProgram program, Opening opening, Ended ended);
  std::expected<void, std::string> find_kept();
  std::expected<std::optional<KeptPeer>, std::string> prepare_to_outlive(const PeerOptions& options);
  void watch_keeper();
  void keeper_lost();
  void end_unclaimed();
  void forget(std::uint32_t link);
  void quit_if_done();
  PeerSupervisor* find(const std::string& name);
  std::optional<transport::Refusal> objection(const transport::Hello& hello);
  void attach(transport::ControlStream stream, SocketPeer peer, const transport::Hello& hello);
  void admit(transport::ControlStream stream, SocketPeer peer, const transport::Hello& hello);
  std::unique_ptr<PeerSupervisor>& place(std::uint32_t link,
                                         SharedProgram program,
                                         LinkMemory memory,
                                         std::unique_ptr<PeerLog> file,
                                         std::function<void()> awaited,
                                         Ended ended);

  std::shared_ptr<spdlog::logger> log_;
  LinkOwner& owner_;
  std::string listen_;                  // absolute; empty: none
  std::unique_ptr<HostKeeper> keeper_;  // where this listens
  std::unique_ptr<ReactorLoop> loop_;
  const std::shared_ptr<IoHub> io_;
  std::thread thread_;
  bool listens_ = false;
  const bool accepts_systems_;

  // The reactor's thread's. Destroyed before the loop.
  std::optional<PeerContainment> containment_;  // ends with the thread: nothing is left when it is stopped
  std::unique_ptr<ReactorListener> listener_;
  std::unique_ptr<LoopWatch> keeper_watch_;
  std::unique_ptr<LoopTimer> unclaimed_timer_;
  Introductions introductions_{*log_};
  std::map<std::uint32_t, std::unique_ptr<PeerSupervisor>> peers_;
  std::map<std::uint32_t, std::unique_ptr<JoinedSystem>> joined_;  // by their first links
  bool quitting_ = false;

  mutable std::mutex mutex_;  // guards what follows
  bool stopping_ = false;
  std::set<std::string> names_;
  std::map<std::uint32_t, int> pids_;
  ExecHelper keeper_helper_;
  std::map<std::string, KeptPeer> kept_;  // that nobody here has asked for yet
};

std::expected<void, std::string> Reactor::Impl::listen(const std::string& path) {
  ReactorListener::Callbacks callbacks{
      .objection = [this](const transport::Hello& hello) { return objection(hello); },
      .attach = [this](transport::ControlStream stream, SocketPeer peer,
                       const transport::Hello& hello) { attach(std::move(stream), std::move(peer), hello); },
  };
  auto listener = ReactorListener::open(*loop_, path, *log_, std::move(callbacks));
  if (!listener) return std::unexpected(std::move(listener.error()));
  listener_ = std::move(*listener);
  listens_ = true;
  listen_ = std::filesystem::absolute(path).string();
  return find_kept();
}

/// What a host before this one has left. It is dead: this one has the lock of the path.
std::expected<void, std::string> Reactor::Impl::find_kept() {
  auto keeper = HostKeeper::find(listen_);
  if (!keeper) return std::unexpected(std::move(keeper.error()));
  keeper_ = std::move(*keeper);
  containment_->use(*keeper_);
  std::chrono::nanoseconds longest(0);
  for (KeptItem& item : keeper_->take_items()) {
    longest = std::max(longest, item.time);
    const std::string name = item.name;
    if (auto peer = KeptPeer::of(std::move(item))) {
      kept_.emplace(name, std::move(*peer));
    } else {
      log_->error("peer '{}': what was kept of it is lost: {}", name, peer.error());
      keeper_->drop(name);
    }
  }
  if (kept_.empty()) return {};
  post([this, longest] {
    unclaimed_timer_ = std::make_unique<LoopTimer>(*loop_);
    unclaimed_timer_->set(longest, [this] { end_unclaimed(); });
  });
  return {};
}

/// Peers that this host has no use for.
void Reactor::Impl::end_unclaimed() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, peer] : kept_) {
    log_->warn(
        "peer '{}' was kept for this host, which has not spawned it: its process {} is killed, its mail given up", name,
        peer.pid);
    peer.end();
    keeper_->drop(name);
  }
  kept_.clear();
}

/// With mutex_. Whoever outlives this host is held by somebody before it runs.
std::expected<std::optional<KeptPeer>, std::string> Reactor::Impl::prepare_to_outlive(const PeerOptions& options) {
  const auto failed = [&](const std::string& why) {
    return std::unexpected("peer '" + options.name + "': outlives_host: " + why);
  };
  if (!listens_) return failed("there is no socket for it to come back to (SystemOptions::listen)");
  const transport::Outlive told{.time_ns = 1, .path = listen_, .token = "x"};
  if (!transport::decode<transport::Outlive>(encode(told))) {
    return failed("the path of the socket is too long, or not UTF-8: " + listen_);
  }
  if (auto prepared = keeper_helper_.prepare(); !prepared) return failed(prepared.error());
  if (auto started = keeper_->start(keeper_helper_); !started) return failed(started.error());
  const auto found = kept_.find(options.name);
  if (found == kept_.end()) return std::nullopt;
  const transport::LinkLayout& layout = found->second.note.layout;
  if (layout.lanes != owner_.schedulers() || layout.mail_to_peer_bytes > options.mail_bytes) {
    return failed(fmt::format("it was kept with {} schedulers and rings of {} bytes, and this host has {} and {}",
                              layout.lanes, layout.mail_to_peer_bytes, owner_.schedulers(), options.mail_bytes));
  }
  std::optional<KeptPeer> kept(std::move(found->second));
  kept_.erase(found);
  return kept;
}

/// Its end is seen on its stream.
void Reactor::Impl::watch_keeper() {
  if (keeper_watch_ || keeper_ == nullptr || keeper_->stream() < 0) return;
  auto watch = LoopWatch::create(*loop_, keeper_->stream(), [this](unsigned) { keeper_lost(); });
  if (!watch) return log_->error("the keeper cannot be watched: {}", std::strerror(watch.error()));
  keeper_watch_ = std::move(*watch);
  keeper_watch_->watch(LoopWatch::readable);
}

/// Somebody has killed it: another one is told of all.
void Reactor::Impl::keeper_lost() {
  if (keeper_watch_) keeper_watch_->stop();
  post([this] {
    if (quitting_) return;
    keeper_watch_.reset();
    {
      const std::lock_guard lock(mutex_);
      keeper_->lose();
      if (auto started = keeper_->start(keeper_helper_); !started) {
        return log_->error("{}: peers do not outlive this host any more", started.error());
      }
    }
    log_->warn("the keeper of peers that outlive this host had ended, and another one was started");
    watch_keeper();
    for (const auto& [link, peer] : peers_) {
      if (!peer->has_ended()) peer->keep();
    }
  });
}

void Reactor::Impl::run() {
  sigset_t before;
  const sigset_t blocked = signals_of_others();
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  thread_ = std::thread([this] { loop_->run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
#ifdef __linux__
  pthread_setname_np(thread_.native_handle(), "rm-reactor");
#endif
}

std::expected<void, std::string> Reactor::Impl::spawn_peer(std::uint32_t link,
                                                           const PeerOptions& options,
                                                           Ended ended) {
  if (auto checked = check(options); !checked) return std::unexpected(std::move(checked.error()));
  if (options.command.empty() && !listens_) {
    return std::unexpected("peer '" + options.name + "' has no command, and there is no socket for it to attach at");
  }
  auto command = command_of(options);
  if (!command) return std::unexpected(std::move(command.error()));
  auto memory = LinkMemory::create(options, owner_.schedulers());
  if (!memory) return std::unexpected(std::move(memory.error()));
  auto file = PeerLog::open(options, *log_);
  if (!file) return std::unexpected(std::move(file.error()));
  // Shared, because a task can be copied.
  auto shared =
      std::make_shared<Opening>(Opening{.memory = std::move(*memory), .file = std::move(*file), .kept = std::nullopt});

  const std::lock_guard lock(mutex_);
  if (stopping_) return std::unexpected("peer '" + options.name + "': the reactor is being stopped");
  if (names_.contains(options.name)) return std::unexpected("there is a peer '" + options.name + "' already");
  if (options.outlives_host.count() > 0) {
    auto kept = prepare_to_outlive(options);
    if (!kept) return std::unexpected(std::move(kept.error()));
    shared->kept = std::move(*kept);
  }
  names_.insert(options.name);
  auto program = std::make_shared<const PeerProgram>(options, std::move(*command));
  post([this, link, program = std::move(program), shared, ended = std::move(ended)] {
    open(link, program, std::move(*shared), ended);
  });
  return {};
}

int Reactor::Impl::pid(std::uint32_t link) const {
  const std::lock_guard lock(mutex_);
  const auto found = pids_.find(link);
  return found == pids_.end() ? 0 : found->second;
}

void Reactor::Impl::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  assert(std::this_thread::get_id() != thread_.get_id());
  // After every spawn_peer() that succeeded, and before none.
  post([this] {
    listener_.reset();
    quitting_ = true;
    keeper_watch_.reset();
    unclaimed_timer_.reset();
    for (const auto& [link, peer] : peers_) peer->stop();
    for (const auto& [link, system] : joined_) system->leave();
    quit_if_done();
  });
  thread_.join();
  containment_.reset();
}

PeerSupervisor* Reactor::Impl::find(std::uint32_t link) {
  const auto found = peers_.find(link);
  return found == peers_.end() || found->second->has_ended() ? nullptr : found->second.get();
}

PeerSupervisor* Reactor::Impl::find(const std::string& name) {
  for (const auto& [link, peer] : peers_) {
    if (peer->name() == name && !peer->has_ended()) return peer.get();
  }
  return nullptr;
}

void Reactor::Impl::open(std::uint32_t link, SharedProgram program, Opening opening, Ended ended) {
  watch_keeper();
  auto& supervisor =
      place(link, std::move(program), std::move(opening.memory), std::move(opening.file), nullptr, std::move(ended));
  if (opening.kept) supervisor->be_kept(std::move(*opening.kept));
  supervisor->open();
}

std::unique_ptr<PeerSupervisor>& Reactor::Impl::place(std::uint32_t link,
                                                      SharedProgram program,
                                                      LinkMemory memory,
                                                      std::unique_ptr<PeerLog> file,
                                                      std::function<void()> awaited,
                                                      Ended ended) {
  PeerSupervisor::Callbacks callbacks{
      .pid_changed =
          [this, link](int pid) {
            const std::lock_guard lock(mutex_);
            pids_[link] = pid;
          },
      .awaited = std::move(awaited),
      .ended =
          [this, link, ended = std::move(ended)](ExitReason reason, LinkAccount account) {
            forget(link);
            ended(std::move(reason), std::move(account));
          },
  };
  const PeerHost host{.loop = *loop_,
                      .owner = owner_,
                      .containment = *containment_,
                      .introductions = introductions_,
                      .log = *log_,
                      .keeper = keeper_.get(),
                      .listen = listen_,
                      .keeper_lost = [this] { keeper_lost(); }};
  const auto [place, is_new] =
      peers_.emplace(link, std::make_unique<PeerSupervisor>(host, link, std::move(program), std::move(memory),
                                                            std::move(file), std::move(callbacks)));
  assert(is_new);
  return place->second;
}

/// The name is free at once; the supervisor, in whose callback this is, goes in a later turn.
void Reactor::Impl::forget(std::uint32_t link) {
  {
    const std::lock_guard lock(mutex_);
    names_.erase(peers_.at(link)->name());
    pids_.erase(link);
  }
  post([this, link] {
    peers_.erase(link);
    quit_if_done();
  });
}

void Reactor::Impl::quit_if_done() {
  if (!quitting_ || !peers_.empty() || !joined_.empty()) return;
  // After the peers, for which handlers may still have to read or write.
  io_->end();
  loop_->quit();
}

std::optional<transport::Refusal> Reactor::Impl::objection(const transport::Hello& hello) {
  using transport::Refusal;
  using transport::RefusalCode;
  if (PeerSupervisor* const peer = find(hello.name)) {
    if (const auto system = SystemHello::of(hello); system && !peer->is_awaited()) {
      return Refusal{RefusalCode::busy, "a system is connected as '" + system->name + "' already"};
    }
    return peer->objection(hello);
  }
  if ((hello.features & transport::between_systems) == 0) {
    return Refusal{RefusalCode::unknown_name, "no peer '" + hello.name + "' is awaited here"};
  }
  if (!accepts_systems_) {
    return Refusal{RefusalCode::not_allowed, "this system lets no other in (SystemOptions::accept_systems)"};
  }
  if (!SystemHello::of(hello)) return Refusal{RefusalCode::malformed, "its token does not say which system it is"};
  return std::nullopt;
}

void Reactor::Impl::attach(transport::ControlStream stream, SocketPeer peer, const transport::Hello& hello) {
  if (PeerSupervisor* const awaited = find(hello.name))
    return awaited->attach(std::move(stream), std::move(peer), hello);
  admit(std::move(stream), std::move(peer), hello);
}

/// A scheduler of another system: a peer that is made for whoever has come.
void Reactor::Impl::admit(transport::ControlStream stream, SocketPeer peer, const transport::Hello& hello) {
  using transport::RefusalCode;
  const auto refuse = [&](const transport::Refusal& refusal) {
    log_->warn("system '{}': process {} was refused: {}", hello.name, peer.pid, to_string(refusal));
    static_cast<void>(stream.send(refusal.kind, encode(refusal)));
  };
  PeerOptions options;
  options.name = hello.name;
  options.schema = owner_.system_schema();
  if (hello.wanted_ring_bytes != 0) options.mail_bytes = hello.wanted_ring_bytes;
  if (auto checked = check(options); !checked) return refuse({RefusalCode::ring_size, std::move(checked.error())});
  auto memory = LinkMemory::create(options, owner_.schedulers());
  if (!memory) return refuse({RefusalCode::busy, std::move(memory.error())});
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !names_.insert(options.name).second)
      return refuse({RefusalCode::busy, stopping_ ? "this system is being shut down" : "that name is taken"});
  }
  const auto link = owner_.admit(*SystemHello::of(hello));
  if (!link) {
    const std::lock_guard lock(mutex_);
    names_.erase(options.name);
    return refuse(link.error());
  }
  // Shared, because a function can be copied.
  struct Arrival {
    transport::ControlStream stream;
    SocketPeer peer;
    transport::Hello hello;
  };
  auto arrival = std::make_shared<Arrival>(std::move(stream), std::move(peer), hello);
  auto& supervisor = place(
      *link, std::make_shared<const PeerProgram>(std::move(options), PeerCommand{}), std::move(*memory), nullptr,
      [this, link = *link, arrival] {
        peers_.at(link)->attach(std::move(arrival->stream), std::move(arrival->peer), arrival->hello);
      },
      [this, link = *link](const ExitReason& reason, const LinkAccount& account) {
        owner_.admitted_ended(link, reason, account);
      });
  supervisor->be_system(owner_.id());
  supervisor->open();
}

std::expected<void, std::string> Reactor::Impl::join(RemoteSystem& system, JoinedEnds ends) {
  auto shared = std::make_shared<JoinedEnds>(std::move(ends));
  const std::lock_guard lock(mutex_);
  if (stopping_) return std::unexpected("this system is being shut down");
  post([this, &system, shared] {
    const std::uint32_t link = system.first_link();
    const auto [place, is_new] = joined_.emplace(
        link, std::make_unique<JoinedSystem>(*loop_, owner_, *log_, system, std::move(*shared), [this, link] {
          post([this, link] {
            joined_.erase(link);
            quit_if_done();
          });
        }));
    assert(is_new);
    place->second->open();
  });
  return {};
}

/// Null for one that has ended.
JoinedSystem* Reactor::Impl::find_joined(std::uint32_t link) {
  const auto behind = joined_.upper_bound(link);
  if (behind == joined_.begin()) return nullptr;
  JoinedSystem& system = *std::prev(behind)->second;
  return system.system().holds(link) ? &system : nullptr;
}

Reactor::Reactor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Reactor::~Reactor() { assert(impl_->is_stopped()); }

std::expected<std::unique_ptr<Reactor>, std::string> Reactor::start(const ReactorOptions& options, LinkOwner& owner) {
  auto loop = ReactorLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto impl = std::make_unique<Impl>(options, owner, std::move(*loop));
  if (!options.listen.empty()) {
    if (auto listening = impl->listen(options.listen); !listening) return std::unexpected(std::move(listening.error()));
  }
  impl->run();
  return std::unique_ptr<Reactor>(new Reactor(std::move(impl)));
}

std::expected<void, std::string> Reactor::spawn_peer(std::uint32_t link,
                                                     const PeerOptions& options,
                                                     std::function<void(ExitReason, LinkAccount)> ended) {
  return impl_->spawn_peer(link, options, std::move(ended));
}

void Reactor::stop_peer(std::uint32_t link) {
  impl_->post([impl = impl_.get(), link] {
    if (PeerSupervisor* peer = impl->find(link)) peer->is_held() ? peer->recycle() : peer->stop();
    if (JoinedSystem* system = impl->find_joined(link)) system->leave();
  });
}

void Reactor::restart_peer(std::uint32_t link) {
  impl_->post([impl = impl_.get(), link] {
    if (PeerSupervisor* peer = impl->find(link)) peer->release();
  });
}

void Reactor::end_peer(std::uint32_t link) {
  impl_->post([impl = impl_.get(), link] {
    if (PeerSupervisor* peer = impl->find(link)) peer->stop();
  });
}

void Reactor::peer_status(std::uint32_t link, std::function<void(std::optional<PeerStatus>)> done) {
  impl_->post([impl = impl_.get(), link, done = std::move(done)] {
    PeerSupervisor* const peer = impl->find(link);
    done(peer != nullptr ? std::optional(peer->status()) : std::nullopt);
  });
}

void Reactor::replace_peer(std::uint32_t link, PeerReplacement replacement, std::function<void(ReplaceOutcome)> done) {
  impl_->post([impl = impl_.get(), link, replacement = std::move(replacement), done = std::move(done)] {
    if (PeerSupervisor* const peer = impl->find(link)) return peer->replace(replacement, done);
    done(std::unexpected(ReplaceError{.kind = ReplaceError::Kind::not_found}));
  });
}

void Reactor::end_with_system(std::uint32_t link, const ExitReason& reason) {
  impl_->post([impl = impl_.get(), link, reason] {
    if (PeerSupervisor* peer = impl->find(link)) peer->end_with(reason);
  });
}

void Reactor::peer_broke_protocol(std::uint32_t link, std::string what) {
  impl_->post([impl = impl_.get(), link, what = std::move(what)] {
    if (PeerSupervisor* peer = impl->find(link)) peer->broke_protocol(what);
    if (JoinedSystem* system = impl->find_joined(link)) system->broke_protocol(what);
  });
}

std::expected<void, std::string> Reactor::join(RemoteSystem& system, JoinedEnds ends) {
  return impl_->join(system, std::move(ends));
}

void Reactor::lookup(std::uint32_t link, std::string name, std::function<void(ActorId)> done) {
  impl_->post([impl = impl_.get(), link, name = std::move(name), done = std::move(done)] {
    if (JoinedSystem* system = impl->find_joined(link)) return system->lookup(name, done);
    if (PeerSupervisor* peer = impl->find(link)) return peer->lookup(name, done);
    done({});
  });
}

void Reactor::drained(std::uint32_t link) {
  impl_->post([impl = impl_.get(), link] {
    if (JoinedSystem* system = impl->find_joined(link)) system->drained();
  });
}

int Reactor::peer_pid(std::uint32_t link) const { return impl_->pid(link); }

void Reactor::post(std::function<void()> task) { impl_->post(std::move(task)); }

const std::shared_ptr<IoHub>& Reactor::io() const { return impl_->io(); }

void Reactor::stop() { impl_->stop(); }

}  // namespace ringmail::runtime

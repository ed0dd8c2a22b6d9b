#include "joined_system.hpp"

#include <spdlog/spdlog.h>

#include <cstring>
#include <utility>

#include "ringmail/transport/handshake.hpp"

namespace ringmail::runtime {

using transport::ControlFrame;
using transport::ControlKind;
using Kind = ExitReason::Kind;

JoinedSystem::JoinedSystem(ReactorLoop& loop,
                           LinkOwner& owner,
                           spdlog::logger& log,
                           RemoteSystem& system,
                           JoinedEnds ends,
                           std::function<void()> ended)
    : loop_(loop),
      owner_(owner),
      log_(log),
      system_(system),
      links_(std::move(ends)),
      ended_(std::move(ended)),
      undrained_(links_.size() * system.schedulers()) {}

void JoinedSystem::open() {
  owner_.open_joined(system_, links_, [this] {
    is_open_ = true;
    if (is_ending_) return settle();
    watch();
    if (is_ending_) return;
    log_.info("connected to the system at {}: process {}, {} schedulers", system_.name(),
              links_.front()->welcome().host_pid, system_.schedulers());
    for (std::uint32_t i = 0; i < system_.schedulers(); ++i) {
      owner_.up(system_.first_link() + i, 1, links_.front()->ordering(), false);
    }
  });
}

void JoinedSystem::watch() {
  if (auto process = socket_peer(links_.front()->stream().descriptor())) process_ = std::move(*process);
  // Without a death watch the end of a stream has to do. A child of that process may keep it open.
  if (process_.death_watch) {
    auto death = LoopWatch::create(loop_, process_.death_watch.get(), [this](unsigned) {
      end({.kind = Kind::failed, .text = "its process is gone"}, false);
    });
    if (death) {
      death_ = std::move(*death);
      death_->watch(LoopWatch::readable);
    }
  }
  for (std::size_t i = 0; i < links_.size() && !is_ending_; ++i) {
    auto stream = LoopWatch::create(loop_, links_[i]->stream().descriptor(), [this, i](unsigned ready) {
      if ((ready & LoopWatch::writable) != 0) static_cast<void>(links_[i]->stream().flush());
      if ((ready & LoopWatch::readable) != 0) read(i);
      if (!is_ending_) rearm(i);
    });
    if (!stream) {
      return end({.kind = Kind::failed, .text = std::string("its control stream: ") + std::strerror(stream.error())},
                 true);
    }
    watches_.push_back(std::move(*stream));
    rearm(i);
  }
}

void JoinedSystem::rearm(std::size_t end) {
  const unsigned writing = links_[end]->stream().wants_write() ? unsigned{LoopWatch::writable} : 0;
  watches_[end]->watch(LoopWatch::readable | writing);
}

void JoinedSystem::read(std::size_t number) {
  for (int frames = 0; frames < frames_a_turn && !is_ending_; ++frames) {
    auto frame = links_[number]->stream().receive();
    if (!frame) {
      const bool is_closed = frame.error() == transport::StreamError::closed;
      return end({.kind = is_closed ? Kind::failed : Kind::protocol,
                  .text = is_closed ? "its process is gone, or has closed the link" : to_string(frame.error())},
                 false);
    }
    if (!*frame) return;
    if (!take(number, **frame)) {
      return broke_protocol(std::string(to_string((*frame)->kind)) + " on the control stream is malformed, or not due");
    }
  }
}

bool JoinedSystem::take(std::size_t number, const ControlFrame& frame) {
  switch (frame.kind) {
    case ControlKind::resolve: {
      const auto asked = transport::decode<transport::Resolve>(frame);
      if (!asked) return false;
      owner_.resolve(
          system_.first_link(), asked->name,
          [this, number, request = asked->request, alive = std::weak_ptr(alive_)](ActorId actor) {
            if (alive.expired() || is_ending_) return;
            send(number,
                 transport::Resolved{.request = request, .found = static_cast<bool>(actor), .mailbox = actor.value()});
          });
      return true;
    }
    case ControlKind::resolved: {
      const auto answer = transport::decode<transport::Resolved>(frame);
      if (answer) lookups_.answer(answer->request, ActorId(answer->mailbox));
      return answer.has_value();
    }
    default: return false;
  }
}

template <class Message>
void JoinedSystem::send(std::size_t number, const Message& message) {
  // A failure shows again, with its reason, when reading.
  static_cast<void>(links_[number]->stream().send(Message::kind, encode(message)));
  rearm(number);
}

void JoinedSystem::lookup(const std::string& name, NameLookups::Done done) {
  if (!is_open_ || is_ending_) return done({});
  send(0, transport::Resolve{.request = lookups_.add(std::move(done)), .name = name});
}

void JoinedSystem::leave() { end({}, true); }

void JoinedSystem::broke_protocol(const std::string& what) {
  log_.error("the system at {} broke the protocol: {}", system_.name(), what);
  end({.kind = Kind::protocol, .text = what}, false);
}

void JoinedSystem::drained() {
  if (--undrained_ == 0) end({}, true);
}

/// The first reason stands.
void JoinedSystem::end(ExitReason reason, bool in_order) {
  if (std::exchange(is_ending_, true)) return;
  reason_ = std::move(reason);
  in_order_ = in_order;
  // Else as soon as the schedulers have its lanes.
  if (is_open_) settle();
}

void JoinedSystem::settle() {
  // Not destroyed yet: one of them may be who calls.
  for (const auto& watch : watches_) watch->stop();
  if (death_) death_->stop();
  owner_.close_joined(system_, links_, [this](LinkAccount account) { settled(std::move(account)); });
}

void JoinedSystem::settled(LinkAccount account) {
  if (!account.fault.empty() && reason_.kind != Kind::protocol) {
    reason_ = {.kind = Kind::protocol, .text = account.fault};
  }
  // What was sent is published: who is told goodbye reads it first.
  for (const auto& link : links_) {
    if (in_order_) static_cast<void>(link->stream().send(ControlKind::goodbye, encode(transport::Goodbye{})));
  }
  watches_.clear();
  death_.reset();
  links_.clear();
  lookups_.fail();
  log_.info("the link to the system at {} has ended: {}; {} messages sent, {} not read, {} received", system_.name(),
            to_string(reason_), account.published, account.unfinished, account.received);
  for (std::uint32_t i = 0; i < system_.schedulers(); ++i) owner_.down(system_.first_link() + i, reason_);
  owner_.joined_ended(system_, reason_, account);
  ended_();
}

}  // namespace ringmail::runtime

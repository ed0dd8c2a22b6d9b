// A peer process that is no process: it is at the other end of real rings, and the simulation has its turns.
//
//     testing::FakePeer pricer(simulation, "pricer");
//     pricer.on<market::Tick>([](const market::Tick& tick) { return market::Quote{.bid = tick.price}; });
//     auto quotes = simulation.system().spawn_peer<market::Pricer>({.name = "pricer", .restart = ...});
//
// Whoever spawns a peer of that name gets this one, once; commands are not looked at. It dies and comes back as processes do: what
// it had not finished waits for its next incarnation, and options.restart, or a supervisor, decides whether there will be one.
//
// Threads: the simulation's.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "ringmail/actors/message_type.hpp"
#include "ringmail/testing/simulation.hpp"

namespace ringmail::testing {

namespace detail {

struct FakeAnswer {
  std::uint32_t type = 0;  ///< 0: there is none
  std::string bytes{};
};

/// What a fake peer does, and what has become of it. Shared by the test and the simulation.
struct FakeBehaviour {
  std::string name;
  std::map<std::uint32_t, std::function<FakeAnswer(const std::byte* payload, std::uint32_t length)>> handlers{};
  std::uint64_t incarnation = 0;  ///< 0: it has not been up
  bool is_up = false;
  bool is_to_die = false;
  std::uint64_t dies_at = 0;  ///< with that message in hand, counted over its lives; 0: with none
  std::uint64_t taken = 0;
};

}  // namespace detail

class FakePeer {
 public:
  FakePeer(Simulation& simulation, std::string name);

  /// `handler` takes a const M&, and its result is the answer; void: Done. It must not send or wait.
  template <WireMessage M, std::invocable<const M&> Handler>
  FakePeer& on(Handler handler) {
    using R = std::invoke_result_t<Handler&, const M&>;
    behaviour_->handlers[M::ringmail_type] = [handler = std::move(handler)](const std::byte* payload,
                                                                            std::uint32_t length) mutable {
      ringmail::detail::Room<M> room;
      if (!message_type<M>.copy_from_wire(payload, length, room.place())) return detail::FakeAnswer();
      room.filled();
      if constexpr (std::is_void_v<R>) {
        handler(room.get());
        return detail::FakeAnswer{.type = Done::ringmail_type};
      } else {
        static_assert(WireMessage<R>, "an answer crosses to another process");
        ringmail::detail::Room<R> answer;
        ::new (answer.place()) R(handler(room.get()));
        detail::FakeAnswer result{.type = R::ringmail_type};
        result.bytes.resize(message_type<R>.length_between_processes(answer.place()));
        message_type<R>.move_to_wire(reinterpret_cast<std::byte*>(result.bytes.data()), answer.place());
        return result;
      }
    };
    return *this;
  }

  /// As by SIGKILL: at its next turn, before it takes anything more.
  void die() { behaviour_->is_to_die = true; }
  /// With the nth message from now in hand: it is not handled, and the next incarnation gets it again.
  void die_at(std::uint64_t nth) { behaviour_->dies_at = behaviour_->taken + nth; }

  bool is_up() const { return behaviour_->is_up; }
  /// Which of its lives this is, counted from 1; 0: it has not been up.
  std::uint64_t incarnation() const { return behaviour_->incarnation; }
  /// Messages that it took, those included that it died with.
  std::uint64_t taken() const { return behaviour_->taken; }

 private:
  std::shared_ptr<detail::FakeBehaviour> behaviour_;
};

}  // namespace ringmail::testing

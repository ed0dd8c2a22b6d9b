#include "ringmail/actors/this_actor.hpp"

#include <stdexcept>

#include "here.hpp"
#include "ringmail/runtime/clock.hpp"

namespace ringmail {
namespace {

std::expected<void, WaitError> result_of(runtime::Wake woken) {
  switch (woken) {
    case runtime::Wake::ready: return {};
    case runtime::Wake::timed_out: return std::unexpected(WaitError::timed_out);
    case runtime::Wake::stopped: return std::unexpected(WaitError::stopped);
    case runtime::Wake::no_stack: break;
  }
  return std::unexpected(WaitError::no_stack);
}

}  // namespace

namespace detail {

runtime::System& this_system() { return *here().system(); }
runtime::Address this_address() { return {0, here().current_cell()->id()}; }
runtime::Address this_sender() { return here().current_cell()->asker().address; }

std::expected<void, WaitError> receive(const runtime::MessageType& type, void* to, std::chrono::nanoseconds timeout) {
  runtime::Asker from;
  return result_of(here().receive(type, to, from, runtime::Deadline::after(timeout)));
}

void monitor(const runtime::Address& whom) {
  runtime::Cell& cell = *here().current_cell();
  const runtime::Binding* down = cell.down();
  if (down == nullptr) throw std::logic_error("an actor that monitors needs on(const ringmail::Down&)");
  here().monitor(whom, cell.id(), *down);
}

void demonitor(const runtime::Address& whom) { here().demonitor(whom, here().current_cell()->id()); }

}  // namespace detail

namespace this_actor {

std::expected<void, WaitError> sleep_for(std::chrono::nanoseconds duration) {
  return result_of(detail::here().sleep_until(runtime::Deadline::after(duration)));
}

void yield() { static_cast<void>(detail::here().yield()); }

void stop() { detail::here().stop(detail::this_address()); }

}  // namespace this_actor
}  // namespace ringmail

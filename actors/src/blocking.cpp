#include "ringmail/actors/blocking.hpp"

#include <cassert>

#include "ringmail/runtime/system.hpp"

namespace ringmail::detail {

std::expected<void, BlockingError> blocking(void (*function)(void*), void* context) {
  runtime::Scheduler* scheduler = runtime::Scheduler::current();
  assert(scheduler != nullptr && scheduler->current_cell() != nullptr && "this_actor is meant for handlers");
  return scheduler->system()->blocking().run(*scheduler, function, context);
}

}  // namespace ringmail::detail

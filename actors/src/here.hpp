// The scheduler whose handler calls.
#pragma once

#include <cassert>

#include "ringmail/runtime/scheduler.hpp"

namespace ringmail::detail {

inline runtime::Scheduler& here() {
  runtime::Scheduler* scheduler = runtime::Scheduler::current();
  assert(scheduler != nullptr && scheduler->current_cell() != nullptr && "this_actor is meant for handlers");
  return *scheduler;
}

}  // namespace ringmail::detail

#include "ringmail/actors/timers.hpp"

#include <algorithm>

#include "here.hpp"

namespace ringmail {

bool Timer::cancel() { return detail::here().cancel(timer_); }

namespace detail {

Timer send_later(const runtime::Address& to,
                 const runtime::Binding& binding,
                 void* object,
                 std::chrono::nanoseconds delay,
                 std::chrono::nanoseconds period,
                 runtime::CopyObject copy) {
  const auto ns = [](std::chrono::nanoseconds duration) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  };
  assert((copy == nullptr || period.count() > 0) && "a period is longer than nothing");
  return Timer(here().send_later(to, binding, object, ns(delay), ns(period), copy));
}

}  // namespace detail
}  // namespace ringmail

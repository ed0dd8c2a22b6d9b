// Functions that block, called by handlers that do not.
//
//     void on(const Load& load) {
//       auto text = ringmail::this_actor::blocking([&] { return read_whole_file(load.path); });
//       if (!text) return;                      // told to stop, or too many calls wait
//       ...
//     }
#pragma once

#include <exception>
#include <expected>
#include <optional>
#include <type_traits>
#include <utility>

#include "ringmail/runtime/blocking_pool.hpp"

namespace ringmail {

using runtime::BlockingError;
using runtime::BlockingOptions;

namespace detail {

std::expected<void, BlockingError> blocking(void (*function)(void*), void* context);

template <class Function>
struct BlockingCall {
  using Result = std::invoke_result_t<Function&>;
  struct Nothing {};
  using Stored = std::conditional_t<std::is_void_v<Result>, Nothing, Result>;

  Function& function;
  std::optional<Stored> result{};
  std::exception_ptr exception{};

  static void run(void* self) noexcept {
    auto& call = *static_cast<BlockingCall*>(self);
    try {
      if constexpr (std::is_void_v<Result>) {
        call.function();
      } else {
        call.result.emplace(call.function());
      }
    } catch (...) {
      call.exception = std::current_exception();
    }
  }
};

}  // namespace detail

namespace this_actor {

/// Runs `function` on a thread of the system's pool (SystemOptions::blocking) and suspends the handler until it has returned: its
/// scheduler runs other actors meanwhile. Gives what the function returns, and throws what it throws, in the handler.
///
/// The function may use whatever the handler may, by reference, but no this_actor: it is on another thread. It may send and ask
/// there as any plain thread may. An error: it was not called and will not be. Once it has begun, a stop of the actor waits for
/// it, and so does the system's shutdown; only afterwards do waits of this handler end with `stopped`.
template <class Function>
  requires(!std::is_reference_v<std::invoke_result_t<std::remove_reference_t<Function>&>>)
std::expected<std::invoke_result_t<std::remove_reference_t<Function>&>, BlockingError> blocking(Function&& function) {
  using Call = detail::BlockingCall<std::remove_reference_t<Function>>;
  using Result = typename Call::Result;
  Call call{.function = function};
  const auto ran = detail::blocking(&Call::run, &call);
  if (!ran) return std::unexpected(ran.error());
  if (call.exception) std::rethrow_exception(std::move(call.exception));
  if constexpr (std::is_void_v<Result>) {
    return {};
  } else {
    return std::move(*call.result);
  }
}

}  // namespace this_actor
}  // namespace ringmail

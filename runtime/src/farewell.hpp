// What the end of an actor is to those who are told of it by the runtime itself, and how that travels between schedulers.
#pragma once

#include <new>
#include <utility>

#include "ringmail/runtime/address.hpp"
#include "ringmail/runtime/exit_reason.hpp"
#include "ringmail/runtime/message.hpp"

namespace ringmail::runtime {

struct Farewell {
  Address who;
  ExitReason reason;
  bool for_good = true;  ///< false: it may be restarted
};

inline constexpr MessageType farewell_type{
    .size = sizeof(Farewell),
    .alignment = alignof(Farewell),
    .name = "ringmail.Farewell",
    .move =
        [](void* to, void* from) noexcept {
          auto* const source = static_cast<Farewell*>(from);
          ::new (to) Farewell(std::move(*source));
          source->~Farewell();
        },
    .destroy = [](void* object) noexcept { static_cast<Farewell*>(object)->~Farewell(); },
};

}  // namespace ringmail::runtime

// A message with a body: any number of bytes, written and read in place, and held for as long as somebody needs them.
//
//     auto room = camera.loan_large(width * height * 3);          // in shared memory where camera is a peer
//     render(room->bytes());
//     camera.send(Large<Frame>{{.width = width, .height = height}, std::move(*room)});
//
//     void on(const Large<Frame>& frame) {
//       show(frame->width, frame->height, frame.bytes());
//       last_ = frame.body;                                       // the bytes stay, and are given back with the last that has them
//     }
//
// Where a protocol accepts an M, a Large<M> can be sent. An actor that has on(const Large<M>&) is also given each M that comes without
// a body; one that has on(const M&) alone is given the message, and its body is dropped. Between actors of one process nothing is shared
// memory, and nothing is copied either. An answer to a peer has no body.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "ringmail/runtime/body.hpp"

namespace ringmail {

using runtime::Body;
using runtime::BodyLoan;

/// Of a message that is declared in a .mail file. A copy shares the body.
template <class M>
struct Large {
  static constexpr std::uint32_t ringmail_type = M::ringmail_type;
  static constexpr std::string_view ringmail_name = M::ringmail_name;

  M message{};
  Body body{};

  const M* operator->() const { return &message; }
  const M& operator*() const { return message; }
  std::span<const std::byte> bytes() const { return body.bytes(); }
};

namespace detail {
template <class M>
inline constexpr bool is_large = false;
template <class M>
inline constexpr bool is_large<Large<M>> = true;

template <class M>
struct WithoutBody {
  using type = M;
};
template <class M>
struct WithoutBody<Large<M>> {
  using type = M;
};
}  // namespace detail

}  // namespace ringmail

// What a C++ type is as a message.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ringmail/runtime/message.hpp"

namespace ringmail {

/// Declared in a .mail file: what crosses process borders. One of fixed size does as it lies, one of variable length is
/// written into the payload and read from it.
template <class M>
concept WireMessage = (std::is_trivially_copyable_v<M> || requires { typename M::ringmail_view; }) && requires {
  { M::ringmail_type } -> std::convertible_to<std::uint32_t>;
  { M::ringmail_name } -> std::convertible_to<std::string_view>;
};

/// The answer of a handler that returns nothing.
struct Done {
  static constexpr std::uint32_t ringmail_type = 0xc68cbb46;  // FNV-1a of the name
  static constexpr std::string_view ringmail_name = "ringmail.Done";
};

namespace detail {

template <class M>
void move_object(void* to, void* from) noexcept {
  M* source = static_cast<M*>(from);
  ::new (to) M(std::move(*source));
  source->~M();
}

template <class M>
void destroy_object(void* object) noexcept {
  static_cast<M*>(object)->~M();
}

template <class M>
bool valid_bytes(const std::byte* bytes, std::uint32_t length) {
  return M::ringmail_valid(std::span(bytes, length));
}

template <class M>
bool read_bytes(const std::byte* bytes, std::uint32_t length, void* to) {
  const std::span payload(bytes, length);
  if constexpr (requires { typename M::ringmail_view; }) {
    const auto view = M::ringmail_view::ringmail_read(payload);
    if (!view) return false;
    ::new (to) M(view->ringmail_copy());
  } else {
    if (!M::ringmail_valid(payload)) return false;
    M* const message = ::new (to) M{};  // of what an older version did not send, the default
    if constexpr (!std::is_empty_v<M>) std::memcpy(message, bytes, std::min<std::size_t>(length, sizeof(M)));
  }
  return true;
}

template <class M>
std::uint32_t wire_length(const void* object) {
  return static_cast<std::uint32_t>(static_cast<const M*>(object)->ringmail_borrow().ringmail_bytes());
}

template <class M>
void write_bytes(const void* object, std::byte* bytes) {
  static_cast<const M*>(object)->ringmail_borrow().ringmail_write(bytes);
}

/// As the compiler writes it: for reports, where a type has no name between processes.
template <class M>
consteval std::string_view type_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("M = ") + 4);
  return name.substr(0, name.find_first_of(";]"));
}

template <class M>
constexpr runtime::MessageType describe() {
  static_assert(std::is_object_v<M> && !std::is_const_v<M>, "a message is a plain object type");
  static_assert(std::is_nothrow_move_constructible_v<M>, "a message must be movable without throwing");
  runtime::MessageType type;
  // What has no fields has no bytes between processes either, where C++ gives it one.
  type.size = std::is_empty_v<M> && std::is_trivially_copyable_v<M> ? 0 : static_cast<std::uint32_t>(sizeof(M));
  type.alignment = static_cast<std::uint32_t>(alignof(M));
  if constexpr (!std::is_trivially_copyable_v<M>) {
    type.move = &move_object<M>;
    type.destroy = &destroy_object<M>;
  }
  type.name = type_name<M>();
  if constexpr (WireMessage<M>) {
    type.id = M::ringmail_type;
    type.name = M::ringmail_name;
    if constexpr (requires(std::span<const std::byte> bytes) { M::ringmail_valid(bytes); }) {
      type.valid = &valid_bytes<M>;
      type.read = &read_bytes<M>;
    }
    if constexpr (requires { typename M::ringmail_view; }) {
      type.wire_length = &wire_length<M>;
      type.write = &write_bytes<M>;
    }
  }
  return type;
}

}  // namespace detail

/// One object a type; its address is the type's identity within the process.
template <class M>
inline constexpr runtime::MessageType message_type = detail::describe<M>();

/// How M travels within the process: as itself or, too large or too strictly aligned for a frame, as a pointer to it.
template <class M>
using Carrier =
    std::conditional_t<(alignof(M) > 32 || sizeof(M) > 16 * 1024) && !WireMessage<M>, std::unique_ptr<M>, M>;

namespace detail {
// By reference: a large one shall not stand on the stack once more.
template <class M, class Source>
Carrier<M> carry(Source&& message) {
  if constexpr (std::is_same_v<Carrier<M>, M>) {
    return M(std::forward<Source>(message));
  } else {
    return std::make_unique<M>(std::forward<Source>(message));
  }
}

template <class M>
M& carried(Carrier<M>& carrier) {
  if constexpr (std::is_same_v<Carrier<M>, M>) {
    return carrier;
  } else {
    return *carrier;
  }
}

/// Room for an object that somebody else constructs.
template <class T>
class Room {
 public:
  Room() = default;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (full_) get().~T();
  }
  void* place() { return bytes_; }
  void filled() { full_ = true; }
  void moved_from() { full_ = false; }
  T& get() { return *std::launder(reinterpret_cast<T*>(bytes_)); }

 private:
  alignas(T) std::byte bytes_[sizeof(T)];
  bool full_ = false;
};
}  // namespace detail

}  // namespace ringmail

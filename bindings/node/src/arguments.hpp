// What JavaScript passes to a method, and what it is given back. lib/ calls these and nobody else: it has checked what users gave.
#pragma once

#include <node_api.h>

#include <array>
#include <cstdint>
#include <string>

#include "link.hpp"

namespace ringmail::node {

struct Bytes {
  void* data = nullptr;
  std::uint32_t length = 0;
};

/// The arguments of one call, and the object that it is a method of.
template <std::size_t Count, class Self = Link>
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    std::size_t count = Count;
    napi_value self = nullptr;
    void* owner = nullptr;
    napi_get_cb_info(env, info, &count, values_.data(), &self, &owner);
    self_ = static_cast<Self*>(owner);
    if (self_ == nullptr) napi_unwrap(env, self, reinterpret_cast<void**>(&self_));
  }

  /// None where the method was taken off its object.
  Self* self() const { return self_; }
  napi_value operator[](std::size_t i) const { return values_[i]; }

  std::uint32_t number(std::size_t i) const {
    std::uint32_t value = 0;
    napi_get_value_uint32(env_, values_[i], &value);
    return value;
  }
  std::uint64_t length(std::size_t i) const {
    std::int64_t value = 0;
    napi_get_value_int64(env_, values_[i], &value);
    return static_cast<std::uint64_t>(value);
  }
  bool truth(std::size_t i) const {
    bool value = false;
    napi_get_value_bool(env_, values_[i], &value);
    return value;
  }
  ringmail_mailbox mailbox(std::size_t i) const {
    std::uint64_t value = 0;
    bool is_lossless = false;
    napi_get_value_bigint_uint64(env_, values_[i], &value, &is_lossless);
    return value;
  }
  std::string text(std::size_t i) const { return text_of(values_[i]); }
  std::string text_of(napi_value value) const {
    std::size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, nullptr, 0, &length) != napi_ok) return {};
    std::string text(length, '\0');
    napi_get_value_string_utf8(env_, value, text.data(), length + 1, &length);
    return text;
  }
  /// Of a DataView or a Uint8Array; none of anything else.
  Bytes bytes(std::size_t i) const {
    Bytes bytes;
    std::size_t length = 0;
    if (napi_get_dataview_info(env_, values_[i], &length, &bytes.data, nullptr, nullptr) != napi_ok)
      napi_get_typedarray_info(env_, values_[i], nullptr, &length, &bytes.data, nullptr, nullptr);
    bytes.length = static_cast<std::uint32_t>(length);
    return bytes;
  }

 private:
  napi_env env_;
  std::array<napi_value, Count == 0 ? 1 : Count> values_{};
  Self* self_ = nullptr;
};

inline napi_value to_value(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}
inline napi_value to_value(napi_env env, int number) {
  napi_value value = nullptr;
  napi_create_int32(env, number, &value);
  return value;
}
inline napi_value to_value(napi_env env, std::uint64_t number) {
  napi_value value = nullptr;
  napi_create_bigint_uint64(env, number, &value);
  return value;
}
inline napi_value to_value(napi_env env, const char* text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

/// A method that is called with what is open; any other is a mistake in lib/, which says so.
template <std::size_t Count, auto Method, class Self = Link>
napi_value method(napi_env env, napi_callback_info info) {
  const Arguments<Count, Self> arguments(env, info);
  if (arguments.self() == nullptr || !arguments.self()->is_open()) {
    napi_throw_error(env, "ERR_RINGMAIL_CLOSED", "this is closed");
    return nullptr;
  }
  return Method(env, *arguments.self(), arguments);
}

// Each file gives its methods to the class. Those that are called for each message are every object's own, and know whose: to find it by
// `this`, napi_unwrap(), takes three times as long as all else of a call. They must not outlive it.
using Define = napi_property_descriptor;
napi_value attach(napi_env env, napi_callback_info info);
napi_value listener_class(napi_env env);

template <class Method>
constexpr Define define(const char* name, Method method) {
  return {.utf8name = name,
          .name = nullptr,
          .method = method,
          .getter = nullptr,
          .setter = nullptr,
          .value = nullptr,
          .attributes = napi_default_method,
          .data = nullptr};
}

extern const std::array<Define, 10> receiving;
extern const std::array<Define, 16> sending;
extern const std::array<Define, 8> bodies;

}  // namespace ringmail::node

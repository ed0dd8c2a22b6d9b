// attach(): the handshake waits for the host, so a thread of libuv's pool does it.
#include <new>

#include "arguments.hpp"

namespace ringmail::node {
namespace {

struct Handshake {
  std::string path, name, schema, token;
  ringmail_options options = RINGMAIL_OPTIONS_INIT;

  napi_ref self = nullptr;  // the object, which must not be collected meanwhile
  napi_deferred promise = nullptr;
  napi_async_work work = nullptr;
  Link* link = nullptr;
  ringmail_peer* peer = nullptr;
  int result = 0;
};

void shake_hands(napi_env, void* data) {
  auto& handshake = *static_cast<Handshake*>(data);
  handshake.result = ringmail_attach(&handshake.options, &handshake.peer);
}

/// Resolves to [result, text]; the link is open if result is 0.
void finish(napi_env env, napi_status, void* data) {
  auto& handshake = *static_cast<Handshake*>(data);
  napi_value list = nullptr;
  napi_create_array_with_length(env, 2, &list);
  napi_set_element(env, list, 0, to_value(env, handshake.result));
  const char* text = handshake.peer != nullptr ? ringmail_error(handshake.peer) : ringmail_strerror(handshake.result);
  napi_set_element(env, list, 1, to_value(env, text));
  if (handshake.result == 0) {
    handshake.link->adopt(handshake.peer);
  } else {
    ringmail_detach(handshake.peer);
  }
  napi_resolve_deferred(env, handshake.promise, list);
  napi_delete_async_work(env, handshake.work);
  napi_delete_reference(env, handshake.self);
  delete &handshake;
}

}  // namespace

/// attach(path, name, schema, descriptor, ring bytes, timeout in ms, token, time to reconnect in ms): a promise. Empty texts are none.
napi_value attach(napi_env env, napi_callback_info info) {
  const Arguments<8> arguments(env, info);
  Link* const link = arguments.self();
  if (link == nullptr || link->is_open()) {
    napi_throw_error(env, nullptr, "a link is attached once");
    return nullptr;
  }
  auto* handshake = new Handshake{
      .path = arguments.text(0), .name = arguments.text(1), .schema = arguments.text(2), .token = arguments.text(6)};
  const auto given = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  std::int32_t descriptor = -1;
  double ring_bytes = 0;
  double timeout_ms = 0;
  double reconnect_ms = 0;
  napi_get_value_int32(env, arguments[3], &descriptor);
  napi_get_value_double(env, arguments[4], &ring_bytes);
  napi_get_value_double(env, arguments[5], &timeout_ms);
  napi_get_value_double(env, arguments[7], &reconnect_ms);
  ringmail_options& options = handshake->options;
  options.descriptor = descriptor;
  options.path = given(handshake->path);
  options.name = given(handshake->name);
  options.language = "javascript";
  options.schema = given(handshake->schema);
  options.ring_bytes = static_cast<std::uint64_t>(ring_bytes);
  options.timeout_ns = static_cast<std::int64_t>(timeout_ms * 1e6);
  options.pollable = 1;
  options.token = given(handshake->token);
  options.reconnect_ns = static_cast<std::int64_t>(reconnect_ms * 1e6);
  options.restartable = 1;
  handshake->link = link;

  napi_value self = nullptr;
  napi_value promise = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr);
  napi_create_reference(env, self, 1, &handshake->self);
  napi_create_promise(env, &handshake->promise, &promise);
  napi_create_async_work(env, nullptr, to_value(env, "ringmail.attach"), shake_hands, finish, handshake,
                         &handshake->work);
  napi_queue_async_work(env, handshake->work);
  return promise;
}

}  // namespace ringmail::node

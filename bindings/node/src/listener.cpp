// The class Listener: a socket that other peers attach to, without a system. lib/listener.js makes the public one of it.
#include <uv.h>

#include "arguments.hpp"

namespace ringmail::node {
namespace {

constexpr std::uint64_t handshakes_are_due_ms = 1000;

/// The loop watches it while somebody waits for a peer, and only then does it keep the process running.
class Listener {
 public:
  explicit Listener(napi_env env) : env_(env) {}
  Listener(const Listener&) = delete;

  bool is_open() const { return listener_ != nullptr; }
  ringmail_listener* get() const { return listener_; }
  void adopt(ringmail_listener* listener) { listener_ = listener; }

  bool join_loop(napi_value ready);
  void watch(bool watches);
  /// Takes the socket away, and leaves the loop. This is destroyed later: by drop(), and once the loop has let it go.
  void close();
  /// JavaScript has no reference any more.
  void drop();

 private:
  ~Listener() = default;

  void call() { call_back(env_, ready_); }
  void delete_if_done();

  napi_env env_;
  ringmail_listener* listener_ = nullptr;
  uv_poll_t poll_{};
  uv_timer_t timer_{};
  napi_ref ready_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  int handles_ = 0;  // that the loop still has
  bool is_dropped_ = false;
};

bool Listener::join_loop(napi_value ready) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env_, &loop) != napi_ok) return false;
  if (uv_poll_init(loop, &poll_, ringmail_listener_descriptor(listener_)) != 0) return false;
  uv_timer_init(loop, &timer_);
  poll_.data = timer_.data = this;
  handles_ = 2;
  uv_unref(reinterpret_cast<uv_handle_t*>(&timer_));
  napi_create_reference(env_, ready, 1, &ready_);
  // The environment ends, of a worker for one: its loop must be empty by then.
  napi_add_async_cleanup_hook(
      env_, [](napi_async_cleanup_hook_handle, void* self) { static_cast<Listener*>(self)->close(); }, this, &hook_);
  return true;
}

void Listener::watch(bool watches) {
  if (ready_ == nullptr) return;
  if (!watches) {
    uv_poll_stop(&poll_);
    uv_timer_stop(&timer_);
    return;
  }
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) { static_cast<Listener*>(poll->data)->call(); });
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<Listener*>(timer->data)->call(); }, handshakes_are_due_ms,
      handshakes_are_due_ms);
}

void Listener::close() {
  if (ready_ != nullptr) {
    napi_delete_reference(env_, ready_);
    ready_ = nullptr;
    const auto closed = [](uv_handle_t* handle) {
      auto& self = *static_cast<Listener*>(handle->data);
      --self.handles_;
      self.delete_if_done();
    };
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
  }
  ringmail_unlisten(listener_);
  listener_ = nullptr;
}

void Listener::drop() {
  is_dropped_ = true;
  close();
  delete_if_done();
}

void Listener::delete_if_done() {
  if (handles_ != 0) return;
  if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
  hook_ = nullptr;
  if (is_dropped_) delete this;
}

// --- What JavaScript calls

template <std::size_t Count, auto Method>
constexpr auto method_of = method<Count, Method, Listener>;

napi_value construct(napi_env env, napi_callback_info info) {
  napi_value self = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr);
  const auto drop = [](napi_env, void* data, void*) { static_cast<Listener*>(data)->drop(); };
  napi_wrap(env, self, new Listener(env), drop, nullptr, nullptr);
  return self;
}

/// open(path, name, schema, ring bytes, ready): [result, text]; `ready` is called when it may accept. Empty texts are none.
napi_value open(napi_env env, napi_callback_info info) {
  const Arguments<5, Listener> arguments(env, info);
  if (arguments.self() == nullptr || arguments.self()->is_open()) {
    napi_throw_error(env, nullptr, "a listener is opened once");
    return nullptr;
  }
  const std::string path = arguments.text(0);
  const std::string name = arguments.text(1);
  const std::string schema = arguments.text(2);
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.path = path.c_str();
  options.name = name.c_str();
  options.schema = schema.empty() ? nullptr : schema.c_str();
  options.ring_bytes = arguments.length(3);
  ringmail_listener* opened = nullptr;
  const int result = ringmail_listen(&options, &opened);
  napi_value list = nullptr;
  napi_create_array_with_length(env, 2, &list);
  napi_set_element(env, list, 0, to_value(env, result));
  napi_set_element(env, list, 1,
                   to_value(env, opened != nullptr ? ringmail_listener_error(opened) : ringmail_strerror(result)));
  if (result < 0) {
    ringmail_unlisten(opened);
    return list;
  }
  arguments.self()->adopt(opened);
  if (!arguments.self()->join_loop(arguments[4]))
    napi_throw_error(env, nullptr, "the socket cannot be watched by the event loop");
  return list;
}

/// watch(whether)
napi_value watch(napi_env, Listener& listener, const Arguments<1, Listener>& arguments) {
  listener.watch(arguments.truth(0));
  return nullptr;
}

/// accept(link): 1, and the link is open; 0: nobody has come yet; or an error
napi_value accept(napi_env env, Listener& listener, const Arguments<1, Listener>& arguments) {
  Link* link = nullptr;
  napi_unwrap(env, arguments[0], reinterpret_cast<void**>(&link));
  ringmail_peer* peer = nullptr;
  const int result = ringmail_accept(listener.get(), 0, &peer);
  if (result == 1) link->adopt(peer);
  return to_value(env, result);
}

napi_value error(napi_env env, Listener& listener, const Arguments<0, Listener>&) {
  return to_value(env, ringmail_listener_error(listener.get()));
}

/// count(): [waiting, given up]
napi_value count(napi_env env, Listener& listener, const Arguments<0, Listener>&) {
  ringmail_listener_counters counters{};
  ringmail_listener_count(listener.get(), &counters);
  napi_value list = nullptr;
  napi_create_array_with_length(env, 2, &list);
  napi_set_element(env, list, 0, to_value(env, static_cast<double>(counters.waiting)));
  napi_set_element(env, list, 1, to_value(env, static_cast<double>(counters.given_up)));
  return list;
}

/// close(), also of what is closed already
napi_value close(napi_env env, napi_callback_info info) {
  const Arguments<0, Listener> arguments(env, info);
  if (arguments.self() != nullptr) arguments.self()->close();
  return nullptr;
}

}  // namespace

napi_value listener_class(napi_env env) {
  const std::array methods{
      define("open", open),
      define("watch", method_of<1, watch>),
      define("accept", method_of<1, accept>),
      define("error", method_of<0, error>),
      define("count", method_of<0, count>),
      define("close", close),
  };
  napi_value listener = nullptr;
  napi_define_class(env, "Listener", NAPI_AUTO_LENGTH, construct, nullptr, methods.size(), methods.data(), &listener);
  return listener;
}

}  // namespace ringmail::node

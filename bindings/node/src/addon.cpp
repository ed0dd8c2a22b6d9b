// The class Link: one link to a host, or to a peer that a Listener let in. lib/native.js says what its methods are.
#include <vector>

#include "arguments.hpp"

namespace ringmail::node {
namespace {

napi_value construct(napi_env env, napi_callback_info info) {
  napi_value self = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr);
  auto* link = new Link(env);
  std::vector<Define> own(receiving.begin(), receiving.end());
  own.insert(own.end(), sending.begin(), sending.end());
  for (Define& method : own) method.data = link;
  napi_define_properties(env, self, own.size(), own.data());
  napi_wrap(env, self, link, [](napi_env, void* data, void*) { static_cast<Link*>(data)->drop(); }, nullptr, nullptr);
  return self;
}

/// describe(): [name, schema, incarnation]
napi_value describe(napi_env env, Link& link, const Arguments<0>&) {
  napi_value list = nullptr;
  napi_create_array_with_length(env, 3, &list);
  napi_set_element(env, list, 0, to_value(env, ringmail_name(link.peer())));
  napi_set_element(env, list, 1, to_value(env, ringmail_schema(link.peer())));
  napi_set_element(env, list, 2, to_value(env, ringmail_incarnation(link.peer())));
  return list;
}

napi_value error(napi_env env, Link& link, const Arguments<0>&) { return to_value(env, ringmail_error(link.peer())); }

/// count(): [received, sent, sleeps, lost wakeups, failed barriers]
napi_value count(napi_env env, Link& link, const Arguments<0>&) {
  ringmail_counters counters{};
  ringmail_count(link.peer(), &counters);
  napi_value list = nullptr;
  napi_create_array_with_length(env, 5, &list);
  std::uint32_t i = 0;
  for (const std::uint64_t figure :
       {counters.received, counters.sent, counters.sleeps, counters.lost_wakeups, counters.failed_barriers}) {
    napi_set_element(env, list, i++, to_value(env, static_cast<double>(figure)));
  }
  return list;
}

/// joinLoop(ready): ready(as receiveReply()) is called when there is something to do
napi_value join_loop(napi_env env, Link& link, const Arguments<1>& arguments) {
  if (!link.join_loop(arguments[0])) napi_throw_error(env, nullptr, "the doorbell cannot be watched by the event loop");
  return nullptr;
}

napi_value call_again(napi_env, Link& link, const Arguments<0>&) {
  link.call_again();
  return nullptr;
}

/// stopWatching(): the other end is gone
napi_value stop_watching(napi_env, Link& link, const Arguments<0>&) {
  link.stop_watching();
  return nullptr;
}

/// stop(): 0 or an error
napi_value stop(napi_env env, Link& link, const Arguments<0>&) { return to_value(env, ringmail_stop(link.peer())); }

/// unfinished(): how many messages to the other side, or an error
napi_value unfinished(napi_env env, Link& link, const Arguments<0>&) {
  std::uint64_t messages = 0;
  const int result = ringmail_unfinished(link.peer(), &messages);
  return to_value(env, result == 0 ? static_cast<double>(messages) : static_cast<double>(result));
}

/// takeMail(whether)
napi_value take_mail(napi_env, Link& link, const Arguments<1>& arguments) {
  link.take_mail(arguments.truth(0));
  return nullptr;
}

/// close(), also of what is closed already or was never attached
napi_value close(napi_env env, napi_callback_info info) {
  const Arguments<0> arguments(env, info);
  if (arguments.self() != nullptr) arguments.self()->close();
  return nullptr;
}

}  // namespace

static napi_value make_exports(napi_env env, napi_value exports) {
  std::vector<Define> methods{
      define("attach", attach),
      define("describe", method<0, describe>),
      define("error", method<0, error>),
      define("count", method<0, count>),
      define("joinLoop", method<1, join_loop>),
      define("callAgain", method<0, call_again>),
      define("takeMail", method<1, take_mail>),
      define("stopWatching", method<0, stop_watching>),
      define("stop", method<0, stop>),
      define("unfinished", method<0, unfinished>),
      define("close", close),
  };
  methods.insert(methods.end(), bodies.begin(), bodies.end());
  napi_value link = nullptr;
  napi_define_class(env, "Link", NAPI_AUTO_LENGTH, construct, nullptr, methods.size(), methods.data(), &link);
  napi_set_named_property(env, exports, "Link", link);
  napi_set_named_property(env, exports, "Listener", listener_class(env));
  return exports;
}

}  // namespace ringmail::node

NAPI_MODULE_INIT() { return ringmail::node::make_exports(env, exports); }

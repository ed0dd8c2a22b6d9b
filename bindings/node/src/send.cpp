// What goes out. Nothing here waits for room: lib/ does, in the event loop.
#include <cstddef>
#include <cstring>

#include "arguments.hpp"

namespace ringmail::node {
namespace {

/// send(mailbox, type, bytes): 0 or an error
napi_value send(napi_env env, Link& link, const Arguments<3>& arguments) {
  const Bytes bytes = arguments.bytes(2);
  return to_value(env,
                  ringmail_send(link.peer(), arguments.mailbox(0), arguments.number(1), bytes.data, bytes.length, 0));
}

/// sendMany(mailbox, type, bytes, stride, length, first, count): the first of these messages, at that distance, that was not sent,
/// for want of room; or an error
napi_value send_many(napi_env env, Link& link, const Arguments<7>& arguments) {
  const ringmail_mailbox mailbox = arguments.mailbox(0);
  const std::uint32_t type = arguments.number(1);
  const auto* const data = static_cast<const std::byte*>(arguments.bytes(2).data);
  const std::uint64_t stride = arguments.number(3);
  const std::uint32_t length = arguments.number(4);
  const std::uint32_t first = arguments.number(5);
  const std::uint32_t count = arguments.number(6);
  for (std::uint32_t i = first; i < count; ++i) {
    const int result = ringmail_send(link.peer(), mailbox, type, data + i * stride, length, 0);
    // Another error shows again where the next one is to be sent.
    if (result != 0) return to_value(env, result == RINGMAIL_EFULL || i > first ? static_cast<int>(i) : result);
  }
  return to_value(env, static_cast<double>(count));
}

/// ask(mailbox, type, bytes): the correlation of the reply to come, or an error
napi_value ask(napi_env env, Link& link, const Arguments<3>& arguments) {
  const Bytes bytes = arguments.bytes(2);
  std::uint32_t correlation = 0;
  const int result =
      ringmail_ask(link.peer(), arguments.mailbox(0), arguments.number(1), bytes.data, bytes.length, 0, &correlation);
  return to_value(env, result == 0 ? static_cast<double>(correlation) : static_cast<double>(result));
}

/// keepAsk(): the message in hand as answers need it, to be passed to reply() and refuse() once it is released
napi_value keep_ask(napi_env env, Link& link, const Arguments<0>&) {
  napi_value buffer = nullptr;
  napi_value array = nullptr;
  void* memory = nullptr;
  napi_create_arraybuffer(env, sizeof(ringmail_message), &memory, &buffer);
  std::memcpy(memory, &link.in_hand(), sizeof(ringmail_message));
  napi_create_typedarray(env, napi_uint8_array, sizeof(ringmail_message), buffer, 0, &array);
  return array;
}

template <std::size_t Count>
ringmail_message asked(const Link& link, const Arguments<Count>& arguments) {
  const Bytes kept = arguments.bytes(0);
  if (kept.length != sizeof(ringmail_message)) return link.in_hand();
  ringmail_message message{};
  std::memcpy(&message, kept.data, sizeof message);
  return message;
}

/// reply(of keepAsk() or undefined: the message in hand, type, bytes)
napi_value reply(napi_env env, Link& link, const Arguments<3>& arguments) {
  const ringmail_message message = asked(link, arguments);
  const Bytes bytes = arguments.bytes(2);
  return to_value(env, ringmail_reply(link.peer(), &message, arguments.number(1), bytes.data, bytes.length));
}

/// refuse(as above, reason)
napi_value refuse(napi_env env, Link& link, const Arguments<2>& arguments) {
  const ringmail_message message = asked(link, arguments);
  return to_value(env, ringmail_refuse(link.peer(), &message, arguments.number(1)));
}

/// loan(mailbox, length): 0 or an error; the reply's head then has `lane` and `offset` in the outgoing ring
napi_value loan(napi_env env, Link& link, const Arguments<2>& arguments) {
  return to_value(env, link.loan(arguments.mailbox(0), arguments.number(1)));
}

/// loaned(): what is loaned, where it lies
napi_value loaned(napi_env, Link& link, const Arguments<0>&) { return link.loaned(); }

/// endLoan(type), or endLoan(0) to give it up
napi_value end_loan(napi_env env, Link& link, const Arguments<1>& arguments) {
  return to_value(env, link.end_loan(arguments.number(0)));
}

/// wantRoom(mailbox, length): 1, 0 or an error
napi_value want_room(napi_env env, Link& link, const Arguments<2>& arguments) {
  return to_value(env, ringmail_want_room(link.peer(), arguments.mailbox(0), arguments.number(1)));
}

/// resolve(name): the request of the answer to come, or an error
napi_value resolve(napi_env env, Link& link, const Arguments<1>& arguments) {
  std::uint32_t request = 0;
  const int result = ringmail_resolve(link.peer(), arguments.text(0).c_str(), &request);
  return to_value(env, result == 0 ? static_cast<double>(request) : static_cast<double>(result));
}

napi_value flush(napi_env env, Link& link, const Arguments<0>&) { return to_value(env, ringmail_flush(link.peer())); }

/// monitor(mailbox): the number of the monitor, a BigInt, or an error
napi_value monitor(napi_env env, Link& link, const Arguments<1>& arguments) {
  std::uint64_t number = 0;
  const int result = ringmail_monitor(link.peer(), arguments.mailbox(0), 0, &number);
  return result == 0 ? to_value(env, number) : to_value(env, result);
}

/// demonitor(number): 0 or an error
napi_value demonitor(napi_env env, Link& link, const Arguments<1>& arguments) {
  return to_value(env, ringmail_demonitor(link.peer(), arguments.mailbox(0), 0));
}

/// log(level, text): 0 or an error
napi_value log(napi_env env, Link& link, const Arguments<2>& arguments) {
  return to_value(env, ringmail_log(link.peer(), static_cast<int>(arguments.number(0)), arguments.text(1).c_str()));
}

/// fail(text)
napi_value fail(napi_env env, Link& link, const Arguments<1>& arguments) {
  return to_value(env, ringmail_fail(link.peer(), arguments.text(0).c_str()));
}

}  // namespace

const std::array<Define, 16> sending{
    define("send", method<3, send>),
    define("sendMany", method<7, send_many>),
    define("ask", method<3, ask>),
    define("keepAsk", method<0, keep_ask>),
    define("reply", method<3, reply>),
    define("refuse", method<2, refuse>),
    define("loan", method<2, loan>),
    define("loaned", method<0, loaned>),
    define("endLoan", method<1, end_loan>),
    define("wantRoom", method<2, want_room>),
    define("resolve", method<1, resolve>),
    define("monitor", method<1, monitor>),
    define("demonitor", method<1, demonitor>),
    define("log", method<2, log>),
    define("flush", method<0, flush>),
    define("fail", method<1, fail>),
};

}  // namespace ringmail::node

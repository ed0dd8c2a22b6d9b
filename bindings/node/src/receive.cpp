// What comes in: mail, one message at a time, replies, and where mailboxes are.
#include <cstring>

#include "arguments.hpp"

namespace ringmail::node {
namespace {

napi_value view_of(napi_env env, void* memory, std::size_t bytes) {
  napi_value buffer = nullptr;
  napi_create_external_arraybuffer(env, memory, bytes, nullptr, nullptr, &buffer);
  return buffer;
}

/// heads(): [of the message in hand, of the last reply]: memory that the calls below write, as long as the link lives
napi_value heads(napi_env env, Link& link, const Arguments<0>&) {
  napi_value list = nullptr;
  napi_create_array_with_length(env, 2, &list);
  napi_set_element(env, list, 0, view_of(env, link.head(), sizeof(Head)));
  napi_set_element(env, list, 1, view_of(env, link.reply_head(), sizeof(Head)));
  return list;
}

/// ring(lane, outgoing): its memory
napi_value ring(napi_env, Link& link, const Arguments<2>& arguments) {
  return link.ring(arguments.number(0), arguments.truth(1));
}

/// receive(): 1, 0 or an error
napi_value receive(napi_env env, Link& link, const Arguments<0>&) { return to_value(env, link.receive()); }

/// releaseAndReceive(): the same, once the message in hand is released
napi_value release_and_receive(napi_env env, Link& link, const Arguments<0>&) {
  return to_value(env, link.release_and_receive());
}

/// receiveMore(most): how many are in hand, or an error; the head then has their `stride`
napi_value receive_more(napi_env env, Link& link, const Arguments<1>& arguments) {
  return to_value(env, link.receive_more(arguments.number(0)));
}

/// payload(): of the message in hand, where it lies
napi_value payload(napi_env, Link& link, const Arguments<0>&) { return link.payload(); }

napi_value release(napi_env env, Link& link, const Arguments<0>&) { return to_value(env, link.release()); }

/// receiveReply(): 1, 0 or an error
napi_value receive_reply(napi_env env, Link& link, const Arguments<0>&) { return to_value(env, link.receive_reply()); }

/// replyPayload(): a copy
napi_value reply_payload(napi_env env, Link& link, const Arguments<0>&) {
  napi_value buffer = nullptr;
  void* memory = nullptr;
  napi_create_arraybuffer(env, link.reply().length, &memory, &buffer);
  if (link.reply().length != 0) std::memcpy(memory, link.reply().payload, link.reply().length);
  return buffer;
}

/// resolved(): 1, 0 or an error; the request is then in the reply's `correlation`, and the mailbox in its `target`
napi_value resolved(napi_env env, Link& link, const Arguments<0>&) {
  Head& head = *link.reply_head();
  return to_value(env, ringmail_resolved(link.peer(), &head.correlation, &head.target));
}

}  // namespace

const std::array<Define, 10> receiving{
    define("receiveMore", method<1, receive_more>),
    define("heads", method<0, heads>),
    define("ring", method<2, ring>),
    define("receive", method<0, receive>),
    define("releaseAndReceive", method<0, release_and_receive>),
    define("payload", method<0, payload>),
    define("release", method<0, release>),
    define("receiveReply", method<0, receive_reply>),
    define("replyPayload", method<0, reply_payload>),
    define("resolved", method<0, resolved>),
};

}  // namespace ringmail::node

// Bodies of large messages: those that came, which JavaScript may keep, and room for those that are to be sent.
#include <atomic>

#include "arguments.hpp"
#include "write_fault.hpp"

namespace ringmail::node {

napi_value Link::loan_large(ringmail_mailbox target, std::uint64_t length) {
  ringmail_body body{};
  const int result = ringmail_loan_large(peer_, target, length, 0, &body);
  if (result != 0) return to_value(env_, result);
  const std::uint32_t number = ++last_body_loan_;
  BodyLoan& loan = body_loans_[number];
  loan.body = body;
  napi_value pair = nullptr;
  napi_create_array_with_length(env_, 2, &pair);
  napi_set_element(env_, pair, 0, to_value(env_, static_cast<double>(number)));
  napi_set_element(env_, pair, 1, lend(body.data, body.length, loan.buffer));
  return pair;
}

void Link::seal_loan(std::uint32_t number) {
  if (const auto loan = body_loans_.find(number); loan != body_loans_.end()) take_back(loan->second.buffer);
}

const ringmail_body* Link::loaned_body(std::uint32_t number) const {
  const auto loan = body_loans_.find(number);
  return loan != body_loans_.end() ? &loan->second.body : nullptr;
}

void Link::forget_loan(std::uint32_t number) {
  seal_loan(number);
  body_loans_.erase(number);
}

namespace {

/// A body that came. The ArrayBuffer has it, and whoever may end it before that is collected.
struct Kept {
  ringmail_body body{};
  std::atomic<bool> is_kept{true};
  std::atomic<int> users{2};

  void give_back() {
    if (!is_kept.exchange(false)) return;
    forget_writes_to(body.data);
    ringmail_unkeep(&body);
  }
  void leave() {
    if (--users == 0) delete this;
  }
};

/// keepBody(): [ArrayBuffer, what releaseBody() needs] of the message in hand, once; else undefined, or an error
napi_value keep_body(napi_env env, Link& link, const Arguments<0>&) {
  ringmail_body body{};
  const int result = ringmail_keep(link.peer(), &body);
  if (result < 0) return to_value(env, result);
  if (result == 0) return nullptr;
  auto* const kept = new Kept;
  kept->body = body;
  napi_value buffer = nullptr;
  napi_value external = nullptr;
  napi_value pair = nullptr;
  explain_writes_to(body.data, body.length);
  // Detached or collected: nobody can read it any more.
  const auto collected = [](napi_env, void*, void* hint) {
    static_cast<Kept*>(hint)->give_back();
    static_cast<Kept*>(hint)->leave();
  };
  const auto unneeded = [](napi_env, void* data, void*) { static_cast<Kept*>(data)->leave(); };
  if (napi_create_external_arraybuffer(env, body.data, body.length, collected, kept, &buffer) != napi_ok) {
    kept->give_back();
    delete kept;
    return nullptr;
  }
  napi_create_external(env, kept, unneeded, nullptr, &external);
  napi_create_array_with_length(env, 2, &pair);
  napi_set_element(env, pair, 0, buffer);
  napi_set_element(env, pair, 1, external);
  return pair;
}

/// releaseBody(ArrayBuffer, the other): also of a link that is closed
napi_value release_body(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  void* kept = nullptr;
  napi_detach_arraybuffer(env, arguments[0]);
  if (napi_get_value_external(env, arguments[1], &kept) == napi_ok) static_cast<Kept*>(kept)->give_back();
  return nullptr;
}

/// loanLarge(mailbox, length): [number, ArrayBuffer] or an error
napi_value loan_large(napi_env, Link& link, const Arguments<2>& arguments) {
  return link.loan_large(arguments.mailbox(0), arguments.length(1));
}

/// sealLoan(number): detaches its ArrayBuffer
napi_value seal_loan(napi_env, Link& link, const Arguments<1>& arguments) {
  link.seal_loan(arguments.number(0));
  return nullptr;
}

/// cancelLarge(number)
napi_value cancel_large(napi_env, Link& link, const Arguments<1>& arguments) {
  if (const ringmail_body* body = link.loaned_body(arguments.number(0))) {
    ringmail_cancel_large(link.peer(), body);
    link.forget_loan(arguments.number(0));
  }
  return nullptr;
}

/// sendLarge(mailbox, type, bytes, number of the loan): 0 or an error
napi_value send_large(napi_env env, Link& link, const Arguments<4>& arguments) {
  const Bytes bytes = arguments.bytes(2);
  const ringmail_body none{};
  const ringmail_body* const body = link.loaned_body(arguments.number(3));
  const int result = ringmail_send_large(link.peer(), arguments.mailbox(0), arguments.number(1), bytes.data,
                                         bytes.length, body != nullptr ? body : &none, 0);
  if (result == 0) link.forget_loan(arguments.number(3));
  return to_value(env, result);
}

/// askLarge(as above): the correlation of the reply to come, or an error
napi_value ask_large(napi_env env, Link& link, const Arguments<4>& arguments) {
  const Bytes bytes = arguments.bytes(2);
  const ringmail_body none{};
  const ringmail_body* const body = link.loaned_body(arguments.number(3));
  std::uint32_t correlation = 0;
  const int result = ringmail_ask_large(link.peer(), arguments.mailbox(0), arguments.number(1), bytes.data,
                                        bytes.length, body != nullptr ? body : &none, 0, -1, &correlation);
  if (result == 0) link.forget_loan(arguments.number(3));
  return to_value(env, result == 0 ? static_cast<double>(correlation) : static_cast<double>(result));
}

/// wantLarge(mailbox, length): 1, 0 or an error
napi_value want_large(napi_env env, Link& link, const Arguments<2>& arguments) {
  return to_value(env, ringmail_want_large(link.peer(), arguments.mailbox(0), arguments.length(1)));
}

}  // namespace

const std::array<Define, 8> bodies{
    define("keepBody", method<0, keep_body>),       define("releaseBody", release_body),
    define("loanLarge", method<2, loan_large>),     define("sealLoan", method<1, seal_loan>),
    define("cancelLarge", method<1, cancel_large>), define("sendLarge", method<4, send_large>),
    define("askLarge", method<4, ask_large>),       define("wantLarge", method<2, want_large>),
};

}  // namespace ringmail::node

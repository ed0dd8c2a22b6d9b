// One link as the addon has it: the C ABI's peer, its place in the event loop, and what JavaScript sees of the message in hand.
// lib/native.js says what the methods are.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <cstdint>
#include <map>
#include <vector>

#include "ringmail.h"

namespace ringmail::node {

/// What JavaScript reads of a received message, in a piece of memory that both see. The numbers are those of lib/native.js.
struct Head {
  std::uint32_t kind, type, correlation, length, redelivered, lane, attempt, offset;
  std::uint64_t target, sender;
  std::uint32_t stride, count;  // of messages that are held together
  std::uint32_t life;           // of the link: another once it has joined another host, and has other rings
};

/// From the event loop, outside of any call of JavaScript's.
void call_back(napi_env env, napi_ref function, int argument = 0);

class Link {
 public:
  explicit Link(napi_env env) : env_(env) {}
  Link(const Link&) = delete;

  napi_env env() const { return env_; }
  ringmail_peer* peer() const { return peer_; }
  bool is_open() const { return peer_ != nullptr; }
  void adopt(ringmail_peer* peer);

  /// Says goodbye where it is due, and leaves the loop. This is destroyed later: by drop(), and once the loop has let it go.
  void close();
  /// JavaScript has no reference any more.
  void drop();

  // The loop: calls `ready` when there is something to do, with the result of a receive_reply().
  bool join_loop(napi_value ready);
  /// In the next turn, whether or not anything comes.
  void call_again();
  void take_mail(bool takes) { takes_mail_ = takes; }
  /// The other end is gone: its descriptor can be read for ever, and what it has published is there already.
  void stop_watching();

  // The message in hand.
  Head* head() { return &head_; }
  Head* reply_head() { return &reply_head_; }
  int receive();
  /// With the one in hand, as many as are like it; what payload() gives has all of them then.
  int receive_more(std::uint32_t most);
  int receive_reply();
  int release();
  /// Of the next message, or of the release.
  int release_and_receive();
  const ringmail_message& in_hand() const { return in_hand_; }
  const ringmail_message& reply() const { return reply_; }
  int loan(ringmail_mailbox target, std::uint32_t length);

  /// A whole ring of mail as an ArrayBuffer, until close(). For lib/ alone: no user gets hold of it. Of another life it is another one.
  napi_value ring(std::uint32_t lane, bool outgoing);
  /// The payload in hand as an ArrayBuffer, until it is released.
  napi_value payload();
  /// The room of the open loan as an ArrayBuffer, until the loan is closed.
  napi_value loaned();
  /// What is loaned is finished with: published if it has a type, and else cancelled.
  int end_loan(std::uint32_t type);

  // Bodies that are to be sent. bodies.cpp
  /// A loan's number and its ArrayBuffer, or an error.
  napi_value loan_large(ringmail_mailbox target, std::uint64_t length);
  /// From now on JavaScript cannot write it.
  void seal_loan(std::uint32_t number);
  /// None: there is no such loan.
  const ringmail_body* loaned_body(std::uint32_t number) const;
  void forget_loan(std::uint32_t number);

 private:
  ~Link() = default;

  static void on_readable(uv_poll_t* handle, int status, int events);
  static void before_sleep(uv_prepare_t* handle);
  static void after_sleep(uv_check_t* handle);
  /// Whether something comes before that time, and before the loop has anything else to do.
  bool comes_before(std::uint64_t time_ns);
  static void on_leaving(napi_async_cleanup_hook_handle hook, void* link);
  void leave_loop();
  void delete_if_done();
  void describe(const ringmail_message& message, bool in_mail, Head& head);
  void look_for_restart();
  std::uint32_t offset_in_ring(std::uint32_t lane, bool outgoing, const void* payload);
  bool lies_in_ring(std::uint32_t lane, const void* payload);
  napi_value lend(void* memory, std::size_t bytes, napi_ref& lent);
  void take_back(napi_ref& lent);

  napi_env env_;
  ringmail_peer* peer_ = nullptr;

  uv_poll_t poll_{};
  uv_prepare_t prepare_{};
  uv_check_t check_{};
  uv_idle_t idle_{};    // active: the loop turns without sleeping
  uv_timer_t timer_{};  // no sleep is longer than the transport permits
  napi_ref ready_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  int handles_ = 0;  // that the loop still has
  bool is_ready_ = false;
  bool takes_mail_ = false;
  bool is_dropped_ = false;

  Head head_{}, reply_head_{};
  ringmail_message in_hand_{}, reply_{};
  void* loaned_ = nullptr;
  std::uint32_t loaned_length_ = 0;
  napi_ref lent_payload_ = nullptr;
  napi_ref lent_loan_ = nullptr;
  struct BodyLoan {
    ringmail_body body{};
    napi_ref buffer = nullptr;  // none once it is sealed
  };
  std::map<std::uint32_t, BodyLoan> body_loans_;
  std::uint32_t last_body_loan_ = 0;
  const void* first_ring_ = nullptr;  // of this life
  std::vector<napi_ref> rings_;       // of all
  std::vector<const void*> read_only_;
};

}  // namespace ringmail::node

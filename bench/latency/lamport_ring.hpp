// What the ring of this project is compared with: a ring of slots with its indices beside it, each on a line of its own, and a
// copy of the other side's index that is read again only when the ring looks full or empty. It parks and wakes by the same
// means and with the same guarantee, by the one order that indices leave: a sequentially consistent store for each message.
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include "latency/echo_rtt.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"
#include "ringmail/transport/park.hpp"
#include "ringmail/transport/spin.hpp"

namespace bench {

class LamportRing {
 public:
  static constexpr bool uses_kernel = false;

  explicit LamportRing(const std::string& name)
      : mapping_(value_of(value_of(ringmail::transport::Segment::create(name.c_str(), bytes))
                              .map(ringmail::transport::Mapping::Access::write))),
        shared_(*mapping_.at<Shared>(0)),
        parker_(shared_.bell),
        doorbell_(shared_.bell) {}

  void send(const Payload& payload) {
    while (tail_ - head_ == slots) head_ = shared_.head.load(std::memory_order_acquire);
    shared_.slot[tail_ % slots] = payload;
    shared_.tail.store(++tail_, std::memory_order_seq_cst);
    doorbell_.ring();
  }

  void receive(Payload& payload) {
    if (head_ == tail_) await_tail();
    payload = shared_.slot[head_ % slots];
    ++taken_;
    shared_.head.store(++head_, std::memory_order_release);
  }

 private:
  static constexpr std::uint64_t slots = 16 * 1024;

  struct Shared {
    ringmail::transport::Bell bell;  // of the reader
    alignas(ringmail::transport::isolation_bytes) std::atomic<std::uint64_t> head;
    alignas(ringmail::transport::isolation_bytes) std::atomic<std::uint64_t> tail;
    alignas(ringmail::transport::isolation_bytes) Payload slot[slots];
  };
  static constexpr std::uint64_t bytes =
      (sizeof(Shared) + ringmail::transport::page_bytes - 1) & ~(ringmail::transport::page_bytes - 1);

  void await_tail() {
    const auto has_input = [this] { return (tail_ = shared_.tail.load(std::memory_order_seq_cst)) != head_; };
    if (has_input() || spin_.spin(has_input, std::exchange(taken_, 0))) return;
    while (!has_input()) parker_.park(ringmail::transport::longest_sleep_ns, has_input);
    spin_.observe();
  }

  ringmail::transport::Mapping mapping_;
  Shared& shared_;
  // Each process has its own: what it writes itself, and what it last saw of the other's.
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::uint64_t taken_ = 0;  // since the last idling
  ringmail::transport::Parker parker_;
  ringmail::transport::Doorbell doorbell_;
  ringmail::transport::SpinPolicy spin_{ringmail::transport::SpinPolicy::default_break_even_ns};
};

}  // namespace bench

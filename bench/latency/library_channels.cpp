// Message queues of other libraries.
#include <unistd.h>
#include <zmq.h>

#include <boost/interprocess/ipc/message_queue.hpp>

#include "latency/echo_rtt.hpp"
#include "latency/scenarios.hpp"

namespace bench {
namespace {

/// A PAIR of sockets over ipc://. A context does not survive a fork, so each process makes its own when it first needs it.
class ZeroMq {
 public:
  static constexpr bool uses_kernel = true;

  /// An abstract address: nothing to clean up.
  explicit ZeroMq(const std::string& name) : address_("ipc://@" + name + "." + std::to_string(getpid())) {}
  ZeroMq(const ZeroMq&) = delete;
  ~ZeroMq() {
    if (socket_ != nullptr) zmq_close(socket_);
    if (context_ != nullptr) zmq_ctx_term(context_);
  }

  void send(const Payload& payload) {
    if (socket_ == nullptr) open(&zmq_connect);
    if (zmq_send(socket_, &payload, sizeof payload, 0) != sizeof payload) fail();
  }
  void receive(Payload& payload) {
    if (socket_ == nullptr) open(&zmq_bind);
    if (zmq_recv(socket_, &payload, sizeof payload, 0) != sizeof payload) fail();
  }

 private:
  void open(int (*join)(void*, const char*)) {
    context_ = zmq_ctx_new();
    socket_ = zmq_socket(context_, ZMQ_PAIR);
    const int linger_ms = 0;
    if (socket_ == nullptr || zmq_setsockopt(socket_, ZMQ_LINGER, &linger_ms, sizeof linger_ms) != 0 ||
        join(socket_, address_.c_str()) != 0) {
      fail();
    }
  }
  [[noreturn]] void fail() { throw std::runtime_error(address_ + ": " + zmq_strerror(zmq_errno())); }

  std::string address_;
  void* context_ = nullptr;
  void* socket_ = nullptr;
};

class BoostQueue {
 public:
  static constexpr bool uses_kernel = true;

  explicit BoostQueue(const std::string& name)
      : name_(name + "." + std::to_string(getpid())),
        queue_(boost::interprocess::create_only, name_.c_str(), 64, sizeof(Payload)) {
    boost::interprocess::message_queue::remove(name_.c_str());  // it lasts as long as it is mapped
  }

  void send(const Payload& payload) { queue_.send(&payload, sizeof payload, 0); }
  void receive(Payload& payload) {
    boost::interprocess::message_queue::size_type bytes = 0;
    unsigned priority = 0;
    queue_.receive(&payload, sizeof payload, bytes, priority);
  }

 private:
  std::string name_;
  boost::interprocess::message_queue queue_;
};

}  // namespace

std::unique_ptr<Scenario> make_zeromq_rtt() { return std::make_unique<EchoRtt<ZeroMq>>("latency.zeromq"); }
std::unique_ptr<Scenario> make_boost_queue_rtt() {
  return std::make_unique<EchoRtt<BoostQueue>>("latency.boost_queue");
}

}  // namespace bench

// What the kernel offers for messages between processes, each used as it is usually used: blocking.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "latency/echo_rtt.hpp"
#include "latency/scenarios.hpp"
#include "ringmail/transport/descriptor.hpp"
#include "ringmail/transport/futex.hpp"
#include "ringmail/transport/layout.hpp"
#include "ringmail/transport/memory.hpp"

namespace bench {
namespace {

namespace transport = ringmail::transport;

void check(bool succeeded, const std::string& what) {
  if (!succeeded) throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// Both descriptors stay open in both processes, so neither sees an end.
class DescriptorPair {
 public:
  static constexpr bool uses_kernel = true;

  void send(const Payload& payload) {
    check(write(to_.get(), &payload, sizeof payload) == static_cast<ssize_t>(sizeof payload), "write");
  }
  void receive(Payload& payload) {
    // As little as this comes whole.
    check(read(from_.get(), &payload, sizeof payload) == static_cast<ssize_t>(sizeof payload), "read");
  }

 protected:
  void take(const int (&ends)[2]) {
    from_ = transport::Descriptor(ends[0]);
    to_ = transport::Descriptor(ends[1]);
  }

 private:
  transport::Descriptor from_, to_;
};

struct Pipe : DescriptorPair {
  explicit Pipe(const std::string&) {
    int ends[2];
    check(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    take(ends);
  }
};

template <int type>
struct UnixSocket : DescriptorPair {
  explicit UnixSocket(const std::string&) {
    int ends[2];
    check(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    take(ends);
  }
};

/// One message in shared memory; what wakes its reader is the channel's choice.
class SharedSlot {
 public:
  static constexpr bool uses_kernel = true;

 protected:
  explicit SharedSlot(const std::string& name)
      : mapping_(value_of(value_of(transport::Segment::create(name.c_str(), transport::page_bytes))
                              .map(transport::Mapping::Access::write))) {}
  Payload& payload() { return *mapping_.at<Payload>(0); }
  std::atomic<std::uint32_t>& count() { return *mapping_.at<std::atomic<std::uint32_t>>(transport::isolation_bytes); }

 private:
  transport::Mapping mapping_;
};

/// The eventfd's own system calls order the accesses.
class EventfdChannel : SharedSlot {
 public:
  using SharedSlot::uses_kernel;
  explicit EventfdChannel(const std::string& name) : SharedSlot(name), event_(eventfd(0, EFD_CLOEXEC)) {
    check(static_cast<bool>(event_), "eventfd");
  }
  void send(const Payload& message) {
    payload() = message;
    check(eventfd_write(event_.get(), 1) == 0, "eventfd_write");
  }
  void receive(Payload& message) {
    eventfd_t count = 0;
    check(eventfd_read(event_.get(), &count) == 0, "eventfd_read");
    message = payload();
  }

 private:
  transport::Descriptor event_;
};

/// A word that says how many messages there were, and a sleep on it.
class FutexChannel : SharedSlot {
 public:
  using SharedSlot::uses_kernel;
  explicit FutexChannel(const std::string& name) : SharedSlot(name) {}
  void send(const Payload& message) {
    payload() = message;
    count().store(++messages_, std::memory_order_release);
    transport::futex_wake(count());
  }
  void receive(Payload& message) {
    while (count().load(std::memory_order_acquire) == messages_) {
      transport::futex_wait(count(), messages_, 1'000'000'000);
    }
    ++messages_;
    message = payload();
  }

 private:
  std::uint32_t messages_ = 0;  // each process counts for itself
};

class PosixQueue {
 public:
  static constexpr bool uses_kernel = true;

  explicit PosixQueue(const std::string& name) {
    const std::string path = "/" + name + "." + std::to_string(getpid());
    mq_attr attributes{};
    attributes.mq_maxmsg = 8;
    attributes.mq_msgsize = sizeof(Payload);
    queue_ = mq_open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attributes);
    check(queue_ >= 0, "mq_open");
    mq_unlink(path.c_str());
  }
  PosixQueue(const PosixQueue&) = delete;
  ~PosixQueue() { mq_close(queue_); }

  void send(const Payload& payload) {
    check(mq_send(queue_, reinterpret_cast<const char*>(&payload), sizeof payload, 0) == 0, "mq_send");
  }
  void receive(Payload& payload) {
    check(mq_receive(queue_, reinterpret_cast<char*>(&payload), sizeof payload, nullptr) == sizeof payload,
          "mq_receive");
  }

 private:
  mqd_t queue_ = -1;
};

template <class Channel>
std::unique_ptr<Scenario> echo(const char* name) {
  return std::make_unique<EchoRtt<Channel>>(name);
}

}  // namespace

std::unique_ptr<Scenario> make_pipe_rtt() { return echo<Pipe>("latency.pipe"); }
std::unique_ptr<Scenario> make_unix_stream_rtt() { return echo<UnixSocket<SOCK_STREAM>>("latency.unix_stream"); }
std::unique_ptr<Scenario> make_unix_seqpacket_rtt() { return echo<UnixSocket<SOCK_SEQPACKET>>("latency.seqpacket"); }
std::unique_ptr<Scenario> make_eventfd_rtt() { return echo<EventfdChannel>("latency.eventfd"); }
std::unique_ptr<Scenario> make_futex_rtt() { return echo<FutexChannel>("latency.futex"); }
std::unique_ptr<Scenario> make_posix_queue_rtt() { return echo<PosixQueue>("latency.posix_queue"); }

}  // namespace bench

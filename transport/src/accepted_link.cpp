#include "accepted_link.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace ringmail::transport {

std::expected<KeptMail, MemoryFailure> KeptMail::create(const LinkLayout& layout) {
  auto memory = LinkMail::create(layout);
  if (!memory) return std::unexpected(memory.error());
  KeptMail mail;
  mail.layout = layout;
  mail.memory = std::make_shared<LinkMail>(std::move(*memory));
  return mail;
}

std::expected<void, MemoryFailure> KeptMail::resume(Incarnation& next) {
  // The cursor of the one before, for the last time.
  const auto left = ring.unfinished();
  if (last_ran) {
    const bool in_hand = ring.in_hand() == left.cursor;
    attempts = !in_hand ? 0 : attempted == left.cursor ? attempts + 1 : 1;
    attempted = left.cursor;
    last_ran = false;
  }
  return next.resume_at(0,
                        {.cursor = left.cursor, .tail = ring.tail(), .sequence = left.sequence, .attempt = attempts});
}

std::expected<std::unique_ptr<AcceptedLink>, MemoryFailure> AcceptedLink::create(KeptMail& mail, const Hello& hello) {
  auto mirrors = ParkMirrors::create(1);
  if (!mirrors) return std::unexpected(mirrors.error());
  auto memory = Incarnation::create(mail.layout, Trust::untrusted);
  if (!memory) return std::unexpected(memory.error());

  std::unique_ptr<AcceptedLink> link(new AcceptedLink);
  link->name_ = hello.name;
  link->schema_ = hello.schema;
  link->mirrors_ = std::move(*mirrors);
  link->memory_ = std::make_shared<Incarnation>(std::move(*memory));
  const ConsumerBlock* const cursor = link->memory_->host_end(0).mail_consumer;
  if (mail.last == nullptr) {
    mail.ring = RingProducer(mail.memory->producer(0, cursor));
  } else {
    if (auto resumed = mail.resume(*link->memory_); !resumed) return std::unexpected(resumed.error());
    mail.ring.switch_consumer(cursor);
  }
  mail.last = link->memory_;
  ++mail.incarnation;
  link->mail_ = std::move(mail);
  return link;
}

std::expected<void, Refusal> AcceptedLink::welcome(ControlStream stream,
                                                   SocketPeer process,
                                                   const Chosen& chosen,
                                                   Welcome welcome) {
  stream_.emplace(std::move(stream));
  process_ = std::move(process);
  features_ = chosen.features;
  if ((chosen.features & pipe_doorbell) != 0) {
    if (const auto opened = memory_->open_doorbell(); !opened) {
      return std::unexpected(Refusal{RefusalCode::bad_segment,
                                     std::string("the host cannot make a pipe: ") + std::strerror(opened.error())});
    }
  }
  welcome.version = chosen.version;
  welcome.features = chosen.features;
  welcome.incarnation = mail_.incarnation;
  welcome.line_bytes = line_bytes;
  welcome.lanes = 1;
  welcome.mail_to_peer_bytes = mail_.layout.mail_to_peer_bytes;
  welcome.mail_to_host_bytes = mail_.layout.mail_to_host_bytes;
  welcome.control_bytes = mail_.layout.control_bytes;
  welcome.host_pid = static_cast<std::uint32_t>(::getpid());
  std::vector<int> descriptors;
  welcome.segments = memory_->segments(*mail_.memory, mirrors_.segment(), descriptors);
  if (auto sent = stream_->send(Welcome::kind, encode(welcome), descriptors); !sent) {
    return std::unexpected(refusal(sent.error()));
  }
  return {};
}

std::expected<void, MemoryFailure> AcceptedLink::take_ready() {
  mail_.last_ran = true;
  return memory_->seal_peer();
}

Lane AcceptedLink::lane() {
  const auto end = memory_->host_end(0);
  Lane lane{.mail_out = mail_.ring,
            .control_out = end.control_out,
            .mail_in = end.mail_in,
            .control_in = end.control_in,
            .bell = end.bell};
  lane.order(ordering());
  return lane;
}

std::span<const std::byte> AcceptedLink::mail_memory(bool outgoing) const {
  return outgoing ? mail_.memory->data(0) : memory_->mail_in_data(0);
}

bool AcceptedLink::is_dead() const {
  pollfd polled{.fd = process_.death_watch.get(), .events = POLLIN, .revents = 0};
  return polled.fd >= 0 && ::poll(&polled, 1, 0) > 0;
}

KeptMail AcceptedLink::leave_mail(const RingProducer* ring) const {
  KeptMail left = mail_;
  if (ring != nullptr) left.ring = *ring;
  return left;
}

}  // namespace ringmail::transport

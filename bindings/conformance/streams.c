/* What bench/languages measures of C without generated code: a question and streams, by the bytes of docs/spec/message.md. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ringmail.h"

/* Ping and Bulk start with their number, Stream with its count, which its payload follows; Sum is three words. */
enum { ping_size = 32, bulk_size = 1024, stream_size = 16, payload_offset = 8, payload_ping = 1 };

typedef struct {
  ringmail_peer* link;
  ringmail_mailbox sink;
  uint32_t ping, bulk, stream, get, sum;
  uint64_t counts[3];
} Streams;

static int send_stream(const Streams* self, const uint8_t* order) {
  const bool pings = order[payload_offset] == payload_ping;
  uint8_t message[bulk_size] = {0};
  uint64_t count = 0;
  int result = 0;
  memcpy(&count, order, sizeof count);
  for (uint64_t number = 0; number < count && result >= 0; ++number) {
    memcpy(message, &number, sizeof number);
    result = ringmail_send(self->link, self->sink, pings ? self->ping : self->bulk, message,
                           pings ? ping_size : bulk_size, -1);
  }
  return result;
}

static int handle(Streams* self, const ringmail_message* message) {
  const uint32_t type = message->type, length = message->length;
  if ((type == self->ping && length == ping_size) || (type == self->bulk && length == bulk_size)) {
    if (message->correlation != 0) return ringmail_reply(self->link, message, type, message->payload, length);
    ++self->counts[0];
    return 0;
  }
  if (type == self->get) return ringmail_reply(self->link, message, self->sum, self->counts, sizeof self->counts);
  if (type == self->stream && length == stream_size) return send_stream(self, message->payload);
  return message->correlation != 0 ? ringmail_refuse(self->link, message, 1) : 0;
}

int main(void) {
  Streams self = {.ping = ringmail_type_id("conformance.Ping"),
                  .bulk = ringmail_type_id("conformance.Bulk"),
                  .stream = ringmail_type_id("conformance.Stream"),
                  .get = ringmail_type_id("conformance.Get"),
                  .sum = ringmail_type_id("conformance.Sum")};
  const ringmail_options options = RINGMAIL_OPTIONS_INIT;
  ringmail_message message;
  int result = ringmail_attach(&options, &self.link);
  if (result >= 0) result = ringmail_lookup(self.link, "sink", -1, &self.sink);
  while (result >= 0) {
    result = ringmail_receive(self.link, &message);
    if (result > 0) {
      result = handle(&self, &message);
      if (result >= 0) result = ringmail_release(self.link);
    } else if (result == 0) {
      result = ringmail_wait(self.link, -1);
    }
  }
  if (result != RINGMAIL_ESTOPPED) {
    fprintf(stderr, "streams: %s\n", self.link != NULL ? ringmail_error(self.link) : ringmail_strerror(result));
  }
  ringmail_detach(self.link);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

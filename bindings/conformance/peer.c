/* The conformance peer in C: the C ABI, generated messages, and no allocation once it has joined, but for Notes, which are of
   variable length. bindings/README.md says what it does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.mail.h"
#include "ringmail.h"

enum { failed = -1000 }; /* below every code of the C ABI: `failure` says why */

typedef struct {
  ringmail_peer* link;
  ringmail_message in_hand;
  ringmail_mailbox sink; /* 0: not looked up yet */
  bool echoes;
  conformance_Sum sum;
  uint64_t watch;    /* the last monitor */
  uint64_t consults; /* the open asks, in a ring: too many are forgotten */
  struct {
    uint32_t correlation;
    uint64_t number;
  } asked[16];
  char failure[32];
} Peer;

static bool is_asked(const Peer* self) { return self->in_hand.correlation != 0; }

static int reply(Peer* self, uint32_t type, const void* payload, uint32_t size) {
  return ringmail_reply(self->link, &self->in_hand, type, payload, size);
}

/* The answer to who asks where no reply is promised. */
static int done(Peer* self) { return is_asked(self) ? reply(self, ringmail_type_id("ringmail.Done"), NULL, 0) : 0; }

static int find_sink(Peer* self) {
  const char* const name = getenv("CONFORMANCE_SINK");
  return self->sink != 0 ? 0 : ringmail_lookup(self->link, name != NULL ? name : "sink", -1, &self->sink);
}

static int send_to_sink(Peer* self, uint32_t type, const void* payload, uint32_t size) {
  const int found = find_sink(self);
  return found < 0 ? found : ringmail_send(self->link, self->sink, type, payload, size, -1);
}

static void count(Peer* self) {
  ++self->sum.count;
  if (self->in_hand.redelivered != 0) ++self->sum.redelivered;
}

static int on_tick(void* context, const conformance_Tick* message) {
  Peer* const self = context;
  conformance_Tick doubled = *message;
  doubled.price *= 2;
  if (is_asked(self)) return reply(self, conformance_Tick_type, &doubled, sizeof doubled);
  count(self);
  self->sum.total += message->price;
  return self->echoes ? send_to_sink(self, conformance_Tick_type, &doubled, sizeof doubled) : 0;
}

static int return_bytes(Peer* self) {
  const ringmail_message* const message = &self->in_hand;
  if (is_asked(self)) return reply(self, message->type, message->payload, message->length);
  count(self);
  return self->echoes ? send_to_sink(self, message->type, message->payload, message->length) : 0;
}

static int on_ping(void* context, const conformance_Ping* message) {
  (void)message;
  return return_bytes(context);
}

static int on_bulk(void* context, const conformance_Bulk* message) {
  (void)message;
  return return_bytes(context);
}

static int fail(Peer* self, const char* why) {
  snprintf(self->failure, sizeof self->failure, "%s", why);
  return failed;
}

static int reply_note(Peer* self, const conformance_Note* note) {
  const uint32_t size = conformance_Note_bytes(note);
  void* const payload = malloc(size);
  if (payload == NULL) return fail(self, "no memory for a note");
  conformance_Note_write(note, payload);
  const int replied = reply(self, conformance_Note_type, payload, size);
  free(payload);
  return replied;
}

static int on_note(void* context, const conformance_Note* message) {
  Peer* const self = context;
  if (!is_asked(self)) return 0;
  conformance_Note doubled = *message;
  doubled.number *= 2;
  const size_t count = message->values.length;
  double* const values = malloc((count + 1) * sizeof *values);
  if (values == NULL) return fail(self, "no memory for a note");
  for (size_t i = 0; i < count; ++i) values[i] = 2 * message->values.data[i];
  doubled.values.data = values;
  const int replied = reply_note(self, &doubled);
  free(values);
  return replied;
}

static int on_get(void* context) {
  Peer* const self = context;
  return is_asked(self) ? reply(self, conformance_Sum_type, &self->sum, sizeof self->sum) : 0;
}

static int on_fail(void* context, const conformance_Fail* message) {
  Peer* const self = context;
  snprintf(self->failure, sizeof self->failure, "failed with %u", (unsigned)message->code);
  if (is_asked(self)) ringmail_refuse(self->link, &self->in_hand, 2);
  return failed;
}

static int on_stream(void* context, const conformance_Stream* message) {
  Peer* const self = context;
  conformance_Tick tick = {.side = conformance_Side_ask, .live = true};
  conformance_Ping ping = {{0}};
  conformance_Bulk bulk = {0};
  conformance_Tick_set_symbol(&tick, "abc");
  const uint64_t count = message->count;
  int result = 0;
  for (uint64_t number = 0; number < count && result >= 0; ++number) {
    switch (message->payload) {
      case conformance_Payload_tick:
        tick.number = number;
        tick.price = (double)number;
        result = send_to_sink(self, conformance_Tick_type, &tick, sizeof tick);
        break;
      case conformance_Payload_ping:
        ping.words[0] = number;
        result = send_to_sink(self, conformance_Ping_type, &ping, sizeof ping);
        break;
      default:
        bulk.number = number;
        result = send_to_sink(self, conformance_Bulk_type, &bulk, sizeof bulk);
        break;
    }
  }
  return result < 0 ? result : done(self);
}

static int on_watch(void* context, const conformance_Watch* message) {
  Peer* const self = context;
  char name[sizeof message->name + 1];
  ringmail_mailbox mailbox = 0;
  conformance_Watch_get_name(message, name);
  int result = ringmail_lookup(self->link, name, -1, &mailbox);
  if (result >= 0) result = ringmail_monitor(self->link, mailbox, -1, &self->watch);
  return result < 0 ? result : done(self);
}

static int on_unwatch(void* context) {
  Peer* const self = context;
  const int result = ringmail_demonitor(self->link, self->watch, -1);
  return result < 0 ? result : done(self);
}

static int on_down(Peer* self) {
  const ringmail_message* const message = &self->in_hand;
  conformance_Ended ended = {.kind = message->type};
  const size_t length = message->length < sizeof ended.reason ? message->length : sizeof ended.reason;
  memcpy(ended.reason, message->payload, length);
  return send_to_sink(self, conformance_Ended_type, &ended, sizeof ended);
}

static int on_consult(void* context, const conformance_Consult* message) {
  Peer* const self = context;
  const conformance_Ping ping = {{message->number}};
  const uint64_t at = self->consults++ % 16;
  ringmail_mailbox desk = 0;
  int result = ringmail_lookup(self->link, "desk", -1, &desk);
  if (result < 0) return result;
  result = ringmail_ask_within(self->link, desk, conformance_Ping_type, &ping, sizeof ping, -1,
                               (int64_t)message->milliseconds * 1000000, &self->asked[at].correlation);
  self->asked[at].number = message->number;
  return result < 0 ? result : done(self);
}

static int on_answer(Peer* self) {
  const ringmail_message* const message = &self->in_hand;
  conformance_Outcome outcome = {0};
  for (int i = 0; i < 16; ++i) {
    if (self->asked[i].correlation == message->correlation) outcome.number = self->asked[i].number;
  }
  if (message->type == conformance_Ping_type && conformance_Ping_valid(message->payload, message->length)) {
    const conformance_Ping* const ping = message->payload;
    outcome.answered = ping->words[0] == outcome.number;
  }
  return send_to_sink(self, conformance_Outcome_type, &outcome, sizeof outcome);
}

static int on_say(void* context, const conformance_Say* message) {
  Peer* const self = context;
  char text[sizeof message->text + 1];
  conformance_Say_get_text(message, text);
  const int result = ringmail_log(self->link, (int)message->level, text);
  return result < 0 ? result : done(self);
}

static const conformance_Player_handlers handlers = {
    .on_Tick = on_tick,
    .on_Ping = on_ping,
    .on_Bulk = on_bulk,
    .on_Get = on_get,
    .on_Fail = on_fail,
    .on_Stream = on_stream,
    .on_Note = on_note,
    .on_Watch = on_watch,
    .on_Unwatch = on_unwatch,
    .on_Consult = on_consult,
    .on_Say = on_say,
};

/* A message that the handler did not finish is not released: the next incarnation gets it again. */
static int handle(Peer* self) {
  const ringmail_message* const message = &self->in_hand;
  int result = 0;
  if (message->kind == RINGMAIL_MESSAGE) {
    result = conformance_Player_dispatch(&handlers, self, message->type, message->payload, message->length);
    if (result > 0) result = is_asked(self) ? ringmail_refuse(self->link, message, 1) : 0;
  } else {
    result = message->kind == RINGMAIL_DOWN ? on_down(self) : on_answer(self);
  }
  return result < 0 ? result : ringmail_release(self->link);
}

static int run(Peer* self) {
  while (true) {
    int result = ringmail_receive(self->link, &self->in_hand);
    if (result > 0) {
      result = handle(self);
    } else if (result == 0) {
      result = ringmail_wait(self->link, -1);
      if (result == RINGMAIL_EINTERRUPTED) result = 0;
    }
    if (result < 0) return result;
  }
}

int main(int argc, char** argv) {
  Peer self = {.echoes = argc > 1 && strcmp(argv[1], "echo") == 0};
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.schema = conformance_schema;
  options.path = getenv("CONFORMANCE_PATH");
  if (options.path != NULL) options.name = "conformance";
  int result = ringmail_attach(&options, &self.link);
  if (result >= 0) result = run(&self);
  if (result == failed) {
    fprintf(stderr, "%s\n", self.failure);
    ringmail_fail(self.link, self.failure);
  } else if (result != RINGMAIL_ESTOPPED) {
    fprintf(stderr, "peer: %s\n", self.link != NULL ? ringmail_error(self.link) : ringmail_strerror(result));
  }
  ringmail_detach(self.link);
  if (result == RINGMAIL_ESTOPPED) return 0;
  return result == RINGMAIL_ENOTSPAWNED ? 2 : 1;
}

/* One program of a line: it hands each link on to `sink`, with the number that is its argument. The sink may be another one. What is asked is answered. */
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "replacement.mail.h"
#include "ringmail.h"

static uint64_t program;

static int handle(ringmail_peer* peer, ringmail_mailbox sink, const ringmail_message* message) {
  line_Link link = {0};
  switch (message->type) {
    case line_Sleep_type: {
      line_Sleep sleep;
      memcpy(&sleep, message->payload, sizeof sleep);
      thrd_sleep(&(struct timespec){.tv_sec = (time_t)(sleep.milliseconds / 1000),
                                    .tv_nsec = (long)(sleep.milliseconds % 1000) * 1000000L},
                 NULL);
      return message->correlation != 0 ? ringmail_reply(peer, message, line_Sleep_type, &sleep, sizeof sleep) : 0;
    }
    case line_Die_type: abort();
    case line_Link_type: break;
    default: return 0;
  }
  memcpy(&link, message->payload, sizeof link);
  link.program = program;
  link.again = message->redelivered;
  if (message->correlation != 0) return ringmail_reply(peer, message, line_Link_type, &link, sizeof link);
  return ringmail_send(peer, sink, line_Link_type, &link, sizeof link, -1);
}

int main(int count, char** arguments) {
  program = count > 1 ? strtoull(arguments[1], NULL, 10) : 0;
  ringmail_peer* peer = NULL;
  int result = ringmail_attach(NULL, &peer);
  ringmail_mailbox sink = 0;
  if (result == 0) result = ringmail_lookup(peer, count > 2 ? arguments[2] : "sink", 10000000000, &sink);
  while (result >= 0) {
    ringmail_message message;
    result = ringmail_receive(peer, &message);
    if (result == 0) {
      result = ringmail_wait(peer, -1);
    } else if (result == 1) {
      if (message.kind == RINGMAIL_MESSAGE) result = handle(peer, sink, &message);
      if (result >= 0) result = ringmail_release(peer);
    }
  }
  ringmail_detach(peer);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

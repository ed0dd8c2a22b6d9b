/* Outlives its host. Sends what it is sent to the actor named "sink of echoes", and reads it again when that is done: the host may have
   died while it waited for room, and another one have come. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringmail.h"

int main(void) {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.restartable = 1;
  ringmail_peer* peer = NULL;
  ringmail_mailbox sink = 0;
  int result = ringmail_attach(&options, &peer);
  if (result >= 0) result = ringmail_lookup(peer, "sink of echoes", -1, &sink);
  while (result >= 0) {
    ringmail_message message;
    result = ringmail_receive(peer, &message);
    if (result < 0) break;
    if (result == 0) {
      result = ringmail_wait(peer, -1);
      continue;
    }
    uint64_t number;
    if (message.kind == RINGMAIL_MESSAGE && message.length == sizeof number) {
      memcpy(&number, message.payload, sizeof number);
      result = ringmail_send(peer, sink, ringmail_type_id("echo.Ping"), &number, sizeof number, -1);
      if (memcmp(&number, message.payload, sizeof number) != 0) abort();
    }
    if (result >= 0) result = ringmail_release(peer);
  }
  fprintf(stderr, "%s: %s\n", ringmail_strerror(result), ringmail_error(peer));
  ringmail_detach(peer);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

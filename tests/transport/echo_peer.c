/* Answers every ask with what it said, until the host says stop. */
#include <stdio.h>

#include "ringmail.h"

int main(void) {
  ringmail_peer* peer = NULL;
  int result = ringmail_attach(NULL, &peer);

  while (result >= 0) {
    ringmail_message message;
    result = ringmail_receive(peer, &message);
    if (result == 0) {
      result = ringmail_wait(peer, -1);
    } else if (result == 1) {
      if (message.kind == RINGMAIL_MESSAGE && message.correlation != 0) {
        result = ringmail_reply(peer, &message, message.type, message.payload, message.length);
      }
      if (result >= 0) result = ringmail_release(peer);
    }
  }

  if (result != RINGMAIL_ESTOPPED) {
    fprintf(stderr, "echo: %s\n", peer != NULL ? ringmail_error(peer) : ringmail_strerror(result));
  }
  ringmail_detach(peer);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

/* Answers each ask with what it said, but so late that the host sleeps by then: the milliseconds are its first argument. What is
   no ask it sends back to whom it is from, as a message of its own. */
#include <stdlib.h>
#include <threads.h>

#include "ringmail.h"

int main(int count, char** arguments) {
  const struct timespec delay = {.tv_nsec = count > 1 ? 1000000L * atoi(arguments[1]) : 0};
  ringmail_peer* peer = NULL;
  int result = ringmail_attach(NULL, &peer);
  while (result >= 0) {
    ringmail_message message;
    result = ringmail_receive(peer, &message);
    if (result == 0) {
      result = ringmail_wait(peer, -1);
    } else if (result == 1) {
      if (message.correlation != 0) {
        thrd_sleep(&delay, NULL);
        result = ringmail_reply(peer, &message, message.type, message.payload, message.length);
      } else if (message.kind == RINGMAIL_MESSAGE && message.sender != 0) {
        result = ringmail_send(peer, message.sender, message.type, message.payload, message.length, -1);
      }
      if (result >= 0) result = ringmail_release(peer);
    }
  }
  ringmail_detach(peer);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

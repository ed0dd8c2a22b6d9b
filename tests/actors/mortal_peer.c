/* Does what the number in each message says: 0 answers, and every other is one of the ways in which a handler may fail to end.
   Its argument: "deaf" to SIGABRT, or a "loop" that polls. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringmail.h"

enum { answer = 0, die = 1, hang = 2, stop = 3, flood = 4, sleep_on_its_bell = 5 };

static int handle(ringmail_peer* peer, const ringmail_message* message) {
  uint64_t number = answer;
  if (message->length >= sizeof number) memcpy(&number, message->payload, sizeof number);
  switch (number) {
    case die:
      fprintf(stderr, "Traceback (most recent call last):\n  somewhere\nValueError: \033[31mone\n");
      fflush(stderr);
      abort();
    case hang:
      while (1) pause();
    case stop: raise(SIGSTOP); break;
    case flood: {
      int result = 0;
      while (result >= 0) {
        result = ringmail_send(peer, message->sender, message->type, message->payload, message->length, -1);
      }
      return result;
    }
    case sleep_on_its_bell: {
      int64_t longest_ns = 0;
      int result = 0;
      do result = ringmail_prepare(peer, 0, &longest_ns);
      while (result > 0);
      while (result == 0) pause();
      return result;
    }
    default: break;
  }
  if (message->correlation == 0) return 0;
  return ringmail_reply(peer, message, message->type, message->payload, message->length);
}

int main(int count, char** arguments) {
  const char* const manner = count > 1 ? arguments[1] : "";
  if (strcmp(manner, "deaf") == 0) signal(SIGABRT, SIG_IGN);
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.pollable = strcmp(manner, "loop") == 0;
  ringmail_peer* peer = NULL;
  int result = ringmail_attach(&options, &peer);
  while (result >= 0) {
    ringmail_message message;
    result = ringmail_receive(peer, &message);
    if (result == 0) {
      result = ringmail_wait(peer, -1);
    } else if (result == 1) {
      if (message.kind == RINGMAIL_MESSAGE) result = handle(peer, &message);
      if (result >= 0) result = ringmail_release(peer);
    }
  }
  ringmail_detach(peer);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

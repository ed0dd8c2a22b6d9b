/* Greets as greeter.py does, in C. */
#include <stdio.h>

#include "greeting.mail.h"
#include "ringmail.h"

typedef struct {
  ringmail_peer* link;
  ringmail_message in_hand;
} Greeter;

static int on_hello(void* context, const greeting_Hello* hello) {
  Greeter* const self = context;
  greeting_Reply reply = {0};
  snprintf(reply.text, sizeof reply.text, "Hello %.*s, from C", (int)sizeof hello->name, hello->name);
  return ringmail_reply(self->link, &self->in_hand, greeting_Reply_type, &reply, sizeof reply);
}

static const greeting_Greeter_handlers handlers = {.on_Hello = on_hello};

int main(void) {
  Greeter self = {0};
  int result = ringmail_attach(NULL, &self.link);
  while (result >= 0) {
    result = ringmail_receive(self.link, &self.in_hand);
    if (result > 0) {
      const ringmail_message* const message = &self.in_hand;
      result = greeting_Greeter_dispatch(&handlers, &self, message->type, message->payload, message->length);
      if (result >= 0) result = ringmail_release(self.link);
    } else if (result == 0) {
      result = ringmail_wait(self.link, -1);
    }
  }
  ringmail_detach(self.link);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

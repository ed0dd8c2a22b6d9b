/* With the C ABI and generated messages. */
#include <stdio.h>

#include "averaging.mail.h"
#include "ringmail.h"

typedef struct {
  ringmail_peer* link;
  ringmail_message in_hand;
  uint64_t samples;
  double sum;
} Averager;

static int on_sample(void* context, const averaging_Sample* sample) {
  Averager* const self = context;
  ++self->samples;
  self->sum += sample->value;
  return 0;
}

static int on_get(void* context) {
  Averager* const self = context;
  const averaging_Mean mean = {.samples = self->samples,
                               .value = self->samples > 0 ? self->sum / (double)self->samples : 0};
  return ringmail_reply(self->link, &self->in_hand, averaging_Mean_type, &mean, sizeof mean);
}

static const averaging_Averager_handlers handlers = {.on_Sample = on_sample, .on_Get = on_get};

int main(void) {
  Averager self = {0};
  int result = ringmail_attach(NULL, &self.link);
  while (result >= 0) {
    result = ringmail_receive(self.link, &self.in_hand);
    if (result > 0) {
      const ringmail_message* const message = &self.in_hand;
      result = averaging_Averager_dispatch(&handlers, &self, message->type, message->payload, message->length);
      if (result >= 0) result = ringmail_release(self.link);
    } else if (result == 0) {
      result = ringmail_wait(self.link, -1);
    }
  }
  if (result != RINGMAIL_ESTOPPED)
    fprintf(stderr, "averager: %s\n", self.link != NULL ? ringmail_error(self.link) : "no memory");
  ringmail_detach(self.link);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

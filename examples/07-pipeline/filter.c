/* Sends on those flights that are late, each message written where it will be read. */
#include <stdio.h>

#include "pipeline.mail.h"
#include "ringmail.h"

enum { late_minutes = 15, most_flights = 1024 };

typedef struct {
  ringmail_peer* link;
  ringmail_mailbox statistics;
  uint64_t sent;
} Filter;

static int on_flights(void* context, const pipeline_Flights* flights) {
  Filter* const self = context;
  static char origins[most_flights][4];
  static int32_t delays[most_flights];
  size_t late = 0;
  for (size_t i = 0; i < flights->delays.length && late < most_flights; ++i) {
    if (flights->delays.data[i] < late_minutes) continue;
    memcpy(origins[late], flights->origins.data[i], sizeof origins[late]);
    delays[late++] = flights->delays.data[i];
  }
  const pipeline_Flights chosen = {.origins = {(const char(*)[4])origins, late}, .delays = {delays, late}};
  void* room = NULL;
  int result = ringmail_loan(self->link, self->statistics, pipeline_Flights_bytes(&chosen), -1, &room);
  if (result < 0) return result;
  pipeline_Flights_write(&chosen, room);
  self->sent += late;
  return ringmail_publish(self->link, pipeline_Flights_type);
}

static int on_end(void* context, const pipeline_End* end) {
  Filter* const self = context;
  const pipeline_End mine = {.sent = self->sent, .read = end->read};
  return ringmail_send(self->link, self->statistics, pipeline_End_type, &mine, sizeof mine, -1);
}

static const pipeline_Filter_handlers handlers = {.on_Flights = on_flights, .on_End = on_end};

int main(void) {
  Filter self = {0};
  int result = ringmail_attach(NULL, &self.link);
  /* Another peer of the host: from here on there is a lane to it. */
  if (result >= 0) result = ringmail_lookup(self.link, "statistics", -1, &self.statistics);
  while (result >= 0) {
    ringmail_message message;
    result = ringmail_receive(self.link, &message);
    if (result > 0) {
      result = pipeline_Filter_dispatch(&handlers, &self, message.type, message.payload, message.length);
      if (result >= 0) result = ringmail_release(self.link);
    } else if (result == 0) {
      result = ringmail_wait(self.link, -1);
    }
  }
  if (result != RINGMAIL_ESTOPPED)
    fprintf(stderr, "filter: %s\n", self.link != NULL ? ringmail_error(self.link) : "no memory");
  ringmail_detach(self.link);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

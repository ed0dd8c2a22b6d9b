/* What statistics.py does, in C.

       statistics TABLE FLIGHTS

   TABLE is a file with a slot for each of FLIGHTS flights, of the same layout. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "flights.mail.h"
#include "ringmail.h"

enum { most_airports = 1024, slot_bytes = 9 };

typedef struct {
  char code[4];
  int32_t* delays;
  size_t count;
  size_t room;
} Airport;

typedef struct {
  ringmail_peer* link;
  ringmail_message in_hand;
  unsigned char* slots;
  uint64_t flights; /* that there is room for */
  Airport airports[most_airports];
  uint32_t airport_count;
  uint64_t counted;
  uint64_t repeated;
} Statistics;

static Airport* find(Statistics* self, const char* code) {
  for (uint32_t i = 0; i < self->airport_count; ++i) {
    if (memcmp(self->airports[i].code, code, 4) == 0) return &self->airports[i];
  }
  return NULL;
}

/* 0, or -1: there is no memory. */
static int add(Statistics* self, const char* code, int32_t delay) {
  Airport* airport = find(self, code);
  if (airport == NULL) {
    if (self->airport_count == most_airports) return -1;
    airport = &self->airports[self->airport_count++];
    memcpy(airport->code, code, 4);
  }
  if (airport->count == airport->room) {
    airport->room = 2 * airport->room + 64;
    int32_t* const delays = realloc(airport->delays, airport->room * sizeof *delays);
    if (delays == NULL) return -1;
    airport->delays = delays;
  }
  airport->delays[airport->count++] = delay;
  ++self->counted;
  return 0;
}

/* Takes up what a predecessor has left there. */
static int open_table(Statistics* self, const char* path) {
  const size_t bytes = (size_t)self->flights * slot_bytes;
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, (off_t)bytes) != 0) return -1;
  void* const slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (slots == MAP_FAILED) return -1;
  self->slots = slots;
  for (uint64_t i = 0; i < self->flights; ++i) {
    const unsigned char* const slot = self->slots + i * slot_bytes;
    if (slot[slot_bytes - 1] == 0) break; /* flights come in order */
    int32_t delay;
    memcpy(&delay, slot + 4, sizeof delay);
    if (add(self, (const char*)slot, delay) != 0) return -1;
  }
  return 0;
}

static int on_flight(void* context, const flights_Flight* flight) {
  Statistics* const self = context;
  if (flight->index >= self->flights) return 0;
  unsigned char* const slot = self->slots + flight->index * slot_bytes;
  if (slot[slot_bytes - 1] != 0) {
    ++self->repeated;
    return 0;
  }
  memcpy(slot, flight->origin, 4);
  memcpy(slot + 4, &flight->delay, sizeof flight->delay);
  /* Last, so that a flight that is cut short by a death is not there yet: the compiler may not move it. */
  __atomic_store_n(&slot[slot_bytes - 1], 1, __ATOMIC_RELEASE);
  return add(self, flight->origin, flight->delay) == 0 ? 0 : RINGMAIL_ESYSTEM;
}

static int by_value(const void* left, const void* right) {
  const int32_t a = *(const int32_t*)left;
  const int32_t b = *(const int32_t*)right;
  return (a > b) - (a < b);
}

/* The nearest rank. */
static int32_t percentile(const Airport* airport, size_t percent) {
  return airport->delays[(percent * airport->count + 99) / 100 - 1];
}

static int on_ask_delays(void* context, const flights_AskDelays* question) {
  Statistics* const self = context;
  flights_Delays answer = {0};
  memcpy(answer.airport, question->airport, sizeof answer.airport);
  const Airport* const airport = find(self, question->airport);
  if (airport != NULL) {
    int64_t sum = 0;
    for (size_t i = 0; i < airport->count; ++i) sum += airport->delays[i];
    qsort(airport->delays, airport->count, sizeof *airport->delays, by_value);
    answer.count = airport->count;
    answer.mean = (double)sum / (double)airport->count;
    answer.median = percentile(airport, 50);
    answer.p90 = percentile(airport, 90);
    answer.p99 = percentile(airport, 99);
  }
  return ringmail_reply(self->link, &self->in_hand, flights_Delays_type, &answer, sizeof answer);
}

static int on_ask_totals(void* context) {
  Statistics* const self = context;
  const flights_Totals totals = {.flights = self->counted, .airports = self->airport_count, .repeated = self->repeated};
  return ringmail_reply(self->link, &self->in_hand, flights_Totals_type, &totals, sizeof totals);
}

static const flights_Statistics_handlers handlers = {
    .on_Flight = on_flight, .on_AskDelays = on_ask_delays, .on_AskTotals = on_ask_totals};

int main(int argc, char** argv) {
  static Statistics self;
  if (argc != 3) return fprintf(stderr, "statistics TABLE FLIGHTS, please\n"), 2;
  self.flights = strtoull(argv[2], NULL, 10);
  if (open_table(&self, argv[1]) != 0) return perror(argv[1]), 1;
  if (self.counted > 0) printf("took up %llu flights of a predecessor\n", (unsigned long long)self.counted);
  fflush(stdout);
  int result = ringmail_attach(NULL, &self.link);
  while (result >= 0) {
    result = ringmail_receive(self.link, &self.in_hand);
    if (result > 0) {
      const ringmail_message* const message = &self.in_hand;
      result = flights_Statistics_dispatch(&handlers, &self, message->type, message->payload, message->length);
      if (result >= 0) result = ringmail_release(self.link);
    } else if (result == 0) {
      result = ringmail_wait(self.link, -1);
    }
  }
  if (result != RINGMAIL_ESTOPPED)
    fprintf(stderr, "statistics: %s\n", self.link != NULL ? ringmail_error(self.link) : "no memory");
  ringmail_detach(self.link);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

/* A peer that sends back what it is sent, as the conformance peers do, and of which a part may stay behind: on SIGUSR1 it forks without
   exec, and its child, which leaves the session so that nobody kills it with its parent, uses the old mappings. On SIGUSR2 it exits.

   The library refuses to touch the link in a child, so the child writes by itself. Until its parent's successor lives it stores the
   cursors again that it found, which must be of no consequence then, and afterwards anything anywhere in what its parent could write.

   CHAOS_FAULT makes it break the promise that the program is to watch over: it loses, repeats or swaps a message. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ringmail.h"

enum { page = 4096, cursor_at = 0, in_hand_at = 128, spans = 64 };

static volatile sig_atomic_t is_to_fork = 0;
static volatile sig_atomic_t is_to_leave = 0;
static void on_signal(int number) {
  if (number == SIGUSR1) is_to_fork = 1;
  if (number == SIGUSR2) is_to_leave = 1;
}

typedef struct {
  char* data;
  size_t bytes;
} Span;

/* A mapping of this process, by the name of its memory file. */
static Span find_mapping(const char* name) {
  Span found = {NULL, 0};
  FILE* const maps = fopen("/proc/self/maps", "re");
  char line[512];
  char wanted[64];
  snprintf(wanted, sizeof wanted, "/memfd:%s (", name);
  while (maps != NULL && found.data == NULL && fgets(line, sizeof line, maps) != NULL) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    if (strstr(line, wanted) == NULL || strstr(line, " rw-s ") == NULL) continue;
    if (sscanf(line, "%lx-%lx", &begin, &end) != 2) continue;
    found.data = (char*)begin; /* NOLINT: that is what the kernel calls it */
    found.bytes = end - begin;
  }
  if (maps != NULL) fclose(maps);
  return found;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void look_away(void) {
  const struct timespec shortly = {.tv_sec = 0, .tv_nsec = 50000};
  nanosleep(&shortly, NULL);
}

/* The part that is left behind. `wild_ns`: for how long it writes anything. */
static void stay(pid_t parent, unsigned lanes, uint64_t wild_ns) {
  setsid();
  const Span peer = find_mapping("ringmail.peer");
  const Span bell = find_mapping("ringmail.bell");
  if (peer.data == NULL || bell.data == NULL || lanes == 0 || lanes > spans) return;
  const uint64_t give_up_ns = now_ns() + 5000000000;
  while (getppid() == parent) {
    if (now_ns() > give_up_ns) return;
    look_away();
  }

  _Atomic uint64_t* cursors[spans];
  uint64_t found[spans];
  for (unsigned lane = 0; lane < lanes; ++lane) {
    cursors[lane] = (_Atomic uint64_t*)(void*)(peer.data + lane * (peer.bytes / lanes) + cursor_at);
    found[lane] = atomic_load(cursors[lane]);
  }
  /* The peer's bell is that of all its lives, and only who lives and goes to sleep makes the count in its park word greater. */
  _Atomic uint32_t* const park = (_Atomic uint32_t*)(void*)bell.data;
  const uint32_t count = atomic_load(park) >> 2;
  while (atomic_load(park) >> 2 == count) {
    if (now_ns() > give_up_ns) return;
    for (unsigned lane = 0; lane < lanes; ++lane) atomic_store(cursors[lane], found[lane]);
    look_away();
  }

  uint64_t random = now_ns();
  const uint64_t end_ns = now_ns() + wild_ns;
  while (now_ns() < end_ns) {
    for (int i = 0; i < 64; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      atomic_store((_Atomic uint64_t*)(void*)(peer.data + (random >> 20) % (peer.bytes / 8) * 8), random);
    }
    for (unsigned lane = 0; lane < lanes; ++lane) {
      atomic_store(cursors[lane], found[lane] + (random >> 40) % 64 * 64);
      atomic_store((_Atomic uint64_t*)(void*)((char*)cursors[lane] + in_hand_at), random);
    }
    look_away();
  }
}

static unsigned number_of(const char* variable) {
  const char* const text = getenv(variable);
  return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}

static void fork_if_told(void) {
  if (!is_to_fork) return;
  is_to_fork = 0;
  const pid_t parent = getpid();
  if (fork() != 0) return;
  signal(SIGUSR1, SIG_IGN);
  stay(parent, number_of("CHAOS_LANES"), (uint64_t)number_of("CHAOS_WILD_MS") * 1000000);
  _exit(0);
}

typedef struct {
  ringmail_peer* link;
  ringmail_mailbox sink;
  const char* fault;
  uint64_t echoed;
  struct {
    uint32_t type;
    uint32_t length;
    uint32_t lane;
    char bytes[1024];
  } kept; /* to be sent behind the next one of its lane */
} Peer;

static int send_back(const Peer* self, uint32_t type, const void* payload, uint32_t length) {
  return ringmail_send(self->link, self->sink, type, payload, length, -1);
}

static int echo(Peer* self, const ringmail_message* message) {
  const int is_chosen = self->fault != NULL && ++self->echoed == 500;
  int result = 0;
  if (is_chosen && strcmp(self->fault, "lose") == 0) return 0;
  if (is_chosen && strcmp(self->fault, "swap") == 0) {
    self->kept.type = message->type;
    self->kept.length = message->length;
    self->kept.lane = message->lane;
    memcpy(self->kept.bytes, message->payload, message->length);
    return 0;
  }
  result = send_back(self, message->type, message->payload, message->length);
  if (is_chosen && strcmp(self->fault, "repeat") == 0) {
    result = send_back(self, message->type, message->payload, message->length);
  }
  if (result >= 0 && self->kept.length != 0 && self->kept.lane == message->lane) {
    result = send_back(self, self->kept.type, self->kept.bytes, self->kept.length);
    self->kept.length = 0;
  }
  return result;
}

static int handle(Peer* self, const ringmail_message* message) {
  if (message->kind != RINGMAIL_MESSAGE) return 0;
  if (message->type == ringmail_type_id("conformance.Fail")) {
    fprintf(stderr, "failed as told\n");
    ringmail_fail(self->link, "failed as told");
    return -1000;
  }
  const int is_item =
      message->type == ringmail_type_id("conformance.Ping") || message->type == ringmail_type_id("conformance.Bulk");
  if (message->correlation != 0) {
    return is_item ? ringmail_reply(self->link, message, message->type, message->payload, message->length)
                   : ringmail_refuse(self->link, message, 1);
  }
  if (!is_item) return printf("a line of the stray peer\n") < 0 || fflush(stdout) != 0 ? -1000 : 0;
  return echo(self, message);
}

static int run(Peer* self) {
  while (1) {
    ringmail_message message;
    int result = ringmail_receive(self->link, &message);
    if (result > 0) {
      result = handle(self, &message);
      fork_if_told(); /* with the message in hand */
      if (result >= 0) result = ringmail_release(self->link);
    } else if (result == 0) {
      result = ringmail_wait(self->link, -1);
      if (result == RINGMAIL_EINTERRUPTED) result = 0;
      fork_if_told();
    }
    if (is_to_leave) _exit(7);
    if (result < 0) return result;
  }
}

int main(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  Peer self = {.fault = getenv("CHAOS_FAULT")};
  int result = ringmail_attach(NULL, &self.link);
  if (result >= 0) result = ringmail_lookup(self.link, getenv("CONFORMANCE_SINK"), -1, &self.sink);
  if (result >= 0) result = run(&self);
  if (result != RINGMAIL_ESTOPPED && result != -1000) {
    fprintf(stderr, "peer: %s\n", self.link != NULL ? ringmail_error(self.link) : ringmail_strerror(result));
  }
  ringmail_detach(self.link);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

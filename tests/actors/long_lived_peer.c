/* Outlives its host. Sends 1, 2, 3, ... to the actor named "sink", and looks whether what it is sent goes on where it was: the file
   that its argument names is shared with the test. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "long_lived.h"
#include "ringmail.h"

static struct long_lived_end* seen;

static int take(const ringmail_message* message) {
  if (message->kind == RINGMAIL_RESTARTED) {
    __atomic_store_n(&seen->restarts, seen->restarts + 1, __ATOMIC_RELEASE);
    if (message->type != 0) __atomic_store_n(&seen->faults, seen->faults + 1, __ATOMIC_RELEASE);
    return 0;
  }
  uint64_t number;
  if (message->kind != RINGMAIL_MESSAGE || message->length != sizeof number) return 0;
  memcpy(&number, message->payload, sizeof number);
  long_lived_note(seen, number);
  return 0;
}

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const int file = open(arguments[1], O_RDWR);
  struct long_lived* const shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (file < 0 || shared == MAP_FAILED) return 2;
  seen = &shared->c_peer;
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  options.restartable = 1;
  ringmail_peer* peer = NULL;
  ringmail_mailbox sink = 0;
  int result = ringmail_attach(&options, &peer);
  if (result >= 0) result = ringmail_lookup(peer, "sink", -1, &sink);
  for (uint64_t next = 1; result >= 0;) {
    ringmail_message message;
    result = ringmail_receive(peer, &message);
    if (result == 1) {
      result = take(&message);
      if (result >= 0) result = ringmail_release(peer);
      continue;
    }
    if (result == 0) result = ringmail_send(peer, sink, ringmail_type_id("echo.Ping"), &next, sizeof next, -1);
    if (result >= 0) __atomic_store_n(&shared->sent, next++, __ATOMIC_RELEASE);
    /* So that it does not only fill its ring. */
    if (result >= 0 && next % 64 == 0) result = ringmail_wait(peer, 1000000);
    if (result >= 0) result = ringmail_flush(peer);
  }
  fprintf(stderr, "%s: %s\n", ringmail_strerror(result), ringmail_error(peer));
  ringmail_detach(peer);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

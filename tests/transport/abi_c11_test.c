/* The header as C sees it: it compiles, and what lies where in its structs stays. */
#include <assert.h>
#include <string.h>

#include "ringmail.h"

static_assert(RINGMAIL_ABI_VERSION == 1, "bindings were built for this");
static_assert(sizeof(ringmail_mailbox) == 8, "");

static_assert(sizeof(void*) != 8 || sizeof(ringmail_options) == 96, "a field was added: append, and say so here");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_options, path) == 16, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_options, timeout_ns) == 56, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_options, pollable) == 64, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_options, token) == 72, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_options, restartable) == 88, "");

static_assert(sizeof(void*) != 8 || sizeof(ringmail_message) == 48, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, length) == 8, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, type) == 12, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, correlation) == 16, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, kind) == 20, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, redelivered) == 22, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, lane) == 24, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, attempt) == 28, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, target) == 32, "");
static_assert(sizeof(void*) != 8 || offsetof(ringmail_message, sender) == 40, "");

static_assert(sizeof(ringmail_counters) == 40, "");

static_assert(RINGMAIL_ECLOSED == -1 && RINGMAIL_ESTOPPED == -2 && RINGMAIL_ETIMEDOUT == -3 && RINGMAIL_EFULL == -4 &&
                  RINGMAIL_ETOOLONG == -5 && RINGMAIL_EREFUSED == -6 && RINGMAIL_ENOTFOUND == -7 &&
                  RINGMAIL_EPROTOCOL == -8 && RINGMAIL_EMISUSE == -9 && RINGMAIL_EINTERRUPTED == -10 &&
                  RINGMAIL_ENOTSPAWNED == -11 && RINGMAIL_ESYSTEM == -12 && RINGMAIL_EFORKED == -13,
              "codes are for ever");
static_assert(RINGMAIL_MESSAGE == 2 && RINGMAIL_REPLY == 3 && RINGMAIL_NO_REPLY == 4, "as in the frames");
static_assert(RINGMAIL_RESTARTED == 32, "is in no frame");
static_assert(RINGMAIL_TIMED_OUT == 65536 && RINGMAIL_HOST_RESTARTED == 65537,
              "are for ever, and no reasons of a host");

int main(void) {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  ringmail_peer* peer = NULL;
  int failed = 0;
  if (options.size != sizeof options || options.descriptor != -1 || options.path != NULL) failed = 1;
  /* A path that cannot be: nothing is there to attach to, and the library says so in C's terms. */
  options.path = "/nonexistent/ringmail";
  if (ringmail_attach(&options, &peer) != RINGMAIL_ESYSTEM) failed = 1;
  if (peer == NULL || strstr(ringmail_error(peer), options.path) == NULL) failed = 1;
  ringmail_detach(peer);
  ringmail_detach(NULL);
  if (strcmp(ringmail_strerror(RINGMAIL_EFULL), "") == 0) failed = 1;
  return failed;
}

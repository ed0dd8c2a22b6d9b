/*
 * Runs between fork and a peer's own program, because what it does must be done in the child, after its last fork and
 * before its exec, and the library that forks has no hook there.
 *
 *   ringmail-exec <process id of the host> [--<option>=<value>...] -- <program> <argument>...
 *
 * Ties this process's life to its host's, puts upon it what the host wants it to be held to, closes what is not meant for the
 * peer, puts signals back to what they are by default, and becomes the program. Static where it can be, and without anything
 * it does not need. Started as
 *
 *   ringmail-exec <process id of the host> --guard <argument>...
 *
 * it becomes no program, but waits for the host's end; and with --keep, for the next host. With --outlive before all other options the
 * peer is not tied to its host: its keeper ends it.
 */
#define _GNU_SOURCE
#include "exec_helper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec_options.h"

enum {
  control_descriptor = 3, /* behind 0 to 2; with another one behind it where the stream is two pipes */
  exit_misused = 125,
  exit_not_executable = 126,
  exit_not_found = 127,
};

/* What the host ignores would be ignored after exec as well, and a peer expects neither that nor blocked signals. */
static void reset_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int number = 1; number <= last_signal(); ++number) sigaction(number, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* RINGMAIL_FDS is what the host has put into the peer's environment: "3" or "3,4". */
static int first_foreign_descriptor(void) {
  const char* numbers = getenv("RINGMAIL_FDS");
  const char* last = numbers != NULL ? strrchr(numbers, ',') : NULL;
  return (last != NULL ? (int)strtol(last + 1, NULL, 10) : control_descriptor) + 1;
}

int main(int count, char** arguments) {
  if (count < 3) return exit_misused;
  const pid_t host = (pid_t)strtol(arguments[1], NULL, 10);
  if (strcmp(arguments[2], "--guard") == 0) return guard(host, arguments + 3);
  if (strcmp(arguments[2], "--keep") == 0) return keep(arguments + 3);

  const int outlives = strcmp(arguments[2], "--outlive") == 0;
  if (!outlives && die_with(host) != 0) return exit_misused;
  char** command = arguments + 2 + outlives;
  for (; *command != NULL && strcmp(*command, "--") != 0; ++command) {
    if (strncmp(*command, "--", 2) != 0 || apply_option(*command + 2) != 0) return exit_misused;
  }
  if (*command == NULL || *++command == NULL) return exit_misused;
  if (!outlives && still_die_with(host) != 0) return exit_misused;

  close_from(first_foreign_descriptor());
  reset_signals();
  if (apply_filter() != 0) return exit_misused;
  execvp(command[0], command);

  const int reason = errno;
  char what[512] = "run '";
  strncat(what, command[0], sizeof what - 8);
  say_cannot(strcat(what, "'"), "", reason);
  return reason == ENOENT ? exit_not_found : exit_not_executable;
}

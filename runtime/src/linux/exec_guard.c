/*
 * The kernel kills a peer with its host, and nothing but the peer: what the peer had started lives on. So one process waits
 * behind each host for its end, and then kills the groups of all peers that lived, and their control groups with whatever has left
 * its process group.
 *
 *   ringmail-exec <process id of the host> --guard [<directory of control groups>]
 *
 * On stdin it is told of peers, a message each: a process id by the peer itself, before it runs its program, and the same
 * negated by the host when the peer is dead and its group killed. The kernel kills peers before it tells of the host's end,
 * so whoever still says something then has said it before he could start anything.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "exec_helper.h"

enum {
  most_groups = 1 << 16, /* pages that are never touched cost nothing */
  most_attempts = 1000,  /* a millisecond each: processes that were killed are gone soon, or hang in the kernel */
};

static pid_t groups[most_groups];
static int group_count;

static void learn(pid_t told) {
  if (told > 1 && group_count < most_groups) groups[group_count++] = told;
  for (int i = 0; told < -1 && i < group_count; ++i) {
    if (groups[i] == -told) {
      groups[i] = groups[--group_count];
      return;
    }
  }
}

/* Nothing is left to be read, and nobody to write it. */
static void wait_for_end(pid_t host) {
  struct pollfd watched[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = (int)syscall(SYS_pidfd_open, host, 0), .events = POLLIN}};
  /* The end of the stream may be kept from coming by a child of the host's that has not executed anything. */
  int ended = getppid() != host;
  while (1) {
    if (!ended && poll(watched, 2, -1) < 0) continue;
    pid_t told = 0;
    const ssize_t got = recv(STDIN_FILENO, &told, sizeof told, MSG_DONTWAIT);
    if (got == (ssize_t)sizeof told) {
      learn(told);
    } else if (got == 0 || ended) {
      return;
    } else if (watched[1].revents != 0) {
      ended = 1; /* and once more for what was said meanwhile */
    }
  }
}

/* Of a group and the groups in it, one below the other. */
static void remove_cgroups(const char* directory) {
  DIR* const listing = opendir(directory);
  if (listing == NULL) return;
  for (const struct dirent* entry; (entry = readdir(listing)) != NULL;) {
    char path[4096];
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    const int length = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (length > 0 && (size_t)length < sizeof path) remove_cgroups(path);
  }
  closedir(listing);
  const struct timespec shortly = {.tv_nsec = 1000000};
  for (int i = 0; i < most_attempts && rmdir(directory) != 0; ++i) nanosleep(&shortly, NULL);
}

static void kill_cgroup(const char* directory) {
  char path[4096];
  const int length = snprintf(path, sizeof path, "%s/cgroup.kill", directory);
  if (length < 0 || (size_t)length >= sizeof path) return;
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, "1", 1) == 1) remove_cgroups(directory);
  close(file);
}

int guard(pid_t host, char** arguments) {
  /* Whoever ends the host by a signal to a whole session or service means the peers to end after it. */
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  close_from(STDIN_FILENO + 1);
  wait_for_end(host);
  for (int i = 0; i < group_count; ++i) kill(-groups[i], SIGKILL);
  if (arguments[0] != NULL) kill_cgroup(arguments[0]);
  return 0;
}

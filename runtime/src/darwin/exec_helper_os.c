/*
 * macOS kills nobody because another process has ended. So a watcher is left beside the peer: a grandchild, so that it is no
 * child that the peer's program would have to wait for, and in the peer's process group, so that the host ends it together
 * with what else the peer leaves behind.
 */
#include <errno.h>
#include <signal.h>
#include <sys/event.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec_helper.h"

/* 0, or the process has ended already. */
static int tell_end_of(pid_t process, int queue) {
  struct kevent change;
  EV_SET(&change, (uintptr_t)process, EVFILT_PROC, EV_ADD, NOTE_EXIT, 0, NULL);
  return kevent(queue, &change, 1, NULL, 0, NULL);
}

static _Noreturn void watch(pid_t host, pid_t peer) {
  /* A SIGTERM to the group is for the peer, which may live on with it. */
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  close_from(0);

  const int queue = kqueue();
  if (tell_end_of(peer, queue) != 0) _exit(0);
  int host_ended = tell_end_of(host, queue) != 0;
  while (!host_ended) {
    struct kevent event;
    if (kevent(queue, NULL, 0, &event, 1, NULL) != 1) continue;
    if (event.ident == (uintptr_t)peer) _exit(0);
    host_ended = event.ident == (uintptr_t)host;
  }
  kill(peer, SIGKILL);
  kill(-peer, SIGKILL); /* and with it this process */
  _exit(0);
}

int die_with(pid_t host) {
  if (getppid() != host) return -1;
  const pid_t peer = getpid();
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    const pid_t watcher = fork();
    if (watcher == 0) watch(host, peer);
    _exit(watcher < 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status == 0 ? 0 : -1;
}

/* The watcher was left behind before, as the host's user. */
int still_die_with(pid_t host) { return getppid() == host ? 0 : -1; }

void close_from(int first) {
  const int limit = getdtablesize();
  for (int number = first; number < limit; ++number) close(number);
}

int last_signal(void) { return NSIG - 1; }

/* The host refuses what cannot be had here, before it starts anything. */
static int not_here(void) {
  errno = ENOTSUP;
  return -1;
}

int run_on_cpus(const char* numbers) {
  (void)numbers;
  return not_here();
}

int refuse_new_privileges(void) { return 0; /* there is no such thing to set */ }

int drop_privileges(void) { return 0; /* nobody but root has any */ }

int load_filter(const void* instructions, size_t bytes) {
  (void)instructions;
  (void)bytes;
  return not_here();
}

/* The watchers beside the peers do it. */
int guard(pid_t host, char** arguments) {
  (void)host;
  (void)arguments;
  return 1;
}

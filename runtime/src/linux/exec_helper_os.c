#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec_helper.h"

int die_with(pid_t host) {
  /* The kernel does it when the thread that forked this process ends. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* A host that died before that call sends nothing any more. */
  return getppid() == host ? 0 : -1;
}

int still_die_with(pid_t host) { return die_with(host); }

void close_from(int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0) return;
#endif
  const long limit = sysconf(_SC_OPEN_MAX);
  for (long number = first; number < limit; ++number) close((int)number);
}

int last_signal(void) { return SIGRTMAX; }

int run_on_cpus(const char* numbers) {
  cpu_set_t set;
  CPU_ZERO(&set);
  while (*numbers != 0) {
    char* end;
    CPU_SET(strtoul(numbers, &end, 10), &set);
    numbers = *end == ',' ? end + 1 : end;
  }
  return sched_setaffinity(0, sizeof set, &set);
}

int refuse_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int drop_privileges(void) { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); }

int load_filter(const void* instructions, size_t bytes) {
  const struct sock_fprog program = {
      .len = (unsigned short)(bytes / sizeof(struct sock_filter)),
      .filter = (struct sock_filter*)instructions,
  };
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

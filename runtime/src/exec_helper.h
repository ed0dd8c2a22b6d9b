/* What the exec helper asks of the system. One file a platform. */
#ifndef RINGMAIL_EXEC_HELPER_H
#define RINGMAIL_EXEC_HELPER_H

#include <sys/types.h>

/* From now on this process, and the program that it becomes, is killed when its host ends. Not 0: the host is gone already,
 * or nothing would tell of its end. */
int die_with(pid_t host);

/* The kernel forgets it when the user or the group changes. */
int still_die_with(pid_t host);

/* Closes whatever the host has open without close-on-exec: another peer's stream kept open here would hide that it was
 * closed. */
void close_from(int first);

int last_signal(void);

/* These four: 0, or -1 and errno. */
int run_on_cpus(const char* numbers); /* "2,3" */
int refuse_new_privileges(void);
int drop_privileges(void); /* what a user who is not root would pass on to what it executes */
int load_filter(const void* instructions, size_t bytes); /* for good: of what follows, only what it allows */

/* Stays behind the host, and ends what a host that was killed leaves behind. Does not return before. */
int guard(pid_t host, char** arguments);

/* Holds what is to outlive the host. Does not return before nothing is left of that. */
int keep(char** arguments);

#endif

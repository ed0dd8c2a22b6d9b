/* What the exec helper asks of the system. One file a platform. */
#ifndef RINGMAIL_EXEC_HELPER_H
#define RINGMAIL_EXEC_HELPER_H

#include <sys/types.h>

/* From now on this process, and the program that it becomes, is killed when its host ends. Not 0: the host is gone already,
 * or nothing would tell of its end. */
int die_with(pid_t host);

/* Closes whatever the host has open without close-on-exec: another peer's stream kept open here would hide that it was
 * closed. */
void close_from(int first);

int last_signal(void);

#endif

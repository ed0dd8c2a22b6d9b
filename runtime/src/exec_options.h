/* What the host wants done to this process before it becomes a peer: --name=value, the names those of PeerOptions. */
#ifndef RINGMAIL_EXEC_OPTIONS_H
#define RINGMAIL_EXEC_OPTIONS_H

/* One line on stderr, which the host takes for the reason why the peer was not started. */
void say_cannot(const char* what, const char* with, int reason);

/* Done at once, but for the filter, which is only read. Not 0: it could not be done, and was said. */
int apply_option(const char* option);

/* Nothing but exec comes behind it. Not 0: as above. */
int apply_filter(void);

#endif

#include <ringmail.h>
#include <stdio.h>

/* Nobody spawned this program as a peer, so the library has to say so, and its text has to be linked in. */
int main(void) {
  ringmail_options options = RINGMAIL_OPTIONS_INIT;
  ringmail_peer* peer = NULL;
  const int code = ringmail_attach(&options, &peer);
  printf("%s\n", ringmail_strerror(code));
  ringmail_detach(peer);
  return code < 0 ? 0 : 1;
}

/* Sends a Pong to whoever has sent a Ping. The least that a peer can be, so that its start is the host's and the kernel's. */
#include "echo.mail.h"
#include "ringmail.h"

int main(void) {
  ringmail_peer* link = 0;
  ringmail_message message;
  int result = ringmail_attach(0, &link);
  while (result >= 0) {
    result = ringmail_receive(link, &message);
    if (result == 0) {
      result = ringmail_wait(link, -1);
    } else if (result > 0) {
      if (message.kind == RINGMAIL_MESSAGE && echo_Ping_valid(message.payload, message.length)) {
        result = ringmail_send(link, message.sender, echo_Pong_type, message.payload, message.length, -1);
      }
      if (result >= 0) result = ringmail_release(link);
    }
  }
  ringmail_detach(link);
  return result == RINGMAIL_ESTOPPED ? 0 : 1;
}

#include "greeting.mail.h"

int main(void) {
  const outside_Greeting greeting = {.times = 1};
  return outside_Greeting_valid(&greeting, sizeof greeting) ? 0 : 1;
}

#include <ringmail.h>

#include "greeting.mail.hpp"

int main() {
  const outside::Greeting greeting{.times = 1};
  return greeting.times == 1 && ringmail_type_id("outside.Greeting") != 0 ? 0 : 1;
}

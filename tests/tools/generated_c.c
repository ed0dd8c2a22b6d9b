/* Generated code as C11 takes it, with every warning. */
#include "generated_c.h"

#include "grown.mail.h"
#include "second.mail.h"
#include "vectors.mail.h"

static const char* const schema = test_market_schema; /* a constant expression */

test_market_Tick tick_from_c(void) {
  test_market_Tick tick = {.time = 7, .side = test_market_Side_ask, .live = true, .mask = test_market_Mask_all};
  tick.limit = test_market_Limit_least;
  test_market_Tick_set_symbol(&tick, "ABC");
  test_market_Tick_set_codes(&tick, 1, "abcd");
  tick.legs[1].ratio = -3;
  return tick;
}

static int on_tick(void* context, const test_market_Tick* tick) {
  Handled* const handled = context;
  ++handled->ticks;
  handled->last_time = tick->time;
  return tick->time == 0 ? -9 : 0;
}

static int on_reset(void* context) {
  ++((Handled*)context)->resets;
  return 0;
}

int dispatch_in_c(Handled* handled, uint32_t type, const void* payload, size_t size) {
  static const test_market_Pricer_handlers handlers = {.on_Tick = on_tick, .on_Reset = on_reset};
  return test_market_Pricer_dispatch(&handlers, handled, type, payload, size);
}

const char* schema_in_c(void) { return schema; }

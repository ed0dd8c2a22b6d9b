/* What generated_c.c does with generated code in C, for generated_c_test.cpp to look at. */
#pragma once

#include "market.mail.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Handled {
  int ticks;
  int resets;
  uint64_t last_time;
} Handled;

test_market_Tick tick_from_c(void);
int dispatch_in_c(Handled* handled, uint32_t type, const void* payload, size_t size);
const char* schema_in_c(void);

#ifdef __cplusplus
}
#endif

/* Waiting for room: SYNC(want), SYNC(cursor). A producer that sleeps beside a full ring, and the consumer that makes room.
 *
 *   producer                        consumer
 *   want = 1; word = parked n       cursor
 *   barrier                         barrier
 *   load cursor; futex_wait         load want; if it is set: load word; cas to ringing; futex_wake
 *
 * Holds: all messages come through. ASYMMETRIC: the consumer has no barrier, and the producer's is a membarrier. */
#include "memory.pml"

#define MESSAGES 4
#define CAPACITY 1 /* so that there is no later cursor to make good for a lost ring */
#define awake 0
#define parked 1
#define ringing 2
#define WORD(count, state) ((count) * 4 + (state))
#define COUNT(word) ((word) / 4)
#define STATE(word) ((word) % 4)

byte word = WORD(0, awake); /* the producer's */
bool want = false;
byte tail = 0;
byte cursor = 0; /* as everybody sees it */
Buffer cursor_stored;
byte read_ = 0;
bool asleep = false;

active proctype Producer() {
  byte count = 0;
  do
  :: tail == MESSAGES -> break
  :: tail < MESSAGES && tail - cursor < CAPACITY -> tail++
  :: else ->
    want = true;
    do
    :: tail - cursor < CAPACITY -> break
    :: else ->
      count++;
      word = WORD(count, parked);
#if defined(ASYMMETRIC) && !defined(NO_MEMBARRIER)
      barrier(cursor_stored);
#endif
      if
#ifndef NO_LOOK_AFTER_MARK
      :: tail - cursor < CAPACITY
#endif
      :: else ->
        atomic {
          if
          :: word == WORD(count, parked) -> asleep = true
          :: else
          fi
        };
        !asleep
      fi;
      word = WORD(count, awake)
    od;
    want = false
  od
}

active proctype Consumer() {
  byte rung = 255;
  byte seen;
  byte stored = 0;
end:
  do
  :: read_ < tail ->
    read_++;
#ifdef CURSOR_EVERY_N_MESSAGES
    /* More than fit, and not when it runs dry. */
    if
    :: read_ - stored < CAPACITY + 1 -> goto end
    :: else
    fi;
#endif
    stored = read_;
#if defined(ASYMMETRIC) || defined(NO_CONSUMER_BARRIER)
    store_later(cursor_stored, read_);
#else
    cursor = read_;
#endif
#ifndef NOBODY_RINGS_A_WRITER
    if
    :: !want
    :: want ->
      seen = word;
      if
      :: STATE(seen) == awake || COUNT(seen) == rung
      :: else ->
        rung = COUNT(seen);
        atomic {
          if
          :: word == WORD(rung, parked) -> word = WORD(rung, ringing)
          :: else
          fi
        };
        asleep = false
      fi
    fi
#endif
  od
}

active proctype Drain() {
end:
  do
  :: atomic { cursor_stored.holds -> cursor = cursor_stored.value; cursor_stored.holds = false }
  od
}

init { timeout -> assert(read_ == MESSAGES) }

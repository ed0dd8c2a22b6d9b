/* Parking: SYNC(park). One consumer with a ring from each of two producers, the first of which may die.
 *
 *   consumer                        producer
 *   word = parked n                 publish
 *   barrier                         barrier
 *   poll; futex_wait(word, n)       load word; cas to ringing; futex_wake
 *
 * Holds: whoever lives to the end of its ring() has been read. There is no bounded sleep here.
 *
 * ASYMMETRIC: the producers have no barrier, and the consumer's is a membarrier. */
#include "memory.pml"

#define MESSAGES 2
#define awake 0
#define parked 1
#define ringing 2
#define WORD(count, state) ((count) * 4 + (state))
#define COUNT(word) ((word) / 4)
#define STATE(word) ((word) % 4)

byte word = WORD(0, awake);
Buffer word_stored; /* the consumer's */
byte published[2];  /* as everybody sees it */
Buffer published_stored[2];
byte read_[2];
bool asleep = false;
bool finished[2];

inline poll(found) {
  found = (published[0] > read_[0]);
  if :: found :: else -> found = (published[1] > read_[1]) fi
}

active proctype Consumer() {
  byte count = 0;
  bool found;
  do
  :: published[0] > read_[0] -> read_[0]++
  :: published[1] > read_[1] -> read_[1]++
  :: else ->
    count++;
#ifdef NO_CONSUMER_BARRIER
    store_later(word_stored, WORD(count, parked));
#else
    word = WORD(count, parked);
#endif
#if defined(ASYMMETRIC) && !defined(NO_MEMBARRIER)
    barrier(published_stored[0]);
    barrier(published_stored[1]);
#endif
    found = false;
#ifndef NO_POLL_AFTER_MARK
    poll(found);
#endif
    if
    :: found
    :: else ->
      /* The kernel compares under its own lock. What this thread has stored it sees itself. */
      atomic {
        if
        :: (word_stored.holds && word_stored.value == WORD(count, parked)) || word == WORD(count, parked) -> asleep = true
        :: else
        fi
      }
end_asleep:
      !asleep
    fi;
    barrier(word_stored);
    word = WORD(count, awake)
  od
}

proctype Producer(byte me; bool may_die) {
  byte message = 0;
  byte rung = 255; /* the count of the sleep that it rang for last */
  byte seen;
  do
  :: message == MESSAGES -> break
  :: else ->
    message++;
#if defined(ASYMMETRIC) || defined(NO_PRODUCER_BARRIER)
    store_later(published_stored[me], message);
#else
    published[me] = message;
#endif
    seen = word;
    if
    :: STATE(seen) == awake
    :: STATE(seen) != awake && COUNT(seen) == rung
#ifdef RELIES_ON_OTHERS
    :: STATE(seen) == ringing && COUNT(seen) != rung
    :: STATE(seen) == parked && COUNT(seen) != rung ->
#else
    :: STATE(seen) != awake && COUNT(seen) != rung ->
#endif
      rung = COUNT(seen);
#ifndef LEAVES_THE_WORD
      atomic {
        if
        :: word == WORD(rung, parked) -> word = WORD(rung, ringing)
        :: else
        fi
      };
#endif
      if
      :: may_die -> goto dead
      :: true
      fi;
      asleep = false /* futex_wake */
    fi
  od;
  finished[me] = true;
dead:
  skip
}

/* The store buffers drain when they like. */
active proctype Drain() {
end:
  do
  :: atomic { published_stored[0].holds -> published[0] = published_stored[0].value; published_stored[0].holds = false }
  :: atomic { published_stored[1].holds -> published[1] = published_stored[1].value; published_stored[1].holds = false }
  :: atomic { word_stored.holds -> word = word_stored.value; word_stored.holds = false }
  od
}

init {
  atomic { run Producer(0, true); run Producer(1, false) };
  /* Nobody can go on: the consumer sleeps for ever. */
  timeout ->
    assert(!finished[0] || read_[0] == MESSAGES);
    assert(finished[1] && read_[1] == MESSAGES)
}

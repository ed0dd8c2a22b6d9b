/* Cold rings: SYNC(cold). A consumer that polls a ring only when a bit says so, and how the ring came to it.
 *
 *   consumer                        producer
 *   cold = 1                        publish
 *   barrier                         barrier
 *   poll                            load cold; if it is set: set the bit
 *   later, if the bit is set:       load word; wake
 *   clear the bit, unmark, poll as before
 *
 * The producer learns of the ring after the consumer polls it. Sleeping is as in park.pml, in one step where that does no harm.
 * Holds: all messages come through. ASYMMETRIC: the producer has no barrier, and the consumer's are membarriers. */
#include "memory.pml"

#define MESSAGES 3

bool parked = false, asleep = false;
bool cold = false, pending = false;
bool polled = false, known = false; /* the ring: by the consumer, by the producer */
byte published = 0;
Buffer published_stored;
byte read_ = 0;

inline membarrier() {
#if defined(ASYMMETRIC) && !defined(NO_MEMBARRIER)
  barrier(published_stored)
#else
  skip
#endif
}

active proctype Consumer() {
  do
  :: pending ->
    pending = false;
    cold = false
  :: polled && !cold && read_ < published -> read_++
  :: polled && !cold && !pending -> /* quiet for long */
    cold = true;
    membarrier();
#ifndef NO_POLL_AFTER_MARK
    if
    :: read_ < published -> cold = false
    :: else
    fi
#endif
#ifdef CLEARS_THE_BIT_AFTER_MARKING
    ;pending = false /* of the time before */
#endif
  :: !pending && !(polled && !cold && read_ < published) ->
    parked = true;
    membarrier();
    if
    :: pending || (polled && !cold && read_ < published)
    :: else ->
      atomic {
        if
        :: parked -> asleep = true
        :: else
        fi
      };
end_asleep:
      !asleep
    fi;
    parked = false
  od
}

/* Whoever makes the lane: it is in the poll list before its producer hears of it. */
active proctype Maker() {
#ifdef USED_BEFORE_IT_IS_POLLED
  known = true;
  polled = true
#else
  polled = true;
  known = true
#endif
}

active proctype Producer() {
  byte message = 0;
  known;
  do
  :: message == MESSAGES -> break
  :: else ->
    message++;
#if defined(ASYMMETRIC) || defined(NO_PRODUCER_BARRIER)
    store_later(published_stored, message);
#else
    published = message;
#endif
    if
    :: cold -> pending = true
    :: else
    fi;
    if
    :: parked -> atomic { parked = false; asleep = false }
    :: else
    fi
  od
}

active proctype Drain() {
end:
  do
  :: atomic { published_stored.holds -> published = published_stored.value; published_stored.holds = false }
  od
}

init { timeout -> assert(read_ == MESSAGES) }

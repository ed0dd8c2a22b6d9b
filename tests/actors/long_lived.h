/* What hosts that are killed, the peers that outlive them and the test have seen, in a file that all of them map. */
#ifndef RINGMAIL_TESTS_LONG_LIVED_H
#define RINGMAIL_TESTS_LONG_LIVED_H

#include <stdint.h>

/* One end of a stream of the numbers 1, 2, 3, ... */
struct long_lived_end {
  uint64_t last;      /* the highest */
  uint64_t repeats;   /* of those up to it */
  uint64_t stretches; /* that were repeated, each without a gap and up to the last */
  uint64_t again;     /* of such a stretch, where it stands; 0: in none */
  uint64_t faults;    /* any other that was not the next */
  uint64_t restarts;
  uint64_t chains[2]; /* of all, each once, in the order in which they came: at the parity of `last`, so that whoever is killed while he
                         notes a number leaves that of the one before */
};

struct long_lived {
  struct long_lived_end sink, echo_sink, c_peer;
  uint64_t sent;            /* by the C peer */
  uint64_t next, echo_next; /* that the host is to send */
};

static inline uint64_t long_lived_chain(uint64_t chain, uint64_t number) {
  return (chain ^ number) * 0x9e3779b97f4a7c15u + (chain >> 29);
}

static inline void long_lived_note(struct long_lived_end* end, uint64_t number) {
  const uint64_t last = __atomic_load_n(&end->last, __ATOMIC_RELAXED);
  if (number <= last) {
    if (end->again == 0 || number != end->again + 1) ++end->stretches;
    end->again = number;
    ++end->repeats;
    return;
  }
  if (number != last + 1 || (end->again != 0 && end->again != last)) ++end->faults;
  end->again = 0;
  end->chains[number % 2] = long_lived_chain(end->chains[(number - 1) % 2], number);
  __atomic_store_n(&end->last, number, __ATOMIC_RELEASE);
}

#endif

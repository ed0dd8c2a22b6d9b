/*
 * What a host and its keeper say to each other, a message each (SOCK_SEQPACKET): a head, a name, a note, and descriptors. One machine,
 * one user and, mostly, one version: integers are as they lie in memory, and what is not understood ends the connection.
 *
 * The connection also carries process ids alone, of four bytes, as they are told to a guard (linux/exec_guard.c).
 */
#ifndef RINGMAIL_KEEPER_WORDS_H
#define RINGMAIL_KEEPER_WORDS_H

#include <stdint.h>

enum {
  keeper_host = 0x314b4d52, /* "RMK1"; by a host, first: from now on it is the host, and is told of all that is held */
  keeper_put = 2,           /* by the host: to be held under that name, in place of what was */
  keeper_drop = 3,          /* by the host: no more */
  keeper_item = 4, /* to the host: what is held; behind the descriptors, if pid is not 0, a pidfd of the process */
  keeper_end = 5,  /* to the host: that was all */
};

struct keeper_head {
  uint32_t word;
  uint32_t pid;     /* of the peer's process, which leads its group; 0: there is none */
  uint64_t time_ns; /* for which it is held when the host has ended */
  uint32_t name_bytes;
  uint32_t note_bytes; /* the host's own, for the next one */
};

enum {
  keeper_most_name = 255,
  keeper_most_note = 1 << 16,
  keeper_most_fds = 9, /* in an item; in a put one less, for the pidfd */
  keeper_most_bytes = sizeof(struct keeper_head) + keeper_most_name + keeper_most_note + 1,
};

#endif

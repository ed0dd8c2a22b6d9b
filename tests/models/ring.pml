/* A ring: what is written to which line in which order (P1 to P4, C1 and C2 of ring.hpp), for every choice of lengths, batches,
 * cancelled loans and moments of the cursor.
 *
 * A line is one word here: that of a frame's first line is its commit word or 0, that of another line is payload. Stores are
 * seen in their order, which is what release and acquire give, so processes may simply take turns.
 *
 * Holds: the consumer reads exactly what was committed, in order, and no frame changes under it before its cursor has passed. */

#define LINES 8
#define MESSAGES 5
#define LONGEST 3 /* not half the ring, to leave more to choose */
#define AHEAD 2

#define PAYLOAD 255
#define IS_PADDING 128
#define COMMIT(length, sequence) ((length) + 8 * ((sequence) % 16))
#define LENGTH(word) ((word) % 8)
#define SEQUENCE(word) (((word) % IS_PADDING) / 8)
#define LINE(position) line[(position) % LINES]

byte line[LINES];
byte cursor = 0;
byte committed = 0, received = 0;

active proctype Producer() {
  byte tail = 0, next = 0, zeroed = 0, seen = 0; /* the cursor as last read */
  byte first = 0;                                /* commit word of the batch's first frame */
  byte sequence = 0, length, padding, i;
  bool loaned;
end:
  do
  :: committed == MESSAGES && next == tail -> break
  :: committed < MESSAGES ->
    select(length : 1 .. LONGEST);
    padding = ((next % LINES) + length > LINES -> LINES - (next % LINES) : 0);
    /* Is there room? */
    loaned = true;
#ifdef TERMINATOR_UNCOUNTED
#define TERMINATOR 0
#else
#define TERMINATOR 1
#endif
    if
    :: next + padding + length + TERMINATOR - seen <= LINES
    :: else ->
      seen = cursor;
      if
      :: next + padding + length + TERMINATOR - seen <= LINES
      :: else ->
        loaned = false; /* publish, and try again */
        if
        :: next == tail -> cursor != seen
        :: else
        fi
      fi
    fi;
    if
    :: !loaned
    :: loaned ->
      i = 1;
      do
      :: i < length -> LINE(next + padding + i) = PAYLOAD; i++
      :: else -> break
      od;
      if
      :: true -> /* cancel */
#ifndef CANCEL_KEEPS_TERMINATORS
        zeroed = next
#else
        skip
#endif
      :: true -> /* commit */
        if
        :: padding > 0 ->
          d_step {
            if
            :: next == tail -> first = IS_PADDING + COMMIT(padding, sequence)
            :: else -> LINE(next) = IS_PADDING + COMMIT(padding, sequence)
            fi;
            sequence++;
            next = next + padding
          };
#ifdef PADDING_ALONE
          LINE(next) = 0;
          LINE(tail) = first;
          tail = next
#endif
        :: else
        fi;
        d_step {
          if
          :: next == tail ->
#ifdef KIND_ZERO
            first = 0
#else
            first = COMMIT(length, sequence)
#endif
          :: else -> LINE(next) = COMMIT(length, sequence)
          fi;
          sequence++;
          next = next + length;
          committed++
        }
      fi
    fi;
    if
    :: next == tail
    :: next != tail && committed < MESSAGES && loaned /* a larger batch */
    :: next != tail -> goto publish
    fi
  :: next != tail && committed == MESSAGES ->
publish:
#ifdef FIRST_WORD_FIRST
    LINE(tail) = first;
#endif
#ifndef NO_TERMINATOR
    if
    :: zeroed <= next -> LINE(next) = 0; zeroed = next + 1
    :: else
    fi;
#endif
#ifndef FIRST_WORD_FIRST
    LINE(tail) = first;
#endif
    tail = next;
#ifdef AHEAD_OF_THE_CURSOR
#define FREE true
#else
#define FREE (zeroed + 1 - seen <= LINES)
#endif
#ifndef NO_TERMINATOR
    do
    :: zeroed <= tail + AHEAD && FREE -> LINE(zeroed) = 0; zeroed++
    :: else -> break
    od
#endif
  od
}

active proctype Consumer() {
  byte position = 0, sequence = 0, word, i;
end:
  do
  :: LINE(position) != 0 ->
    word = LINE(position);
    assert(word != PAYLOAD && SEQUENCE(word) == sequence % 16);
    if
    :: word < IS_PADDING ->
      i = 1;
      do
      :: i < LENGTH(word) -> assert(LINE(position + i) == PAYLOAD); i++
      :: else -> break
      od;
      received++
    :: else ->
      /* P3: its message is there. */
      assert(LINE(position + LENGTH(word)) != 0)
    fi;
    position = position + LENGTH(word);
    sequence++;
    if
    :: cursor = position
    :: position - cursor < LINES / 4 /* later, but never so late that both would wait */
    fi
  :: cursor != position && LINE(position) == 0 -> cursor = position /* it has run dry */
  od
}

init { timeout -> assert(committed == MESSAGES && received == MESSAGES) }

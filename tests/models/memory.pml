/* What a processor with store buffers does to a word that one process writes and others read: a store is seen by others later,
 * in the order of the stores, and the loads behind it may come first. A buffer here holds one store, which is enough for one
 * store and one load behind it. A barrier waits until the buffer is empty; a membarrier empties those of all others. */

typedef Buffer { bool holds; byte value }

/* Not seen by others yet. */
inline store_later(buffer, new_value) {
  atomic { !buffer.holds; buffer.value = new_value; buffer.holds = true }
}

inline barrier(buffer) { !buffer.holds }

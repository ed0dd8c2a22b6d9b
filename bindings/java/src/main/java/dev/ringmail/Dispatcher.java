package dev.ringmail;

import java.nio.ByteBuffer;

/** Handles the messages of several types: the dispatch() of a generated protocol is one. */
@FunctionalInterface
public interface Dispatcher {
  /**
   * Handles one message.
   *
   * @param message the payload, from position to limit, little-endian and read-only; good until this returns
   * @param reply where a reply is written, from its position on, which is then behind it
   * @return the type id of the reply, or 0 for none
   */
  int dispatch(int type, ByteBuffer message, ByteBuffer reply) throws Exception;
}

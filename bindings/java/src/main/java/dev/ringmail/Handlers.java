package dev.ringmail;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/** Who handles which type. Looking it up allocates nothing. */
final class Handlers {
  // Of a fixed size. One that is too long for the ring is refused there, by a text that says so.
  private static final int MAX_FIXED_BYTES = 1 << 16;

  private record Protocol(IntPredicate accepts, Dispatcher dispatcher) {}

  private int[] types = {};
  private Handler[] handlers = {};
  private final List<Protocol> protocols = new ArrayList<>();
  private final ByteBuffer reply;

  /** A reply has at most so many bytes. */
  Handlers(int maxReplyBytes) {
    reply = ByteBuffer.allocate(Math.max(maxReplyBytes, MAX_FIXED_BYTES)).order(ByteOrder.LITTLE_ENDIAN);
  }

  void add(int type, Handler handler) {
    int at = Arrays.binarySearch(types, type);
    if (at >= 0) throw new IllegalArgumentException(String.format("type 0x%08x has a handler already", type));
    int place = -at - 1;
    int[] moreTypes = Arrays.copyOf(types, types.length + 1);
    Handler[] moreHandlers = Arrays.copyOf(handlers, handlers.length + 1);
    System.arraycopy(types, place, moreTypes, place + 1, types.length - place);
    System.arraycopy(handlers, place, moreHandlers, place + 1, handlers.length - place);
    moreTypes[place] = type;
    moreHandlers[place] = handler;
    types = moreTypes;
    handlers = moreHandlers;
  }

  void add(IntPredicate accepts, Dispatcher dispatcher) {
    protocols.add(new Protocol(accepts, dispatcher));
  }

  /** False if there is no handler. */
  boolean handle(Mail mail) throws Exception {
    int at = Arrays.binarySearch(types, mail.type());
    if (at >= 0) {
      handlers[at].handle(mail);
      return true;
    }
    for (int i = 0; i < protocols.size(); ++i) {
      Protocol protocol = protocols.get(i);
      if (!protocol.accepts.test(mail.type())) continue;
      int type = protocol.dispatcher.dispatch(mail.type(), mail.payload(), reply.clear());
      if (type != 0 && mail.asked()) mail.reply(type, reply, 0, reply.position());
      return true;
    }
    return false;
  }
}

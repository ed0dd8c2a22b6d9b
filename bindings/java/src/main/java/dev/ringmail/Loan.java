package dev.ringmail;

import dev.ringmail.link.Outbox;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Room in the ring to the host. Closed without having been published, it is not sent. */
public final class Loan implements AutoCloseable {
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(4096).asReadOnlyBuffer();

  private final Outbox outbox;
  private ByteBuffer ring; // of the loan before, most often the same
  private ByteBuffer room;
  private boolean open;

  Loan(Outbox outbox) {
    this.outbox = outbox;
  }

  Loan open(int at, int length) {
    ByteBuffer data = outbox.loanRing().data();
    if (data != ring) {
      ring = data;
      room = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }
    room.limit(at + length).position(at);
    for (int done = 0; done < length; done += ZEROS.capacity()) {
      room.put(at + done, ZEROS, 0, Math.min(length - done, ZEROS.capacity()));
    }
    open = true;
    return this;
  }

  /** The room, from position to limit, little-endian. It is empty once the loan is closed. */
  public ByteBuffer buffer() {
    checkOpen();
    return room;
  }

  /** Where the room starts in {@link #buffer()}. */
  public int offset() {
    checkOpen();
    return room.position();
  }

  /** Sends what was written, as a message of this type, with the rest of its batch. */
  public void publish(int type) {
    checkOpen();
    outbox.commitLoan(type, 0);
    end();
  }

  @Override
  public void close() {
    if (!open) return;
    outbox.cancelLoan();
    end();
  }

  private void end() {
    open = false;
    room.limit(0);
  }

  private void checkOpen() {
    if (!open) throw new IllegalStateException("this loan is closed");
  }
}

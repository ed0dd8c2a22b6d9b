package dev.ringmail.conformance;

import dev.ringmail.Mail;
import dev.ringmail.Mailbox;
import dev.ringmail.Peer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;

/** What bench/languages measures of Java without generated code: a question and streams, by the bytes of docs/spec/message.md. */
public final class Streams {
  private static final Duration PATIENCE = Duration.ofDays(1);

  private static final int PING = Mail.typeId("conformance.Ping");
  private static final int BULK = Mail.typeId("conformance.Bulk");

  // Ping and Bulk start with their number, Stream with its count, which its payload follows; Sum with its count.
  private static final int PING_SIZE = 32;
  private static final int BULK_SIZE = 1024;
  private static final int PAYLOAD_OFFSET = 8;
  private static final byte PAYLOAD_PING = 1;

  private final ByteBuffer sum = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
  private final ByteBuffer message = ByteBuffer.allocateDirect(BULK_SIZE).order(ByteOrder.LITTLE_ENDIAN);
  private final Mailbox sink;
  private long count;

  private Streams(Peer peer) throws Exception {
    sink = peer.lookup("sink");
    peer.on(PING, mail -> take(mail, PING_SIZE));
    peer.on(BULK, mail -> take(mail, BULK_SIZE));
    peer.on(Mail.typeId("conformance.Stream"), this::send);
    int answer = Mail.typeId("conformance.Sum");
    peer.on(Mail.typeId("conformance.Get"), mail -> mail.reply(answer, sum.putLong(0, count)));
  }

  public static void main(String[] arguments) throws Exception {
    try (Peer peer = Peer.attach()) {
      new Streams(peer);
      peer.run();
    }
  }

  private void take(Mail mail, int size) throws InterruptedException {
    if (mail.length() != size) throw new IllegalArgumentException("a message of " + mail.length() + " bytes");
    if (mail.asked()) {
      mail.reply(mail.type(), mail.payload());
    } else {
      ++count;
    }
  }

  private void send(Mail mail) throws InterruptedException {
    ByteBuffer order = mail.payload();
    long total = order.getLong(order.position());
    boolean pings = order.get(order.position() + PAYLOAD_OFFSET) == PAYLOAD_PING;
    for (long number = 0; number < total; ++number) {
      message.putLong(0, number);
      sink.send(pings ? PING : BULK, message, 0, pings ? PING_SIZE : BULK_SIZE, PATIENCE);
    }
  }
}

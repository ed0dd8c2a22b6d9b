// Attaches as "guest" and looks for the next host by itself. Its arguments: the path, the token, and a file. It sends 1 to the actor named
// "sink"; when the file is there it takes it away, and sends three more, which nobody reads; and 2 when it has been told all that there is
// to tell of a restart. Who is refused exits with the code of that.
import dev.ringmail.Down;
import dev.ringmail.Mail;
import dev.ringmail.Mailbox;
import dev.ringmail.NoReplyException;
import dev.ringmail.Peer;
import dev.ringmail.PeerOptions;
import dev.ringmail.RefusedException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

final class ReturningPeer {
  private static final int PING = Mail.typeId("echo.Ping");

  private static ByteBuffer number(long number) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, number);
  }

  public static void main(String[] arguments) throws Exception {
    PeerOptions options =
        new PeerOptions().path(Path.of(arguments[0])).name("guest").token(arguments[1]).reconnect(Duration.ofSeconds(60));
    Path go = Path.of(arguments[2]);
    try (Peer peer = Peer.attach(options)) {
      List<String> told = new ArrayList<>();
      peer.onRestart(unread -> told.add("restart, " + unread));
      Mailbox sink = peer.lookup("sink");
      sink.monitor(down -> told.add(down.kind() == Down.UNREACHABLE ? "down" : down.reason()));
      peer.lookup("silent")
          .ask(PING, number(0), 0, 8, PING, Duration.ofDays(1))
          .whenComplete((reply, failure) -> told.add(failure instanceof NoReplyException e ? "ask, " + e.reason() : "reply"));
      sink.send(PING, number(1), 0, 8);
      peer.flush();
      while (!Files.deleteIfExists(go)) peer.poll(Duration.ofMillis(1));
      for (long next = 2; next < 5; ++next) sink.send(PING, number(next), 0, 8);
      while (told.size() < 3) peer.poll(Duration.ofSeconds(1));
      if (!told.equals(List.of("restart, 3", "ask, " + NoReplyException.HOST_RESTARTED, "down"))) {
        throw new IllegalStateException(told.toString());
      }
      // Nobody kept the names.
      peer.lookup("sink").send(PING, number(2), 0, 8);
      peer.run();
    } catch (RefusedException e) {
      System.exit(e.code());
    }
  }
}

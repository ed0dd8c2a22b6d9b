// As long_lived_peer.py.
import dev.ringmail.Mail;
import dev.ringmail.Mailbox;
import dev.ringmail.Peer;
import java.time.Duration;

final class LongLivedPeer {
  public static void main(String[] arguments) throws Exception {
    try (Peer peer = Peer.attach()) {
      Mailbox sink = peer.lookup("sink of echoes", Duration.ofDays(1));
      int ping = Mail.typeId("echo.Ping");
      peer.on(ping, mail -> sink.send(ping, mail.payload(), mail.payload().position(), mail.length(), Duration.ofDays(1)));
      peer.run();
    }
  }
}

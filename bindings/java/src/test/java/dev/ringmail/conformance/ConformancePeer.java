package dev.ringmail.conformance;

import conformance.Conformance;
import conformance.Conformance.Bulk;
import conformance.Conformance.Consult;
import conformance.Conformance.Ended;
import conformance.Conformance.Fail;
import conformance.Conformance.Get;
import conformance.Conformance.Note;
import conformance.Conformance.Outcome;
import conformance.Conformance.Ping;
import conformance.Conformance.Say;
import conformance.Conformance.Side;
import conformance.Conformance.Stream;
import conformance.Conformance.Sum;
import conformance.Conformance.Tick;
import conformance.Conformance.Unwatch;
import conformance.Conformance.Watch;
import dev.ringmail.LogHandler;
import dev.ringmail.Mailbox;
import dev.ringmail.Monitor;
import dev.ringmail.Peer;
import dev.ringmail.PeerOptions;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.logging.Level;
import java.util.logging.Logger;

/** What bindings/README.md asks of the conformance peer of every language. */
public final class ConformancePeer extends Conformance.Player {
  private static final Duration PATIENCE = Duration.ofDays(1);

  private final Peer peer;
  private final boolean echo;
  private final Sum sum = new Sum();
  private final Tick tick = new Tick();
  private final Ping ping = new Ping();
  private final Bulk bulk = new Bulk();
  private final Note note = new Note();
  private Conformance.Host.Handle sink;
  private Monitor watch; // the last one

  private ConformancePeer(Peer peer, boolean echo) {
    this.peer = peer;
    this.echo = echo;
  }

  public static void main(String[] arguments) throws Exception {
    PeerOptions options = new PeerOptions().schema(Conformance.SCHEMA);
    String path = System.getenv("CONFORMANCE_PATH");
    if (path != null) options.path(Path.of(path)).name("conformance");
    try (Peer peer = Peer.attach(options)) {
      ConformancePeer handlers = new ConformancePeer(peer, arguments.length > 0 && arguments[0].equals("echo"));
      peer.serve(handlers::accepts, handlers::dispatch);
      Logger all = Logger.getLogger("");
      for (var handler : all.getHandlers()) all.removeHandler(handler);
      all.addHandler(new LogHandler(peer));
      all.setLevel(Level.ALL);
      peer.run();
    }
  }

  @Override
  protected Tick on(Tick message) throws Exception {
    tick.set(message).price(2 * message.price());
    if (peer.mail().asked()) return tick;
    count();
    sum.total(sum.total() + message.price());
    if (echo) sink().send(tick);
    return null;
  }

  @Override
  protected Ping on(Ping message) throws Exception {
    if (peer.mail().asked()) return message;
    count();
    if (echo) sink().send(message);
    return null;
  }

  @Override
  protected Bulk on(Bulk message) throws Exception {
    if (peer.mail().asked()) return message;
    count();
    if (echo) sink().send(message);
    return null;
  }

  @Override
  protected Note on(Note message) {
    note.set(message).number(2 * message.number());
    for (int i = 0; i < note.valuesLength(); ++i) note.values(i, 2 * note.values(i));
    return note;
  }

  @Override
  protected Sum on(Get message) {
    return sum;
  }

  @Override
  protected void on(Fail message) {
    throw new IllegalStateException("failed with " + message.code());
  }

  @Override
  protected void on(Stream message) throws Exception {
    tick.set(new Tick()).side(Side.ask).live(true).symbol("abc");
    ping.set(new Ping());
    bulk.set(new Bulk());
    for (long number = 0; number < message.count(); ++number) {
      switch (message.payload()) {
        case tick -> sink().send(tick.number(number).price(number));
        case ping -> sink().send(ping.words(0, number));
        case bulk -> sink().send(bulk.number(number));
      }
    }
  }

  @Override
  protected void on(Watch message) throws Exception {
    watch =
        peer.lookup(message.name())
            .monitor(down -> sink().send(new Ended().kind(down.kind()).reason(down.reason())));
  }

  @Override
  protected void on(Unwatch message) throws Exception {
    watch.stop();
  }

  @Override
  protected void on(Consult message) throws Exception {
    long number = message.number();
    ByteBuffer question = new Ping().words(0, number).buffer();
    peer.lookup("desk")
        .ask(Ping.TYPE, question, 0, Ping.SIZE, Ping.TYPE, Duration.ofMillis(message.milliseconds()))
        .whenComplete((reply, failure) -> tell(number, reply != null && Ping.over(reply).words(0) == number));
  }

  private void tell(long number, boolean answered) {
    try {
      sink().send(new Outcome().number(number).answered(answered));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  protected void on(Say message) {
    System.Logger.Level[] levels = {
      System.Logger.Level.TRACE, System.Logger.Level.DEBUG, System.Logger.Level.INFO, System.Logger.Level.WARNING,
      System.Logger.Level.ERROR
    };
    int level = (int) message.level();
    if (level == levels.length) {
      peer.logCritical(message.text());
    } else {
      System.getLogger("conformance").log(levels[level], message.text());
    }
  }

  private void count() {
    sum.count(sum.count() + 1);
    if (peer.mail().redelivered()) sum.redelivered(sum.redelivered() + 1);
  }

  private Conformance.Host.Handle sink() throws Exception {
    if (sink == null) {
      Mailbox mailbox = peer.lookup(System.getenv().getOrDefault("CONFORMANCE_SINK", "sink"));
      sink =
          new Conformance.Host.Handle(
              (type, buffer, offset, length) -> mailbox.send(type, buffer, offset, length, PATIENCE));
    }
    return sink;
  }
}

package dev.ringmail.link;

import dev.ringmail.HostGoneException;
import dev.ringmail.ProtocolException;
import dev.ringmail.RefusedException;
import dev.ringmail.RingmailException;
import dev.ringmail.control.Hello;
import dev.ringmail.control.Messages;
import dev.ringmail.control.Messages.Outlive;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Where the next host is to be found when this one has died, and for how long it is looked for. The peer's thread, but for mayCome(). */
final class NextHost {
  private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
  private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final Duration HANDSHAKE = Duration.ofSeconds(2);

  private Hello hello; // of the one that comes back
  private Path path;
  private volatile long patience; // 0: no other host comes
  private boolean kept; // what is unfinished is kept for it

  private long lostAt;
  private long nextTry;
  private long pause;

  /** @param path null for a peer that its host has spawned */
  NextHost(Hello hello, Path path, Duration reconnect) {
    this.hello = hello;
    this.path = path;
    patience = path == null ? 0 : Outbox.nanosOf(reconnect);
  }

  /** What this host has said of the next one. */
  void learn(Joined host) {
    Outlive outlive = host.outlive();
    kept = outlive != null;
    if (!kept) return;
    path = Path.of(outlive.path());
    hello = hello.as(host.welcome().name(), outlive.token());
    // Unsigned on the wire.
    patience = outlive.nanos() < 0 ? Outbox.FOREVER : Math.min(outlive.nanos(), Outbox.FOREVER);
  }

  /** From any thread. */
  boolean mayCome() {
    return patience != 0;
  }

  boolean isKept() {
    return kept;
  }

  /** In nanoseconds. */
  long patience() {
    return patience;
  }

  // ---- while there is none

  void begin() {
    lostAt = System.nanoTime();
    nextTry = lostAt;
    pause = SHORTEST_PAUSE_NANOS;
  }

  /** Until there is something to be done: another try, or the end. */
  long untilNextTry() {
    long now = System.nanoTime();
    return Math.min(nextTry - now, lostAt + patience - now);
  }

  /** Whether it is time for a try, which the next one then is not for a while. */
  boolean isDue() {
    long now = System.nanoTime();
    if (now - lostAt >= patience) {
      throw new HostGoneException(
          "the host has ended, and no other has come within " + TimeUnit.NANOSECONDS.toMillis(patience) + " ms");
    }
    if (now - nextTry < 0) return false;
    nextTry = now + pause;
    pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
    return true;
  }

  /** Null: it is not there yet. */
  Joined tryToJoin() {
    try {
      return Joined.shakeHands(Connected.openNow(path), hello, HANDSHAKE);
    } catch (ProtocolException e) {
      throw new HostGoneException(e.getMessage());
    } catch (RefusedException e) {
      if (isFinal(e.code())) throw new HostGoneException(e.getMessage());
      return null;
    } catch (RingmailException e) {
      return null;
    }
  }

  /** Whether the next host may not think otherwise. */
  private static boolean isFinal(int code) {
    // A host that has begun to listen does not await everybody yet; and what this peer could not use may be that of one that died.
    return code != 0 && code != Messages.UNKNOWN_NAME && code != Messages.DEADLINE && code != Messages.BUSY;
  }
}

package dev.ringmail.link;

import dev.ringmail.ProtocolException;
import dev.ringmail.RefusedException;
import dev.ringmail.RingmailException;
import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.ControlStream.Frame;
import dev.ringmail.control.Hello;
import dev.ringmail.control.Messages;
import dev.ringmail.control.Messages.Outlive;
import dev.ringmail.control.Messages.Refused;
import dev.ringmail.control.Welcome;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What a handshake leads to: a host.
 *
 * @param outlive where the next one is to be found; null: this host says nothing of it
 */
record Joined(
    ControlStream control,
    Listener listener,
    Welcome welcome,
    PeerBell bell,
    Lane[] lanes,
    Introductions introductions,
    Outlive outlive) {
  static final long FEATURES =
      Hello.MAIL_OUTLIVES_PEER
          | Hello.STREAM_DOORBELL
          | Hello.PIPE_DOORBELL
          | Hello.INTRODUCTIONS
          | Hello.MONITORS
          | Hello.LOG
          | Hello.LARGE
          | Hello.BY_PROC
          | Hello.EXACTLY_ONCE
          | Hello.OUTLIVES_HOST;

  /** Says hello, maps what the welcome names, says ready. */
  static Joined shakeHands(ControlStream control, Hello hello, Duration timeout) {
    hello.check();
    Listener listener = new Listener(control);
    boolean isDone = false;
    try {
      control.send(ControlKind.HELLO, hello.encode());
      Frame frame = await(listener.answer(), timeout, "the host did not answer the hello in time");
      if (frame.kind() == ControlKind.REFUSED) {
        Refused refused = Refused.decode(frame.payload());
        throw new RefusedException("the host refused: " + refused.text(), refused.code());
      }
      if (frame.kind() != ControlKind.WELCOME) throw new ProtocolException("a welcome was due, and " + frame.kind() + " came");
      Joined joined = map(control, listener, Welcome.decode(frame.payload()), timeout);
      control.send(ControlKind.READY, new byte[0]);
      isDone = true;
      return joined;
    } catch (IOException e) {
      throw new RingmailException("the control stream failed: " + e.getMessage(), e);
    } finally {
      if (!isDone) close(control);
    }
  }

  /** So that the thread that reads it ends. */
  static void close(ControlStream control) {
    try {
      control.close();
    } catch (IOException e) {
      // There is nobody on it any more.
    }
  }

  private static Joined map(ControlStream control, Listener listener, Welcome welcome, Duration timeout) throws IOException {
    String fault;
    try (Segments segments = new Segments(welcome, welcome.check(FEATURES))) {
      Lane[] lanes = new Lane[welcome.lanes()];
      for (int i = 0; i < lanes.length; ++i) lanes[i] = segments.lane(i, control);
      PeerBell bell = segments.bell();
      bell.listen(segments.doorbell());
      Introductions introductions = new Introductions(control, welcome);
      if ((welcome.features() & Hello.INTRODUCTIONS) != 0) listener.introduceBy(introductions);
      boolean isKept = (welcome.features() & Hello.OUTLIVES_HOST) != 0;
      Outlive outlive =
          isKept ? await(listener.outlive(), timeout, "the host did not say where the next one is to be found") : null;
      return new Joined(control, listener, welcome, bell, lanes, introductions, outlive);
    } catch (RefusedException e) {
      fault = e.getMessage();
    } catch (IOException e) {
      fault = "a segment cannot be mapped: " + e;
    }
    control.send(ControlKind.REFUSED, new Refused(Messages.BAD_SEGMENT, fault).encode());
    throw new RefusedException(fault);
  }

  private static <T> T await(CompletableFuture<T> answer, Duration timeout, String late) {
    try {
      return answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new RingmailException(late, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RingmailException("interrupted while waiting for the host's welcome", e);
    } catch (ExecutionException | CompletionException e) {
      throw e.getCause() instanceof RingmailException cause ? cause : new RingmailException("no welcome came", e);
    }
  }
}

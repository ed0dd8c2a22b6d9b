package dev.ringmail.link;

import dev.ringmail.ProtocolException;
import dev.ringmail.RefusedException;
import dev.ringmail.RingmailException;
import dev.ringmail.control.ControlKind;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.ControlStream.Frame;
import dev.ringmail.control.Hello;
import dev.ringmail.control.Messages;
import dev.ringmail.control.Messages.Refused;
import dev.ringmail.control.Welcome;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What a handshake leads to. */
record Joined(
    ControlStream control, Listener listener, Welcome welcome, PeerBell bell, Lane[] lanes, Introductions introductions) {
  static final long FEATURES =
      Hello.MAIL_OUTLIVES_PEER
          | Hello.STREAM_DOORBELL
          | Hello.PIPE_DOORBELL
          | Hello.INTRODUCTIONS
          | Hello.MONITORS
          | Hello.LOG
          | Hello.LARGE
          | Hello.BY_PROC
          | Hello.EXACTLY_ONCE;

  /** Says hello, maps what the welcome names, says ready. */
  static Joined shakeHands(ControlStream control, Hello hello, Duration timeout) {
    hello.check();
    Listener listener = new Listener(control);
    try {
      control.send(ControlKind.HELLO, hello.encode());
      Frame frame = await(listener, timeout);
      if (frame.kind() == ControlKind.REFUSED) {
        throw new RefusedException("the host refused: " + Refused.decode(frame.payload()).text());
      }
      if (frame.kind() != ControlKind.WELCOME) throw new ProtocolException("a welcome was due, and " + frame.kind() + " came");
      Joined joined = map(control, listener, Welcome.decode(frame.payload()));
      control.send(ControlKind.READY, new byte[0]);
      return joined;
    } catch (IOException e) {
      throw new RingmailException("the control stream failed: " + e.getMessage(), e);
    }
  }

  private static Joined map(ControlStream control, Listener listener, Welcome welcome) throws IOException {
    String fault;
    try (Segments segments = new Segments(welcome, welcome.check(FEATURES))) {
      Lane[] lanes = new Lane[welcome.lanes()];
      for (int i = 0; i < lanes.length; ++i) lanes[i] = segments.lane(i, control);
      PeerBell bell = segments.bell();
      bell.listen(segments.doorbell());
      Introductions introductions = new Introductions(control, welcome);
      if ((welcome.features() & Hello.INTRODUCTIONS) != 0) listener.introduceBy(introductions);
      return new Joined(control, listener, welcome, bell, lanes, introductions);
    } catch (RefusedException e) {
      fault = e.getMessage();
    } catch (IOException e) {
      fault = "a segment cannot be mapped: " + e;
    }
    control.send(ControlKind.REFUSED, new Refused(Messages.BAD_SEGMENT, fault).encode());
    throw new RefusedException(fault);
  }

  private static Frame await(Listener listener, Duration timeout) {
    try {
      return listener.answer().get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new RingmailException("the host did not answer the hello in time", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RingmailException("interrupted while waiting for the host's welcome", e);
    } catch (ExecutionException | CompletionException e) {
      throw e.getCause() instanceof RingmailException cause ? cause : new RingmailException("no welcome came", e);
    }
  }
}

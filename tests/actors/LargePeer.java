import dev.ringmail.Body;
import dev.ringmail.BodyLoan;
import dev.ringmail.Mailbox;
import dev.ringmail.Peer;
import dev.ringmail.PeerOptions;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import large.Large;
import large.Large.Frame;
import large.Large.Question;
import large.Large.Sum;

/** A peer that does with bodies what it is told: large_peer.cpp in Java. */
final class LargePeer extends Large.Viewer {
  private final Peer peer;
  private final List<Body> kept = new ArrayList<>();
  private final Sum sum = new Sum();

  private LargePeer(Peer peer) {
    this.peer = peer;
  }

  public static void main(String[] arguments) throws InterruptedException {
    try (Peer peer = Peer.attach(new PeerOptions().schema(Large.SCHEMA))) {
      LargePeer viewer = new LargePeer(peer);
      peer.serve(viewer::accepts, viewer::dispatch);
      peer.run();
    }
  }

  @Override
  protected void on(Frame frame) throws Exception {
    Body body = peer.mail().body();
    switch (frame.order()) {
      case echo -> answer(frame, body);
      case keep -> {
        if (body != null) kept.add(body.keep());
      }
      case forget -> {
        kept.forEach(Body::close);
        kept.clear();
      }
      case die -> {
        // Its successor is given it again, and the body with it.
        if (peer.mail().attempt() == 0) Runtime.getRuntime().halt(9);
        answer(frame, body);
      }
      case fill -> fill(frame);
    }
  }

  @Override
  protected Sum on(Question question) {
    Body body = peer.mail().body();
    long total = question.number();
    if (body != null) {
      for (ByteBuffer bytes = body.buffer(); bytes.hasRemaining(); ) total += bytes.get();
    }
    return sum.number(total).length(body == null ? 0 : body.length());
  }

  private void answer(Frame frame, Body body) throws InterruptedException {
    Mailbox to = peer.mail().sender();
    try (BodyLoan room = to.loanLarge(body.length())) {
      room.buffer().put(body.buffer());
      new Large.Camera.Handle(room::send).send(frame);
    }
  }

  /** So many bytes of that value. */
  private void fill(Frame frame) throws InterruptedException {
    try (BodyLoan room = peer.mail().sender().loanLarge(frame.number())) {
      for (ByteBuffer bytes = room.buffer(); bytes.hasRemaining(); ) bytes.put((byte) frame.value());
      new Large.Camera.Handle(room::send).send(frame);
    }
  }
}

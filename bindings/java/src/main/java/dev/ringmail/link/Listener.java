package dev.ringmail.link;

import dev.ringmail.HostGoneException;
import dev.ringmail.ProtocolException;
import dev.ringmail.control.ControlStream;
import dev.ringmail.control.ControlStream.Frame;
import dev.ringmail.control.Messages.Introduce;
import dev.ringmail.control.Messages.Outlive;
import dev.ringmail.control.Messages.Presence;
import dev.ringmail.control.Messages.Resolved;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Reads the control stream, on a daemon thread: the answer to the hello and what follows it, the answers to lookups, what is said of other peers, and the
 * end, which is the death of the host.
 */
final class Listener {
  private final ControlStream control;
  private final CompletableFuture<Frame> answer = new CompletableFuture<>();
  private final CompletableFuture<Outlive> outlive = new CompletableFuture<>();
  private final Map<Integer, CompletableFuture<Resolved>> lookups = new ConcurrentHashMap<>();
  private volatile Introductions introductions; // null: none were agreed on
  private volatile Runnable onNews = () -> {};
  private volatile Runnable onEnd = () -> {};
  private volatile String end;

  Listener(ControlStream control) {
    this.control = control;
    Thread thread = new Thread(this::read, "ringmail-control");
    thread.setDaemon(true);
    thread.start();
  }

  /** The first frame of the host's. */
  CompletableFuture<Frame> answer() {
    return answer;
  }

  /** What follows the welcome, where the peer is to outlive the host. */
  CompletableFuture<Outlive> outlive() {
    return outlive;
  }

  /** Runs on the thread of this, or at once if the stream has ended. */
  void onEnd(Runnable action) {
    onEnd = action;
    if (end != null) action.run();
  }

  /** Before the peer says that it is ready: nobody is introduced to it earlier. */
  void introduceBy(Introductions introductions) {
    this.introductions = introductions;
  }

  /** Runs on the thread of this when there is news of other peers. */
  void onNews(Runnable action) {
    onNews = action;
    action.run();
  }

  boolean hasEnded() {
    return end != null;
  }

  HostGoneException gone() {
    return new HostGoneException(end);
  }

  CompletableFuture<Resolved> expect(int request) {
    CompletableFuture<Resolved> lookup = new CompletableFuture<>();
    lookups.put(request, lookup);
    // After the entry was made: the thread that ends the stream fails what it finds.
    if (end != null) lookup.completeExceptionally(gone());
    return lookup;
  }

  void forget(int request) {
    lookups.remove(request);
  }

  private void read() {
    String why = "the host has closed the link";
    try {
      for (Frame frame = control.receive(); frame != null; frame = control.receive()) take(frame);
    } catch (IOException | RuntimeException e) {
      why += ": " + e.getMessage();
    }
    end = why;
    answer.completeExceptionally(gone());
    outlive.completeExceptionally(gone());
    lookups.values().forEach(lookup -> lookup.completeExceptionally(gone()));
    onEnd.run();
    try {
      control.closeReading();
    } catch (IOException e) {
      // It has ended all the same.
    }
  }

  private void take(Frame frame) {
    if (answer.complete(frame)) return;
    switch (frame.kind()) {
      case RESOLVED -> {
        Resolved resolved = Resolved.decode(frame.payload());
        CompletableFuture<Resolved> lookup = lookups.remove(resolved.request());
        if (lookup != null) lookup.complete(resolved);
      }
      case OUTLIVE -> {
        if (!outlive.complete(Outlive.decode(frame.payload()))) throw new ProtocolException("outlive was said twice");
      }
      case INTRODUCE_BY_NUMBER -> {
        Introduce introduce = Introduce.decode(frame.payload());
        if (introductions == null) throw new ProtocolException("introductions were not agreed on");
        introductions.introduce(introduce);
        onNews.run();
      }
      case PRESENCE -> {
        Presence presence = Presence.decode(frame.payload());
        if (introductions != null) introductions.note(presence);
        onNews.run();
      }
      default -> {} // none that a host of this version sends to a peer
    }
  }
}

package dev.ringmail;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;

/** How to join a host. */
public final class PeerOptions {
  private String schema = "";
  private String name = "";
  private String token = "";
  private Path path;
  private Duration reconnect = Duration.ZERO;
  private long ringBytes;
  private Duration timeout = Duration.ofSeconds(10);
  private Duration spin = Duration.ofNanos(50_000);
  private boolean exits = true;

  /** The defaults. */
  public PeerOptions() {}

  /** The canonical schema text that this peer was built with, such as the SCHEMA of generated code: the host compares. */
  public PeerOptions schema(String text) {
    schema = Objects.requireNonNull(text);
    return this;
  }

  /** What to be known as. Not given: what the host calls it. */
  public PeerOptions name(String text) {
    name = Objects.requireNonNull(text);
    return this;
  }

  /**
   * Where a host listens, or another peer: joins it, in place of whoever spawned this process. {@code RINGMAIL_FDS} does not count
   * then, and a process may join several.
   */
  public PeerOptions path(Path socket) {
    path = Objects.requireNonNull(socket);
    return this;
  }

  /** What a host that configured one (its PeerOptions::token) must be told by who attaches by a path. */
  public PeerOptions token(String text) {
    token = Objects.requireNonNull(text);
    return this;
  }

  /**
   * For how long a peer that has attached by a path looks for the next host when this one has died. Zero, the default: not at all. One
   * that outlives its host by the host's wish (its PeerOptions::outlives_host) is told by it.
   */
  public PeerOptions reconnect(Duration time) {
    reconnect = Objects.requireNonNull(time);
    return this;
  }

  /** Wanted for mail rings, a power of two from 4096. 0: the host's choice. */
  public PeerOptions ringBytes(long bytes) {
    ringBytes = bytes;
    return this;
  }

  /** For the whole handshake. */
  public PeerOptions timeout(Duration time) {
    timeout = Objects.requireNonNull(time);
    return this;
  }

  /** How long to look for a message before going to sleep. Zero: not at all. */
  public PeerOptions spin(Duration time) {
    spin = Objects.requireNonNull(time);
    return this;
  }

  /**
   * Whether this process ends with its host and by its failures (the default), even if nothing else makes it: 2 s after the
   * host has died, or after a failure was reported, System.exit(1) is called. False is for who runs something else besides the
   * peer.
   */
  public PeerOptions exits(boolean whether) {
    exits = whether;
    return this;
  }

  String schema() {
    return schema;
  }

  String name() {
    return name;
  }

  String token() {
    return token;
  }

  Path path() {
    return path;
  }

  Duration reconnect() {
    return reconnect;
  }

  long ringBytes() {
    return ringBytes;
  }

  Duration timeout() {
    return timeout;
  }

  Duration spin() {
    return spin;
  }

  boolean exits() {
    return exits;
  }
}

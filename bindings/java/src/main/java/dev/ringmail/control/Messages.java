package dev.ringmail.control;

import dev.ringmail.ring.Frames;
import java.nio.charset.StandardCharsets;

/** The shorter messages of the control stream. */
public final class Messages {
  /** Codes of a refusal: a host that has begun to listen does not await everybody yet. */
  public static final int UNKNOWN_NAME = 7;

  public static final int DEADLINE = 9;
  public static final int BUSY = 10;
  public static final int BAD_SEGMENT = 11;

  private static final int MAX_TEXT_BYTES = 16 * 1024;

  private Messages() {}

  /** @param text one line for a person */
  public record Refused(int code, String text) {
    public static Refused decode(byte[] payload) {
      WireReader reader = new WireReader(ControlKind.REFUSED, payload);
      Refused refused = new Refused(reader.u16("code"), reader.prose("text", MAX_TEXT_BYTES));
      reader.finish();
      return refused;
    }

    public byte[] encode() {
      return new WireWriter().u16(code).text(mended(text)).take();
    }
  }

  /**
   * Where the next host is to be found when this one has ended.
   *
   * @param nanos for how long it is looked for
   * @param token of the hello there
   */
  public record Outlive(long nanos, String path, String token) {
    private static final int MAX_PATH_BYTES = 107;

    public static Outlive decode(byte[] payload) {
      WireReader reader = new WireReader(ControlKind.OUTLIVE, payload);
      Outlive outlive =
          new Outlive(
              reader.u64("time_ns"), reader.name("path", MAX_PATH_BYTES), reader.name("token", Hello.MAX_TOKEN_BYTES));
      reader.finish();
      return outlive;
    }
  }

  /** @param mailbox 0 when not found */
  public record Resolved(int request, boolean found, long mailbox) {
    public static Resolved decode(byte[] payload) {
      WireReader reader = new WireReader(ControlKind.RESOLVED, payload);
      int request = (int) reader.u32("request");
      int found = reader.u8("found");
      reader.require("found", found <= 1, found);
      long mailbox = reader.u64("mailbox");
      reader.require("mailbox", found == 1 || mailbox == 0, mailbox);
      reader.finish();
      return new Resolved(request, found == 1, mailbox);
    }
  }

  /**
   * A lane to another peer.
   *
   * @param ownFd the host's descriptor of the side that this peer writes: /proc/hostPid/fd/ownFd
   * @param otherFd of the other side
   * @param bellFd of the bell on which the other sleeps
   */
  public record Introduce(
      int lane, String name, long mailBytes, long controlBytes, long ownFd, long otherFd, long bellFd) {
    public static Introduce decode(byte[] payload) {
      WireReader reader = new WireReader(ControlKind.INTRODUCE_BY_NUMBER, payload);
      long lane = reader.u32("lane");
      reader.require("lane", lane < Welcome.MAX_LANES, lane);
      String name = reader.name("name", Hello.MAX_NAME_BYTES);
      long mail = ringBytes(reader, "mail_bytes");
      long control = ringBytes(reader, "control_bytes");
      Introduce introduce =
          new Introduce(
              (int) lane, name, mail, control, reader.u32("own_fd"), reader.u32("other_fd"), reader.u32("bell_fd"));
      reader.finish();
      return introduce;
    }

    private static long ringBytes(WireReader reader, String field) {
      long bytes = reader.u64(field);
      reader.require(field, Frames.isRingSize(bytes), bytes);
      return bytes;
    }
  }

  /** What has become of the peer at the other end of a lane. */
  public record Presence(long lane, State state) {
    /** By their numbers. */
    public enum State {
      /** Its process is dead, and another one is to come. */
      AWAY,
      THERE,
      /** There is none any more. */
      ENDED
    }

    private static final State[] STATES = State.values();

    public static Presence decode(byte[] payload) {
      WireReader reader = new WireReader(ControlKind.PRESENCE, payload);
      long lane = reader.u32("lane");
      int state = reader.u8("state");
      reader.require("state", state < STATES.length, state);
      reader.finish();
      return new Presence(lane, STATES[state]);
    }
  }

  /** Answers an introduction; with a text: this peer does not read the lane, or not any more, and why. */
  public static byte[] introduced(int lane, String text) {
    return new WireWriter().u32(lane).text(mended(text)).take();
  }

  /** Null when the name is not one: the host would end the link over it. */
  public static byte[] resolve(int request, String name) {
    byte[] payload = new WireWriter().u32(request).text(name).take();
    try {
      WireReader reader = new WireReader(ControlKind.RESOLVE, payload);
      reader.u32("request");
      reader.name("name", Hello.MAX_NAME_BYTES);
      return payload;
    } catch (dev.ringmail.ProtocolException e) {
      return null;
    }
  }

  public static byte[] failure(String text) {
    return new WireWriter().text(mended(text)).take();
  }

  /** @param level 0 trace to 5 critical */
  public static byte[] log(int level, String text) {
    return new WireWriter().u8(level).text(mended(text)).take();
  }

  public static byte[] ring(int lane) {
    return new WireWriter().u32(lane).take();
  }

  /** Last words must arrive: what is too long is cut between two code points, and what is not allowed is replaced. */
  static String mended(String text) {
    // Lone surrogates become question marks, too.
    byte[] bytes = text.replace('\0', '?').getBytes(StandardCharsets.UTF_8);
    int end = Math.min(bytes.length, MAX_TEXT_BYTES);
    while (end < bytes.length && end > 0 && (bytes[end] & 0xc0) == 0x80) --end;
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }
}

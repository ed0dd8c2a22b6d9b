package dev.ringmail.control;

import java.nio.charset.StandardCharsets;

/** The shorter messages of the control stream. */
public final class Messages {
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

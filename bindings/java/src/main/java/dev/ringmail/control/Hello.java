package dev.ringmail.control;

/**
 * The peer's first message.
 *
 * @param wantedRingBytes 0: the host's choice
 * @param schema canonical text, may be empty
 */
public record Hello(
    long features, long pid, long wantedRingBytes, String language, String name, String token, String schema) {
  public static final int MAGIC = 0x314c4d52; // "RML1"
  public static final int VERSION = 1;

  public static final long MAIL_OUTLIVES_PEER = 1;
  public static final long STREAM_DOORBELL = 1 << 2;
  public static final long PIPE_DOORBELL = 1 << 4;
  public static final long INTRODUCTIONS = 1 << 6;
  public static final long MONITORS = 1 << 7;
  public static final long LOG = 1 << 8;
  public static final long LARGE = 1 << 9;
  public static final long BY_PROC = 1 << 10;
  public static final long EXACTLY_ONCE = 1 << 11;
  public static final long OUTLIVES_HOST = 1 << 12;

  static final int MAX_LANGUAGE_BYTES = 32;
  static final int MAX_NAME_BYTES = 255;
  static final int MAX_TOKEN_BYTES = 128;
  static final int MAX_SCHEMA_BYTES = 512 * 1024;

  public byte[] encode() {
    return new WireWriter()
        .u32(MAGIC)
        .u16(VERSION)
        .u16(VERSION)
        .u64(features)
        .u32(pid)
        .u64(wantedRingBytes)
        .text(language)
        .text(name)
        .text(token)
        .text(schema)
        .take();
  }

  /** The same, by another name and with another token. */
  public Hello as(String name, String token) {
    return new Hello(features, pid, wantedRingBytes, language, name, token, schema);
  }

  /** What the host would find wrong with the texts, thrown as a ProtocolException. */
  public void check() {
    byte[] texts = new WireWriter().text(language).text(name).text(token).text(schema).take();
    WireReader reader = new WireReader(ControlKind.HELLO, texts);
    reader.name("language", MAX_LANGUAGE_BYTES);
    reader.optionalName("name", MAX_NAME_BYTES);
    reader.optionalName("token", MAX_TOKEN_BYTES);
    reader.prose("schema", MAX_SCHEMA_BYTES);
  }
}

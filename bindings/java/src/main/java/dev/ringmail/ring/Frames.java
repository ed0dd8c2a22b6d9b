package dev.ringmail.ring;

/** What a frame looks like, and what lies where in the blocks beside a ring: the tables of docs/spec/ring.md. */
public final class Frames {
  public static final int LINE_BYTES = 64;
  public static final int PAGE_BYTES = 4096;
  public static final int MIN_RING_BYTES = 4096;
  public static final int MAX_RING_BYTES = 1 << 30;

  public static final int PADDING = 1;
  public static final int MESSAGE = 2;
  public static final int REPLY = 3;
  public static final int NO_REPLY = 4;
  public static final int STOP = 5;
  public static final int PING = 6;
  public static final int PONG = 7;
  public static final int SIGNAL = 8;
  public static final int LARGE = 9;

  /** The types of a signal that a peer sends and is sent. */
  public static final int SIGNAL_MONITOR = 2;

  public static final int SIGNAL_DEMONITOR = 3;
  public static final int SIGNAL_DOWN = 4;
  public static final int SIGNAL_ACKNOWLEDGE = 8;

  public static final int HEADER_BYTES = 32;
  static final int TYPE = 8;
  static final int TARGET = 16;
  static final int SENDER = 24;

  /** Of a producer block. */
  public static final int PRODUCER_BLOCK_BYTES = 128;
  public static final int WANT = 0;
  static final int START_SEQUENCE = 4;
  static final int START = 8;

  /** Of a consumer block. */
  public static final int CONSUMER_BLOCK_BYTES = 512;
  static final int CURSOR = 0;
  static final int SEQUENCE = 8;
  static final int IN_HAND = 128;
  static final int RESUME_TAIL = 384;
  static final int RESUME_SEQUENCE = 392;
  static final int ATTEMPT = 396;
  static final int ATTEMPTED = 400;

  private Frames() {}

  /** How much of a ring a payload of so many bytes takes. */
  public static long bytesOf(long length) {
    return HEADER_BYTES + length + LINE_BYTES - 1 & -LINE_BYTES;
  }

  /** The longest payload that a ring takes: its frame is half the ring, so that an empty ring always has room. */
  public static int maxPayload(int capacity) {
    return capacity / 2 - HEADER_BYTES;
  }

  public static boolean isRingSize(long bytes) {
    return bytes >= MIN_RING_BYTES && bytes <= MAX_RING_BYTES && Long.bitCount(bytes) == 1;
  }

  static long commitWord(int length, int kind, int sequence) {
    return length | (long) kind << 32 | (long) (sequence & 0xffff) << 48;
  }
}

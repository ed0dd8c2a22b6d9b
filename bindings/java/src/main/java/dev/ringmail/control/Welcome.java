package dev.ringmail.control;

import dev.ringmail.RefusedException;
import dev.ringmail.ring.Frames;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The host's answer to a hello. */
public record Welcome(
    int version,
    long features,
    long incarnation,
    long lineBytes,
    int lanes,
    long mailToPeerBytes,
    long mailToHostBytes,
    long controlBytes,
    String name,
    String schema,
    long hostPid,
    List<Segment> segments) {
  public static final int MAX_LANES = 256;
  private static final int MAX_SEGMENTS = 8;
  private static final long MAX_ARENA_BYTES = 1L << 40;

  /** What a segment is for. */
  public enum Role {
    MAIL,
    HOST,
    PEER,
    HOST_BELLS,
    PEER_BELLS,
    HOST_PARKED,
    DOORBELL,
    ARENA_TO_PEER,
    ARENA_TO_HOST;

    private static final Role[] ALL = values();

    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** @param hostFd the host's descriptor of it: /proc/hostPid/fd/hostFd */
  public record Segment(Role role, long bytes, long hostFd) {}

  public static Welcome decode(byte[] payload) {
    WireReader reader = new WireReader(ControlKind.WELCOME, payload);
    int version = reader.u16("version");
    long features = reader.u64("features");
    long incarnation = reader.u64("incarnation");
    long lineBytes = reader.u32("line_bytes");
    long lanes = reader.u32("lanes");
    long mailToPeer = reader.u64("mail_to_peer_bytes");
    long mailToHost = reader.u64("mail_to_host_bytes");
    long control = reader.u64("control_bytes");
    String name = reader.name("name", Hello.MAX_NAME_BYTES);
    String schema = reader.prose("schema", Hello.MAX_SCHEMA_BYTES);
    long hostPid = reader.u32("host_pid");
    int count = reader.u8("segments");
    reader.requireLength("segments", count, MAX_SEGMENTS);
    List<Segment> segments = new ArrayList<>();
    for (int i = 0; i < count; ++i) {
      int role = reader.u8("segment role");
      reader.require("segment role", role >= 1 && role <= Role.ALL.length, role);
      segments.add(new Segment(Role.ALL[role - 1], reader.u64("segment bytes"), reader.u32("segment host_fd")));
    }
    reader.finish();
    return new Welcome(
        version,
        features,
        incarnation,
        lineBytes,
        (int) lanes,
        mailToPeer,
        mailToHost,
        control,
        name,
        schema,
        hostPid,
        segments);
  }

  /** Refuses what this peer cannot use, or what the host may not have chosen. Returns the segments by their roles. */
  public Map<Role, Segment> check(long offered) {
    if (version != Hello.VERSION) throw refused("the host chose version " + version + ", this peer speaks " + Hello.VERSION);
    if ((features & ~offered) != 0) {
      throw refused("the host chose features that this peer does not offer: 0x" + Long.toHexString(features & ~offered));
    }
    if ((features & Hello.STREAM_DOORBELL) == 0) {
      throw refused(
          "a Java peer cannot wake a thread that sleeps on a futex: the host must choose stream_doorbell"
              + " (PeerOptions::control_by_pipes)");
    }
    if ((features & Hello.PIPE_DOORBELL) == 0) {
      throw refused("a Java peer cannot sleep on a futex: the host must choose pipe_doorbell");
    }
    if ((features & (Hello.LARGE | Hello.INTRODUCTIONS)) != 0 && (features & Hello.BY_PROC) == 0) {
      throw refused("the host chose large or introductions without by_proc, and does not share its bells");
    }
    if (lineBytes != Frames.LINE_BYTES) {
      throw refused("the host's frames start every " + lineBytes + " bytes, this peer's every " + Frames.LINE_BYTES);
    }
    if (lanes < 1 || lanes > MAX_LANES) throw refused(Integer.toUnsignedString(lanes) + " lanes, not 1 to " + MAX_LANES);
    for (long bytes : new long[] {mailToPeerBytes, mailToHostBytes, controlBytes}) {
      if (!Frames.isRingSize(bytes)) throw refused("the host made a ring of " + Long.toUnsignedString(bytes) + " bytes");
    }
    Map<Role, Segment> byRole = new EnumMap<>(Role.class);
    for (Segment segment : segments) {
      if (byRole.put(segment.role(), segment) != null) throw refused("segment " + segment.role() + " was named twice");
      if (isArena(segment.role())) {
        checkArenas(segment);
        continue;
      }
      long due = bytesDue(segment.role());
      if (segment.bytes() != due) {
        throw refused(
            "segment " + segment.role() + " has " + Long.toUnsignedString(segment.bytes()) + " bytes, and must have " + due);
      }
    }
    for (Role role : Role.ALL) {
      boolean isDue = isArena(role) ? (features & Hello.LARGE) != 0 : role != Role.HOST_BELLS;
      if (byRole.containsKey(role) != isDue) throw refused((isDue ? "no segment " : "a segment too many: ") + role);
    }
    return byRole;
  }

  private static boolean isArena(Role role) {
    return role == Role.ARENA_TO_PEER || role == Role.ARENA_TO_HOST;
  }

  /** A part for each lane, in whole pages. */
  private void checkArenas(Segment segment) {
    long bytes = segment.bytes();
    long part = Long.divideUnsigned(bytes, lanes);
    boolean isPossible = part >= Frames.PAGE_BYTES && part <= MAX_ARENA_BYTES && part % Frames.PAGE_BYTES == 0;
    if (isPossible && part * lanes == bytes) return;
    throw refused(
        "segment " + segment.role() + " of " + Long.toUnsignedString(bytes) + " bytes, not whole pages for each of "
            + lanes + " lanes");
  }

  /** By the tables of docs/spec/ring.md. */
  private long bytesDue(Role role) {
    long page = Frames.PAGE_BYTES;
    return switch (role) {
      case MAIL -> lanes * (page + mailToPeerBytes);
      case HOST -> lanes * (page + controlBytes);
      case PEER -> lanes * (page + mailToHostBytes + controlBytes);
      case HOST_BELLS -> lanes * 2 * page;
      case PEER_BELLS -> 2 * page;
      case HOST_PARKED -> (lanes * 128L + page - 1) / page * page;
      case DOORBELL -> page;
      case ARENA_TO_PEER, ARENA_TO_HOST -> throw new IllegalArgumentException("an arena has any size");
    };
  }

  private static RefusedException refused(String text) {
    return new RefusedException(text);
  }
}

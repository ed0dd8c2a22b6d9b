package dev.ringmail.control;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ringmail.ProtocolException;
import dev.ringmail.RefusedException;
import dev.ringmail.VectorFile;
import dev.ringmail.VectorFile.Vector;
import dev.ringmail.control.ControlStream.Frame;
import dev.ringmail.control.Messages.Introduce;
import dev.ringmail.control.Messages.Presence;
import dev.ringmail.control.Messages.Refused;
import dev.ringmail.control.Messages.Resolved;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What bindings/vectors/handshake.txt says of the messages of the handshake and of the stream that they come by. */
class HandshakeVectorsTest {
  private static final long WITHOUT_FUTEX = Hello.STREAM_DOORBELL | Hello.PIPE_DOORBELL;
  private static final long OFFERED = Hello.MAIL_OUTLIVES_PEER | WITHOUT_FUTEX | Hello.MONITORS | Hello.LOG
          | Hello.INTRODUCTIONS | Hello.LARGE | Hello.BY_PROC;

  /** What a message holds, by the names of its fields. */
  private static final class Fields {
    private final Map<String, String> texts = new TreeMap<>();

    static Fields of(List<String> words) {
      Fields fields = new Fields();
      VectorFile.fields(words).forEach((name, value) -> fields.texts.put(name, text(value)));
      return fields;
    }

    /** A String holds any text but one that is none. */
    private static String text(byte[] bytes) {
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      } catch (CharacterCodingException e) {
        assumeTrue(false, "a Java text is never anything but Unicode");
        return null;
      }
    }

    Fields with(String name, Object value) {
      texts.put(name, value.toString());
      return this;
    }

    Fields unsigned(String name, long value) {
      return with(name, Long.toUnsignedString(value));
    }

    String text(String name) {
      return texts.get(name);
    }

    long number(String name) {
      return Long.parseUnsignedLong(text(name));
    }

    int small(String name) {
      return (int) number(name);
    }
  }

  private static final Map<String, Function<byte[], Fields>> READERS =
      Map.of(
          "welcome", payload -> fields(Welcome.decode(payload)),
          "refused", payload -> fields(Refused.decode(payload)),
          "resolved", payload -> fields(Resolved.decode(payload)),
          "introduce_by_number", payload -> fields(Introduce.decode(payload)),
          "presence", payload -> fields(Presence.decode(payload)));

  private static final Map<String, Function<Fields, byte[]>> WRITERS =
      Map.of(
          "hello", HandshakeVectorsTest::hello,
          "ready", fields -> new byte[0],
          "goodbye", fields -> new byte[0],
          "refused", fields -> new Refused(fields.small("code"), fields.text("text")).encode(),
          "resolve", fields -> Messages.resolve(fields.small("request"), fields.text("name")),
          "failure", fields -> Messages.failure(fields.text("text")),
          "ring", fields -> Messages.ring(fields.small("lane")),
          "introduced", fields -> Messages.introduced(fields.small("lane"), fields.text("text")),
          "log", fields -> Messages.log(fields.small("level"), fields.text("text")));

  private static Fields fields(Welcome welcome) {
    return new Fields()
        .with("version", welcome.version())
        .unsigned("features", welcome.features())
        .unsigned("incarnation", welcome.incarnation())
        .with("line_bytes", welcome.lineBytes())
        .with("lanes", welcome.lanes())
        .unsigned("mail_to_peer_bytes", welcome.mailToPeerBytes())
        .unsigned("mail_to_host_bytes", welcome.mailToHostBytes())
        .unsigned("control_bytes", welcome.controlBytes())
        .with("name", welcome.name())
        .with("schema", welcome.schema())
        .with("host_pid", welcome.hostPid())
        .with(
            "segments",
            welcome.segments().stream()
                .map(s -> (s.role().ordinal() + 1) + ":" + Long.toUnsignedString(s.bytes()) + ":" + s.hostFd())
                .collect(Collectors.joining(",")));
  }

  private static Fields fields(Refused refused) {
    return new Fields().with("code", refused.code()).with("text", refused.text());
  }

  private static Fields fields(Resolved resolved) {
    return new Fields()
        .with("request", Integer.toUnsignedString(resolved.request()))
        .with("found", resolved.found() ? 1 : 0)
        .unsigned("mailbox", resolved.mailbox());
  }

  private static Fields fields(Introduce introduce) {
    return new Fields()
        .with("lane", introduce.lane())
        .with("name", introduce.name())
        .with("mail_bytes", introduce.mailBytes())
        .with("control_bytes", introduce.controlBytes())
        .with("own_fd", introduce.ownFd())
        .with("other_fd", introduce.otherFd())
        .with("bell_fd", introduce.bellFd());
  }

  private static Fields fields(Presence presence) {
    return new Fields().with("lane", presence.lane()).with("state", presence.state().ordinal());
  }

  private static byte[] hello(Fields fields) {
    Hello hello =
        new Hello(
            fields.number("features"),
            fields.number("pid"),
            fields.number("wanted_ring_bytes"),
            fields.text("language"),
            fields.text("name"),
            fields.text("token"),
            fields.text("schema"));
    hello.check();
    return hello.encode();
  }

  /** What this binding's own texts are called in docs/spec/handshake.md, *Names of faults*. */
  private static String nameOf(Exception e) {
    String text = e.getMessage();
    if (e instanceof EOFException) return "closed_in_frame";
    if (text.contains("ends inside")) return "truncated";
    if (text.contains("bytes too many")) return "trailing";
    if (text.contains("is too long") || text.contains("a length of")) return "too_long";
    if (text.contains("is empty, not UTF-8, or holds a control character")) return "bad_text";
    if (text.contains("cannot be")) return "out_of_range";
    if (text.contains("unknown kind") || text.contains("where 0 must stand")) return "malformed";
    return text;
  }

  private static void message(Vector vector) {
    String message = vector.words().get(0);
    byte[] payload = VectorFile.bytes(vector.words().get(1), 0);
    var reader = READERS.get(message);
    var writer = WRITERS.get(message);
    switch (vector.verb()) {
      case "unfit" -> {
        assumeTrue(message.equals("welcome"));
        assertThrows(RefusedException.class, () -> Welcome.decode(payload).check(OFFERED));
      }
      case "bad" -> {
        assumeTrue(reader != null);
        assertEquals(vector.words().get(2), nameOf(assertThrows(ProtocolException.class, () -> reader.apply(payload))));
      }
      default -> {
        Fields due = Fields.of(vector.from(2));
        if (reader != null) {
          Fields read = reader.apply(payload);
          if (!vector.verb().equals("write")) assertEquals(due.texts, read.texts);
        }
        if (message.equals("welcome") && vector.verb().equals("good") && isFor(due.number("features"))) {
          Welcome.decode(payload).check(OFFERED);
        }
        if (writer != null && !vector.verb().equals("read")) assertArrayEquals(payload, writer.apply(due));
      }
    }
  }

  /** Whether a host that chose these can speak to a peer that has no futex. */
  private static boolean isFor(long features) {
    boolean opensInProc = (features & (Hello.LARGE | Hello.INTRODUCTIONS)) == 0 || (features & Hello.BY_PROC) != 0;
    return (features & WITHOUT_FUTEX) == WITHOUT_FUTEX && (features & ~OFFERED) == 0 && opensInProc;
  }

  private static void stream(Vector vector) throws IOException {
    byte[] bytes = VectorFile.bytes(vector.words().get(1), 0);
    boolean isBad = vector.verb().equals("bad");
    var written = new ByteArrayOutputStream();
    ControlStream stream = new ControlStream(new ByteArrayInputStream(bytes), written);
    List<Frame> frames = new ArrayList<>();
    for (String word : vector.from(isBad ? 3 : 2)) {
      String[] parts = word.split(":");
      Frame frame = stream.receive();
      frames.add(frame);
      assertEquals(Integer.parseInt(parts[0]), frame.kind().number());
      assertEquals(HexFormat.of().formatHex(VectorFile.bytes(parts[1], 0)), HexFormat.of().formatHex(frame.payload()));
    }
    if (isBad) {
      assertEquals(vector.words().get(2), nameOf(assertThrows(Exception.class, stream::receive)));
      return;
    }
    assertNull(stream.receive());
    if (!vector.verb().equals("good")) return;
    for (Frame frame : frames) stream.send(frame.kind(), frame.payload());
    assertArrayEquals(bytes, written.toByteArray());
  }

  static List<Vector> vectors() throws IOException {
    return VectorFile.read("handshake.txt");
  }

  @ParameterizedTest
  @MethodSource("vectors")
  void a_vector(Vector vector) throws IOException {
    if (vector.words().get(0).equals("stream")) {
      stream(vector);
    } else {
      message(vector);
    }
  }
}

package dev.ringmail.control;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.ringmail.ProtocolException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ControlStreamTest {
  private static ControlStream of(byte[] bytes) {
    return new ControlStream(new ByteArrayInputStream(bytes), new ByteArrayOutputStream());
  }

  @Test
  void frames_are_read_as_they_were_written() throws IOException {
    var out = new ByteArrayOutputStream();
    var writer = new ControlStream(new ByteArrayInputStream(new byte[0]), out);
    writer.send(ControlKind.READY, new byte[0]);
    writer.send(ControlKind.RING, Messages.ring(5));
    assertArrayEquals(new byte[] {0, 0, 0, 0, 3, 0, 0, 0}, Arrays.copyOf(out.toByteArray(), 8));

    ControlStream reader = of(out.toByteArray());
    assertEquals(ControlKind.READY, reader.receive().kind());
    assertArrayEquals(new byte[] {5, 0, 0, 0}, reader.receive().payload());
    assertNull(reader.receive());
  }

  @Test
  void a_stream_that_has_lost_its_place_is_not_read_on() {
    assertThrows(ProtocolException.class, () -> of("somebody printed this".getBytes(StandardCharsets.US_ASCII)).receive());
    assertThrows(ProtocolException.class, () -> of(new byte[] {0, 0, 0, 0, 99, 0, 0, 0}).receive());
    assertThrows(ProtocolException.class, () -> of(new byte[] {0, 0, 0, 0, 3, 0, 1, 0}).receive());
    assertThrows(EOFException.class, () -> of(new byte[] {0, 0, 0}).receive());
    assertThrows(EOFException.class, () -> of(new byte[] {4, 0, 0, 0, 9, 0, 0, 0, 1}).receive());
  }
}

package dev.ringmail.link;

import dev.ringmail.NotSpawnedException;
import dev.ringmail.control.ControlStream;
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The control stream that a spawned process inherits: two pipes, whose numbers are in RINGMAIL_FDS. */
final class Inherited {
  static final String VARIABLE = "RINGMAIL_FDS";

  private Inherited() {}

  static ControlStream open(String numbers) {
    if (numbers == null) {
      throw new NotSpawnedException("this process was not spawned by a Ringmail system: " + VARIABLE + " is not set");
    }
    String[] words = numbers.split(",");
    if (words.length < 2) {
      throw new NotSpawnedException(
          VARIABLE + "=" + numbers + " names a socket, and Java can use only pipes that it did not make itself:"
              + " the host must be asked for them (PeerOptions::control_by_pipes)");
    }
    Path in = pipe(words[0]);
    Path out = pipe(words[1]);
    try {
      // Opened anew: these are blocking, whatever the inherited ones are. Buffered, because readNBytes() of a file seeks.
      return new ControlStream(new BufferedInputStream(new FileInputStream(in.toFile())), new FileOutputStream(out.toFile()));
    } catch (IOException e) {
      throw new NotSpawnedException("the control stream cannot be opened: " + e.getMessage());
    }
  }

  /** A grandchild finds the variable, too, but at that number something else or nothing. */
  private static Path pipe(String number) {
    Path path = Path.of("/proc/self/fd/" + number);
    try {
      if (number.matches("[0-9]{1,9}") && Files.readSymbolicLink(path).toString().startsWith("pipe:")) return path;
    } catch (IOException e) {
      // As one that is no pipe.
    }
    throw new NotSpawnedException("descriptor " + number + ", which should be of the control stream, is not a pipe");
  }
}

package dev.ringmail;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Reads the files of bindings/vectors, whose README.md says what stands in them. */
public final class VectorFile {
  private VectorFile() {}

  /** A line: what is done with it, its name, and the other words. */
  public record Vector(String verb, String name, List<String> words) {
    public List<String> from(int first) {
      return words.subList(first, words.size());
    }

    @Override
    public String toString() {
      return name;
    }
  }

  public static List<Vector> read(String file) throws IOException {
    return Files.readAllLines(Path.of("../vectors", file)).stream()
        .filter(line -> !line.startsWith("#"))
        .map(line -> Arrays.asList(line.split(" ")))
        .map(words -> new Vector(words.get(0), words.get(1), words.subList(2, words.size())))
        .toList();
  }

  /** Of hexadecimal digits; where there are dots stands `any`. */
  public static byte[] bytes(String word, int any) {
    if (word.equals("-")) return new byte[0];
    String filling = HexFormat.of().toHexDigits((byte) any);
    return pieces(word, digits -> HexFormat.of().parseHex(digits.replace("..", filling)));
  }

  /** The words NAME=VALUE. A value's bytes may be no text. */
  public static Map<String, byte[]> fields(List<String> words) {
    Map<String, byte[]> fields = new TreeMap<>();
    for (String word : words) {
      int at = word.indexOf('=');
      fields.put(word.substring(0, at), pieces(word.substring(at + 1), VectorFile::unescaped));
    }
    return fields;
  }

  /** Pieces that are joined by `+`, each of which may be repeated by `*`. */
  private static byte[] pieces(String word, Function<String, byte[]> one) {
    ByteArrayOutputStream whole = new ByteArrayOutputStream();
    for (String piece : word.split("\\+")) {
      String[] parts = piece.split("\\*");
      byte[] read = one.apply(parts[0]);
      for (int left = parts.length > 1 ? Integer.parseInt(parts[1]) : 1; left > 0; --left) whole.writeBytes(read);
    }
    return whole.toByteArray();
  }

  private static byte[] unescaped(String piece) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    String[] parts = piece.split("%");
    text.writeBytes(parts[0].getBytes(StandardCharsets.US_ASCII));
    for (String part : Arrays.asList(parts).subList(1, parts.length)) {
      text.write(HexFormat.fromHexDigits(part, 0, 2));
      text.writeBytes(part.substring(2).getBytes(StandardCharsets.US_ASCII));
    }
    return text.toByteArray();
  }
}

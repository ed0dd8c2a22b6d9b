package dev.ringmail;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Which messages the protocols of canonical schema texts promise a reply to. */
final class Promises {
  /** The type of the empty reply to an ask that no protocol promises one to: the id of `ringmail.Done`. */
  static final int DONE = typeId("ringmail.Done");

  private final int[] types;

  Promises(String... schemas) {
    types = Stream.of(schemas).flatMapToInt(Promises::promised).sorted().distinct().toArray();
  }

  boolean hasReply(int type) {
    return Arrays.binarySearch(types, type) >= 0;
  }

  private static IntStream promised(String schema) {
    return schema
        .lines()
        .map(line -> line.strip().split(" "))
        .filter(words -> words.length == 4 && words[0].equals("accepts") && words[2].equals("->"))
        .mapToInt(words -> typeId(words[1]));
  }

  /** FNV-1a, 32 bits, of a qualified name. */
  static int typeId(String name) {
    int hash = 0x811c9dc5;
    for (byte b : name.getBytes(StandardCharsets.UTF_8)) hash = (hash ^ b & 0xff) * 16777619;
    return hash;
  }
}

package dev.ringmail;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Which messages the protocols of canonical schema texts promise a reply to. */
final class Promises {
  /** The type of the empty reply to an ask that no protocol promises one to: the id of `ringmail.Done`. */
  static final int DONE = Mail.typeId("ringmail.Done");

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
        .mapToInt(words -> Mail.typeId(words[1]));
  }
}

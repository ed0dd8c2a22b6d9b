package dev.ringmail;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The host of bindings/python/tests/host.cpp, told what to do line by line, and the peer that it spawns. */
final class HostProcess implements AutoCloseable {
  private static final long DEADLINE_SECONDS = 120; // a watchdog, not a measure
  private static final String END = "(the host has ended)";
  private static Path program;

  private final Process process;
  private final Writer orders;
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final List<String> seen = new ArrayList<>();
  private final Path log;

  /** What RINGMAIL_TEST_HOST names, or compiled when its sources have changed. */
  private static synchronized Path program() throws IOException, InterruptedException {
    if (program != null) return program;
    String given = System.getenv("RINGMAIL_TEST_HOST");
    if (given != null) return program = Path.of(given);
    Path root = Path.of("../..").toAbsolutePath().normalize();
    Path built = Path.of("target/host").toAbsolutePath();
    List<String> command = new ArrayList<>();
    command.addAll(Arrays.asList(Objects.requireNonNullElse(System.getenv("CXX"), "c++").split(" ")));
    command.addAll(List.of("-std=c++23", "-O1", "-pthread", "-I", root + "/transport/include"));
    command.add(root + "/bindings/python/tests/host.cpp");
    for (String folder : List.of("transport/src", "transport/src/linux")) {
      try (Stream<Path> sources = Files.list(root.resolve(folder))) {
        sources.map(Path::toString).filter(name -> name.endsWith(".cpp")).sorted().forEach(command::add);
      }
    }
    command.addAll(List.of("-o", built.toString()));
    if (isNewerThanSources(built, command)) return program = built;
    assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), "the test host does not compile");
    return program = built;
  }

  private static boolean isNewerThanSources(Path built, List<String> command) throws IOException {
    if (!Files.exists(built)) return false;
    for (String word : command) {
      if (word.endsWith(".cpp") && Files.getLastModifiedTime(Path.of(word)).compareTo(Files.getLastModifiedTime(built)) > 0) {
        return false;
      }
    }
    return true;
  }

  /** A host whose peer is the main class with the arguments. */
  static HostProcess start(Class<?> main, String... arguments) throws IOException, InterruptedException {
    return new HostProcess(List.of("--control", "pipes"), main, arguments);
  }

  static HostProcess start(List<String> options, Class<?> main, String... arguments) throws IOException, InterruptedException {
    return new HostProcess(options, main, arguments);
  }

  private HostProcess(List<String> options, Class<?> main, String... arguments) throws IOException, InterruptedException {
    log = Files.createTempFile("ringmail-peer", ".log");
    List<String> command = new ArrayList<>(List.of(program().toString(), "--log", log.toString()));
    command.addAll(options);
    command.addAll(List.of("--", Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(List.of("-XX:+UseSerialGC", "-cp", "target/classes:target/test-classes", main.getName()));
    command.addAll(List.of(arguments));
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    orders = process.outputWriter(StandardCharsets.UTF_8);
    Thread reader = new Thread(this::read, "host-output");
    reader.setDaemon(true);
    reader.start();
  }

  private void read() {
    try (BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = output.readLine(); line != null; line = output.readLine()) lines.add(line);
    } catch (IOException e) {
      // As its end.
    }
    lines.add(END);
  }

  HostProcess order(String order) throws IOException {
    orders.write(order + "\n");
    orders.flush();
    return this;
  }

  /** The next line that starts with this word, without it; the peer must not end before. */
  String await(String word) throws IOException, InterruptedException {
    while (true) {
      String line = lines.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
      if (line == null) throw new AssertionError("no '" + word + "' came after " + seen + "; the peer's log: " + log());
      seen.add(line.length() > 100 ? line.substring(0, 100) + "..." : line);
      if (line.equals(word)) return "";
      if (line.startsWith(word + " ")) return line.substring(word.length() + 1);
      if (line.equals(END) || line.startsWith("exit") || line.startsWith("killed")) {
        throw new AssertionError("the peer ended: " + seen + "; its log: " + log());
      }
    }
  }

  HostProcess ready() throws IOException, InterruptedException {
    await("ready");
    return this;
  }

  HostProcess send(int type, String payload, int count) throws IOException, InterruptedException {
    order("send " + Integer.toUnsignedString(type) + " 5 " + payload + " " + count);
    await("sent");
    return this;
  }

  HostProcess ask(int type, int correlation, String payload) throws IOException, InterruptedException {
    order("ask " + Integer.toUnsignedString(type) + " 5 " + correlation + " " + payload);
    await("sent");
    return this;
  }

  /** Has the peer stop, and expects that it does so in order. */
  void stop() throws IOException, InterruptedException {
    order("stop");
    await("goodbye");
    assertEquals("0", await("exit"), log());
  }

  List<String> seen() {
    return seen;
  }

  String log() throws IOException {
    return Files.readString(log);
  }

  /** The host dies at once, and nobody says goodbye. */
  void kill() {
    process.destroyForcibly();
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    Files.deleteIfExists(log);
  }
}

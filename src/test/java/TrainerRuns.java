import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.ObjectNode;
import picocli.CommandLine;

/** Runs the trainer within this process or in one of its own, and tells what a run has left. */
final class TrainerRuns {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TrainerRuns() {}

  /** How a run ended, and what it printed. */
  record Printed(int status, String out, String err) {}

  /** What is to be run. */
  interface Running {
    int status() throws IOException;
  }

  /** Writes a file of names that differ in length and share their letters. */
  static Path names(Path folder) throws IOException {
    List<String> names = new ArrayList<>();
    for (String first : List.of("ann", "be", "carl", "do", "emm", "fre")) {
      for (String last : List.of("a", "ie", "ora", "u", "is")) {
        names.add(first + last);
      }
    }
    return Files.write(folder.resolve("names.txt"), names);
  }

  static Printed run(String args) {
    return run(args, line -> {});
  }

  /** Runs in this process; tells each line as it is printed, from within what prints it. */
  static Printed run(String args, Consumer<String> onLine) {
    return run(TrainNames.commandLine(new TrainNames()), onLine, args.split(" "));
  }

  /** Runs another command in this process. */
  static Printed run(CommandLine command, String... args) {
    return run(command, line -> {}, args);
  }

  private static Printed run(CommandLine command, Consumer<String> onLine, String... args) {
    return run(() -> Commands.execute(command, args), onLine);
  }

  /** Runs anything that prints. */
  static Printed run(Running running, Consumer<String> onLine) {
    ByteArrayOutputStream printedOut =
        new ByteArrayOutputStream() {
          @Override
          public void write(byte[] bytes, int from, int length) {
            super.write(bytes, from, length);
            onLine.accept(new String(bytes, from, length));
          }
        };
    ByteArrayOutputStream printedErr = new ByteArrayOutputStream();
    PrintStream out = System.out;
    PrintStream err = System.err;
    System.setOut(new PrintStream(printedOut, true, UTF_8));
    System.setErr(new PrintStream(printedErr, true, UTF_8));
    try {
      return new Printed(running.status(), printedOut.toString(UTF_8), printedErr.toString(UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** Starts the trainer in a process of its own. */
  static Process start(Path log, List<String> flags, String args) throws IOException {
    return builder(flags, args)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .start();
  }

  static ProcessBuilder builder(List<String> flags, String args) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseParallelGC", "-Xmx1g", "-XX:TieredStopAtLevel=1"));
    command.addAll(flags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "TrainNames"));
    command.addAll(Arrays.asList(args.split(" ")));
    return new ProcessBuilder(command);
  }

  /** What a kill would leave at this moment. */
  static void copy(Path from, Path to) {
    try (Stream<Path> files = Files.list(from)) {
      Files.createDirectories(to);
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** All that a run has left and that no clock decides, by file and entry. */
  static Map<String, Object> left(Path folder) throws IOException {
    Map<String, Object> all = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".zip")) {
          addEntries(file, all);
        } else if (name.equals("metrics.csv")) {
          all.put(name, withoutLastColumn(file));
        } else if (name.equals("summary.json")) {
          all.put(name, without(Files.readString(file), "microsecondsPerStep"));
        } else {
          all.put(name, name.equals("run.json") ? Files.readString(file) : "is there");
        }
      }
    }
    return all;
  }

  private static List<String> withoutLastColumn(Path csv) throws IOException {
    return Files.readAllLines(csv).stream()
        .map(line -> line.substring(0, line.lastIndexOf(',')))
        .toList();
  }

  private static ObjectNode without(String json, String... keys) throws IOException {
    ObjectNode object = (ObjectNode) JSON.readTree(json);
    return object.remove(List.of(keys));
  }

  private static void addEntries(Path file, Map<String, Object> all) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (ZipEntry entry : zip.stream().map(ZipEntry.class::cast).toList()) {
        try (InputStream in = zip.getInputStream(entry)) {
          byte[] bytes = in.readAllBytes();
          all.put(file.getFileName() + "/" + entry.getName(), content(entry, bytes));
        }
      }
    }
  }

  /** JSON as a tree: another Java process writes DL4J's configuration in another order. */
  private static Object content(ZipEntry entry, byte[] bytes) throws IOException {
    return entry.getName().endsWith(".json")
        ? without(new String(bytes, UTF_8), "microseconds", "metricsLength")
        : Arrays.hashCode(bytes);
  }
}

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import picocli.CommandLine;

/** Runs the trainer within this process or in one of its own, and tells what a run has left. */
final class TrainerRuns {
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
    return run(
        () -> Commands.execute(TrainNames.commandLine(new TrainNames()), args.split(" ")), onLine);
  }

  /** Runs another command in this process. */
  static Printed run(CommandLine command, String... args) {
    return run(() -> Commands.execute(command, args), line -> {});
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
    List<String> all = new ArrayList<>();
    all.addAll(List.of("-XX:+UseParallelGC", "-Xmx1g", "-XX:TieredStopAtLevel=1"));
    all.addAll(flags);
    return command(all, args);
  }

  /** With the flags of {@code mvn exec:exec}. */
  static ProcessBuilder pomsBuilder(String args) throws IOException {
    Matcher speed =
        Pattern.compile("<jvm.speed>(.*)</jvm.speed>")
            .matcher(Files.readString(Path.of("pom.xml")));
    if (!speed.find()) {
      throw new IllegalStateException("pom.xml has no jvm.speed");
    }
    return command(List.of(speed.group(1).split(" ")), args);
  }

  /** The flags of this process without which newer JDKs warn of what JavaCPP does. */
  private static List<String> silencing() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(flag -> flag.matches("--(enable-native-access|sun-misc-unsafe-memory-access)=.*"))
        .toList();
  }

  private static ProcessBuilder command(List<String> flags, String args) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(silencing());
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

  /** The bytes of all that a run has left, without what a clock decides, by file and entry. */
  static Map<String, Object> left(Path folder) throws IOException {
    Map<String, Object> all = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.matches("(last|best|step-\\d+)\\.zip")) {
          addEntries(file, all);
        } else {
          all.put(name, content(name, file));
        }
      }
    }
    return all;
  }

  private static Object content(String name, Path file) throws IOException {
    return switch (name) {
      case ".lock", "log.txt", "report.html" -> "is there";
      case "metrics.csv" -> Files.readString(file).replaceAll("[^,\n]*\n", "\n");
      case "summary.json" -> Files.readString(file).replaceAll("\"microsecondsPerStep\".*", "");
      default -> ByteBuffer.wrap(Files.readAllBytes(file));
    };
  }

  private static void addEntries(Path checkpoint, Map<String, Object> all) throws IOException {
    try (ZipFile zip = new ZipFile(checkpoint.toFile())) {
      for (ZipEntry entry : zip.stream().map(ZipEntry.class::cast).toList()) {
        try (InputStream in = zip.getInputStream(entry)) {
          byte[] bytes = in.readAllBytes();
          all.put(
              checkpoint.getFileName() + "/" + entry.getName(),
              entry.getName().equals("training-state.json")
                  ? new String(bytes, UTF_8)
                      .replaceAll("\"(microseconds|metricsLength)\":[^,}]*", "")
                  : ByteBuffer.wrap(bytes));
        }
      }
    }
  }
}

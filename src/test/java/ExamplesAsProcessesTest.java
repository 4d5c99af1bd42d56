import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The examples' commands as a shell starts them, on machines that are set in other ways. */
class ExamplesAsProcessesTest {

  private static final String SAID = "%,d µ анна 😀";
  private static final String SAID_WITH_1234 = "1,234 µ анна 😀";

  @TempDir private Path folder;

  /** Prints on both streams. */
  @Command(description = SAID_WITH_1234)
  static final class Talker implements Callable<Integer> {
    public static void main(String[] args) {
      Commands.main(new CommandLine(new Talker()), args);
    }

    @Override
    public Integer call() {
      System.out.printf(SAID + "%n", 1234);
      System.err.printf(SAID + "%n", 1234);
      return 0;
    }
  }

  private record Ended(int status, String out, String err) {}

  private Ended run(String main, Redirect out, String... args)
      throws IOException, InterruptedException {
    Path err = folder.resolve("err");
    Process process = start(main, out, err, args);
    String printed;
    try (InputStream in = process.getInputStream()) {
      printed = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    return new Ended(process.waitFor(), printed, Files.readString(err));
  }

  /** In a locale without letters beyond ASCII, in a country with other digits. */
  private static Process start(String main, Redirect out, Path err, String... args)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Duser.language=ar", "-Duser.country=EG", "-Dfile.encoding=US-ASCII"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
    command.addAll(List.of(args));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectOutput(out).redirectError(err.toFile());
    builder.environment().put("LC_ALL", "C");
    return builder.start();
  }

  static List<String> examples() throws IOException {
    return sources(Path.of("examples"))
        .filter(ExamplesAsProcessesTest::hasMain)
        .map(file -> file.getFileName().toString().replace(".java", ""))
        .sorted()
        .toList();
  }

  private static Stream<Path> sources(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".java")).toList().stream();
    }
  }

  private static boolean hasMain(Path file) {
    return read(file).contains("public static void main(");
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Those that a program starts, and reads, have no command line. */
  @Test
  void everyCommandStartsInTheOneWay() throws IOException {
    List<Path> commands = new ArrayList<>();
    for (String folder : List.of("examples", "examples/spark/src/main/java", "src/jmh/java")) {
      sources(Path.of(folder))
          .filter(ExamplesAsProcessesTest::hasMain)
          .filter(file -> !List.of("WayMeasured.java", "RoundParts.java").contains(name(file)))
          .forEach(commands::add);
    }
    assertTrue(commands.size() >= 9, commands::toString);
    List<String> otherwise =
        commands.stream()
            .filter(
                file ->
                    !read(file).contains("Commands.main(") || read(file).contains("System.exit"))
            .map(ExamplesAsProcessesTest::name)
            .collect(Collectors.toList());
    assertEquals(List.of(), otherwise);
  }

  private static String name(Path file) {
    return file.getFileName().toString();
  }

  @ParameterizedTest
  @MethodSource("examples")
  void theVersionIsThatOfAllThatComputes(String example) throws Exception {
    Ended ended = run(example, Redirect.PIPE, "-V");
    assertEquals(0, ended.status(), ended::toString);
    assertEquals("", ended.err());
    List<String> versions = ended.out().lines().map(line -> line.replaceAll(" .*", "")).toList();
    assertEquals(List.of("backprop-ninja-dl4j", "DL4J", "ND4J", "JDK"), versions);
    assertTrue(ended.out().lines().allMatch(line -> line.matches(".+ \\d\\S+")), ended::toString);
  }

  /** Behind the arguments that a command cannot do without. */
  private static String[] typo(String example) {
    return switch (example) {
      case "SampleNames" -> new String[] {"runs", "--stepz"};
      case "EvaluateNames" -> new String[] {"runs", "more.txt", "--stepz"};
      default -> new String[] {"--stepz"};
    };
  }

  @ParameterizedTest
  @MethodSource("examples")
  void aTypoIsOneLine(String example) throws Exception {
    Ended ended = run(example, Redirect.PIPE, typo(example));
    assertEquals(
        new Ended(2, "", "Unknown option: '--stepz'" + System.lineSeparator()), ended, example);
  }

  @Test
  void outputIsUtf8WithTheDigits0To9OnEveryMachine() throws Exception {
    Ended ended = run(Talker.class.getName(), Redirect.PIPE);
    String line = SAID_WITH_1234 + System.lineSeparator();
    assertEquals(new Ended(0, line, line), ended);
    Ended help = run(Talker.class.getName(), Redirect.PIPE, "--help");
    assertTrue(help.out().contains(SAID_WITH_1234), help::toString);
  }

  @ParameterizedTest
  @MethodSource("examples")
  void outputThatIsLostIsNotStatus0(String example) throws Exception {
    File full = new File("/dev/full");
    assumeTrue(full.exists(), "only Linux has a device that is always full");
    Ended ended = run(example, Redirect.to(full), "--help");
    assertEquals(
        new Ended(1, "", "not all of the output could be printed" + System.lineSeparator()), ended);
  }

  @Test
  void aPipeThatNobodyReadsIsNotStatus0() throws Exception {
    Path err = folder.resolve("err");
    Process process = start(Talker.class.getName(), Redirect.PIPE, err);
    process.getInputStream().close();
    assertEquals(1, process.waitFor());
    assertTrue(Files.readString(err).endsWith("could be printed" + System.lineSeparator()));
    assertFalse(Files.readString(err).contains("Exception"));
  }
}

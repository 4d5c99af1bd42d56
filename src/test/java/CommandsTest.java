import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** The exit status of an example, and what it says when it fails. */
class CommandsTest {

  /** Does what it is given. */
  @Command
  private static final class Example implements Callable<Integer> {
    private final Callable<Integer> work;

    Example(Callable<Integer> work) {
      this.work = work;
    }

    @Override
    public Integer call() throws Exception {
      return work.call();
    }
  }

  private record Ended(int status, List<String> err) {}

  private static Ended run(Callable<Integer> work, String... args) {
    return run(new CommandLine(new Example(work)), args);
  }

  private static Ended run(CommandLine line, String... args) {
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setErr(new PrintStream(printed, true));
    try {
      int status = Commands.execute(line, args);
      return new Ended(status, printed.toString().lines().toList());
    } finally {
      System.setErr(err);
    }
  }

  private static Ended failing(Exception e) {
    return run(
        () -> {
          throw e;
        });
  }

  @Test
  void theStatusIsWhatTheExampleReturns() {
    assertEquals(new Ended(0, List.of()), run(() -> 0));
    assertEquals(new Ended(1, List.of()), run(() -> 1));
  }

  @Test
  void whatTheUserGaveIsStatus2AndOneLine() {
    CommandLine line = new CommandLine(new Example(() -> 0));
    assertEquals(
        new Ended(2, List.of("--hidden (0) must be from 1 to 9")),
        failing(new ParameterException(line, "--hidden (0) must be from 1 to 9\nmore")));
    assertEquals(new Ended(2, List.of("Unmatched argument at index 0: '7'")), run(() -> 0, "7"));
    InvalidNamesException names = refusedNames();
    assertEquals(new Ended(2, List.of(names.getMessage())), failing(names));
  }

  private static InvalidNamesException refusedNames() {
    return assertThrows(InvalidNamesException.class, () -> NamesFile.read(Path.of("no such file")));
  }

  @Test
  void whatTheMachineRefusesIsStatus1AndOneLine() {
    IOException full = new IOException("No space left on device\nmore");
    Ended expected = new Ended(1, List.of("No space left on device"));
    assertEquals(expected, failing(full));
    assertEquals(expected, failing(new UncheckedIOException("No space left on device", full)));
    assertEquals(
        new Ended(1, List.of("java.io.EOFException")), failing(new EOFException()), "no message");
  }

  /** Its message is no more than the path. */
  @Test
  void aFileThatIsNotThereIsSaidToBe() {
    assertEquals(
        new Ended(1, List.of("java.nio.file.NoSuchFileException: a/b")),
        failing(new NoSuchFileException("a/b")));
  }

  /** Options of every kind without a value, and with an empty one. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "BackpropNinja | --names= | Invalid value for option '--names': a path must not be empty",
        "BackpropNinja | --plot= | Invalid value for option '--plot': a path must not be empty",
        "BackpropNinja | --plot | Missing required parameter for option '--plot' (DIR)",
        "BackpropNinja | --plot=pom.xml | --plot (pom.xml) must be a folder, is a file",
        "BackpropNinja | --names=none | none does not exist",
        "BackpropNinja | --names=src | src is a directory, not a file of names",
        "BackpropNinja | --recipe | Missing required parameter for option '--recipe' (NAME)",
        "BackpropNinja | --recipe= | Invalid value for option '--recipe': '' must be one-generator or two-generators",
        "BackpropNinja | --seed= | Invalid value for option '--seed': '' is not a long",
        "BackpropNinja | --seed=-1 | --seed (-1) must be from 0 to 4294967295",
        "Conformance | --only | Missing required parameter for option '--only' (NAME)",
        "Conformance | --json= | Invalid value for option '--json': a path must not be empty",
        "Conformance | --json=src | --json (src) must be a file, is a folder",
        "Conformance | --markdown=no/a.md | --markdown (no/a.md) must be in a folder that exists",
        "CheckYourLayer | --broken=maybe | Invalid value for option '--broken': 'maybe' is not a boolean",
        "DropIn | --steps= | Invalid value for option '--steps': '' is not an int",
        "DropIn | --blocks | Missing required parameter for option '--blocks' (N)",
        "Practice | --hint= | --hint () must be one of dlogprobs, dprobs, ",
        "TrainNames | --names= | Invalid value for option '--names': a path must not be empty",
        "TrainNames | --out= | --out (): a path must not be empty",
        "TrainNames | --updater= | Invalid value for option '--updater': expected one of [SGD, ",
        "TrainNames | --steps=ten | Invalid value for option '--steps': 'ten' is not an int",
        "TrainNames | surplus | Unmatched argument at index 0: 'surplus'",
      })
  void whatCannotBeUsedIsStatus2AndOneLine(String example, String arg, String said) {
    Ended ended = run(commandLine(example), arg);
    assertEquals(2, ended.status(), ended::toString);
    assertEquals(1, ended.err().size(), ended::toString);
    assertTrue(ended.err().get(0).startsWith(said), ended::toString);
  }

  private static CommandLine commandLine(String example) {
    return switch (example) {
      case "BackpropNinja" -> BackpropNinja.commandLine();
      case "Conformance" -> new CommandLine(new Conformance());
      case "CheckYourLayer" -> new CommandLine(new CheckYourLayer());
      case "DropIn" -> new CommandLine(new DropIn());
      case "Practice" -> PracticeCommand.commandLine(new Practice());
      default -> TrainNames.commandLine(new TrainNames());
    };
  }

  @Test
  void tooLittleMemoryIsStatus1AndOneLine() {
    OutOfMemoryError error = new OutOfMemoryError("Java heap space");
    Ended expected =
        new Ended(
            1, List.of("out of memory: Java heap space; take less, or more memory with -Xmx"));
    assertEquals(expected, failing(new RuntimeException("Error during forward pass", error)));
    assertEquals(
        expected,
        run(
            () -> {
              throw error;
            }));
  }

  @Test
  void runsOfTheSameSecondGetAFolderEach(@TempDir Path folder) throws IOException {
    Path runs = folder.resolve("new/runs");
    Set<Path> made = new HashSet<>();
    for (int k = 0; k < 5; k++) {
      made.add(Commands.newFolder(runs).folder());
    }
    assertEquals(5, made.size());
    for (Path run : made) {
      assertTrue(Files.isDirectory(run), run::toString);
      assertTrue(run.getFileName().toString().matches("\\d{8}-\\d{6}(-[2-5])?"), run::toString);
    }
  }

  @Test
  void aBugIsStatus1WithItsStackTrace() {
    Ended ended = failing(new IllegalArgumentException("n (3) must be 4"));
    assertEquals(1, ended.status());
    assertEquals("java.lang.IllegalArgumentException: n (3) must be 4", ended.err().get(0));
    assertTrue(
        ended.err().stream().anyMatch(line -> line.contains("at CommandsTest.")),
        () -> "no stack trace: " + ended);
  }
}

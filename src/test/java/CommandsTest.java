import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.NamesFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setErr(new PrintStream(printed, true));
    try {
      int status = Commands.execute(new CommandLine(new Example(work)), args);
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

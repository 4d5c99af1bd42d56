import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * What the examples' commands have in common.
 *
 * <p>Their exit statuses are 0 done, 1 failed, 2 unusable arguments or input.
 */
final class Commands {

  private Commands() {}

  /** Runs a command; for what its user can cause there is one line on the error stream. */
  static int execute(CommandLine line, String... args) {
    line.setParameterExceptionHandler((e, arguments) -> explain(2, e));
    line.setExecutionExceptionHandler((e, commandLine, parsed) -> status(e));
    return line.execute(args);
  }

  /** Refuses a number outside a range, with the option's name. */
  static void requireRange(CommandSpec spec, String option, long value, long least, long most) {
    if (value < least || value > most) {
      throw new ParameterException(
          spec.commandLine(),
          "%s (%d) must be from %d to %d".formatted(option, value, least, most));
    }
  }

  /**
   * Refuses a path where something else than a folder is; null and what is not there yet are fine.
   */
  static void requireFolder(CommandSpec spec, String option, Path path) {
    if (path != null && Files.exists(path) && !Files.isDirectory(path)) {
      throw new ParameterException(
          spec.commandLine(), "%s (%s) must be a folder, is a file".formatted(option, path));
    }
  }

  /** Makes the run's folder: the given one, or a new one in {@code runs}. */
  static RunFolder runFolder(Path given) throws IOException {
    try {
      return given == null ? newFolder(Path.of("runs")) : RunFolder.create(given);
    } catch (IOException e) { // its message may be no more than the path
      throw new IOException("the run's folder cannot be made: " + e, e);
    }
  }

  /** Makes a folder that is named by the time, and is no other run's of the same second. */
  static RunFolder newFolder(Path runs) throws IOException {
    Files.createDirectories(runs);
    String time = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now());
    for (int k = 1; ; k++) {
      try {
        String name = k == 1 ? time : time + "-" + k;
        return new RunFolder(Files.createDirectory(runs.resolve(name)));
      } catch (FileAlreadyExistsException e) {
        // Another run has started within this second: the next name.
      }
    }
  }

  /** Prints the losses and the names of a training run. */
  static void print(Summary summary) {
    Parts<Double> losses = summary.losses();
    System.out.printf(
        Locale.ROOT,
        "train %.4f  val %.4f  test %.4f%n",
        losses.train(),
        losses.val(),
        losses.test());
    summary.names().forEach(System.out::println);
  }

  private static int status(Exception e) throws Exception {
    if (e instanceof ParameterException || e instanceof InvalidNamesException) {
      return explain(2, e);
    }
    if (e instanceof IOException || e instanceof UncheckedIOException) {
      return explain(1, e); // a full disk, a folder without permission
    }
    e.printStackTrace();
    return 1;
  }

  private static int explain(int status, Exception e) {
    String said = e.getMessage() == null ? e.toString() : e.getMessage();
    System.err.println(said.lines().findFirst().orElse(e.toString()));
    return status;
  }
}

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.backpropninja.names.InvalidModelException;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.deeplearning4j.util.CrashReportingUtil;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.TypeConversionException;

/**
 * What the examples' commands have in common.
 *
 * <p>Their exit statuses are 0 done, 1 failed, 2 unusable arguments or input.
 */
final class Commands {

  private Commands() {}

  /**
   * Runs a command and ends the process.
   *
   * <p>Output is UTF-8, and numbers have the digits 0 to 9, whatever the machine is set to: what
   * one program prints others read.
   */
  static void main(CommandLine line, String... args) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    System.setOut(new PrintStream(new FileOutputStream(FileDescriptor.out), true, UTF_8));
    System.setErr(new PrintStream(new FileOutputStream(FileDescriptor.err), true, UTF_8));
    System.exit(execute(line, args));
  }

  /**
   * Runs a command; for what its user can cause there is one line on the error stream.
   *
   * <p>Every command gets {@code --help} and {@code --version}, lists its options in their order,
   * and refuses an empty path: {@code ""} would be the working directory.
   */
  static int execute(CommandLine line, String... args) {
    CrashReportingUtil.crashDumpsEnabled(false); // a file in the working directory, of no use here
    line.getCommandSpec().mixinStandardHelpOptions(true).versionProvider(new Versions());
    line.getCommandSpec().usageMessage().sortOptions(false);
    line.registerConverter(Path.class, Commands::path);
    line.setOut(new PrintWriter(System.out, true, UTF_8));
    // Its own instance of the default has a writer of its own, whose losses nobody would see.
    line.setExecutionStrategy(parsed -> new RunLast().execute(parsed));
    line.setParameterExceptionHandler((e, arguments) -> explain(2, e));
    line.setExecutionExceptionHandler((e, commandLine, parsed) -> status(e));
    int status = executeWithinMemory(line, args);
    if (System.out.checkError()) { // a full device, or a pipe that nobody reads
      System.err.println("not all of the output could be printed");
      return Math.max(status, 1);
    }
    return status;
  }

  /** Refuses what no file can be named, with a message for the option's value. */
  static Path path(String text) {
    if (text.isBlank()) {
      throw new TypeConversionException("a path must not be empty");
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) { // with LC_ALL=C, JDK 17 takes ASCII only
      throw new TypeConversionException(
          "no file can have this name here: %s; on Linux LC_ALL=C.UTF-8 allows all characters"
              .formatted(e.getReason()));
    }
  }

  private static int executeWithinMemory(CommandLine line, String... args) {
    try {
      return line.execute(args);
    } catch (OutOfMemoryError e) {
      return outOfMemory(e);
    }
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

  /** Refuses a file that could not be written, before the work is done; null is fine. */
  static void requireFile(CommandSpec spec, String option, Path path) {
    if (path == null) {
      return;
    }
    if (Files.isDirectory(path)) {
      throw new ParameterException(
          spec.commandLine(), "%s (%s) must be a file, is a folder".formatted(option, path));
    }
    if (!Files.isDirectory(path.toAbsolutePath().getParent())) {
      throw new ParameterException(
          spec.commandLine(), "%s (%s) must be in a folder that exists".formatted(option, path));
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
    DateTimeFormatter time = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);
    return RunFolder.createNew(runs, time.format(LocalDateTime.now()));
  }

  /** Prints the losses and the names of a training run. */
  static void print(Summary summary) {
    System.out.println(losses(summary.losses()));
    summary.names().forEach(System.out::println);
    System.out.flush();
  }

  /** The losses of the three parts in one line. */
  static String losses(Parts<Double> losses) {
    return String.format(
        Locale.ROOT,
        "train %.4f  val %.4f  test %.4f",
        losses.train(),
        losses.val(),
        losses.test());
  }

  private static int outOfMemory(Throwable e) {
    System.err.printf("out of memory: %s; take less, or more memory with -Xmx%n", e.getMessage());
    return 1;
  }

  private static int status(Exception e) throws Exception {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof OutOfMemoryError) { // DL4J wraps it
        return outOfMemory(cause);
      }
    }
    if (e instanceof ParameterException
        || e instanceof InvalidNamesException
        || e instanceof InvalidModelException
        || e instanceof UnusableInputException) {
      return explain(2, e);
    }
    if (e instanceof IOException
        || e instanceof UncheckedIOException
        || e instanceof DivergedException) {
      return explain(1, e); // a full disk, a folder without permission, a loss that is NaN
    }
    e.printStackTrace();
    return 1;
  }

  private static int explain(int status, Exception e) {
    boolean isPath = e instanceof FileSystemException io && io.getReason() == null;
    String said = e.getMessage() == null || isPath ? e.toString() : e.getMessage();
    System.err.println(said.lines().findFirst().orElse(e.toString()));
    return status;
  }
}

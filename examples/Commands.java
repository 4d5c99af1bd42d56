import java.io.IOException;
import java.io.UncheckedIOException;
import org.backpropninja.names.InvalidNamesException;
import picocli.CommandLine;

/** The exit statuses of the examples: 0 done, 1 failed, 2 unusable arguments or input. */
final class Commands {

  private Commands() {}

  /** Runs a command; for what its user can cause there is one line on the error stream. */
  static int execute(CommandLine line, String... args) {
    line.setParameterExceptionHandler((e, arguments) -> explain(2, e));
    line.setExecutionExceptionHandler((e, commandLine, parsed) -> status(e));
    return line.execute(args);
  }

  private static int status(Exception e) throws Exception {
    if (e instanceof CommandLine.ParameterException || e instanceof InvalidNamesException) {
      return explain(2, e);
    }
    if (e instanceof IOException || e instanceof UncheckedIOException) {
      return explain(1, e); // a full disk, a folder without permission
    }
    e.printStackTrace();
    return 1;
  }

  private static int explain(int status, Exception e) {
    System.err.println(e.getMessage().lines().findFirst().orElse(e.toString()));
    return status;
  }
}

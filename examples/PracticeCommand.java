import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The command line of {@link Practice}: its table, or hints. */
@Command(
    name = "Practice",
    description = "Compares the gradients in examples/Practice.java with SameDiff's autodiff.")
final class PracticeCommand implements Callable<Integer> {
  static final String WHERE =
      "The methods are in examples/Practice.java; --help tells what else there is.";

  private final Practice practice;

  @Option(names = "--hint", paramLabel = "METHOD", description = "show the hint of one, as dbnvar")
  private String method;

  @Option(names = "--hints", description = "show the hints of all")
  private boolean hints;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private PracticeCommand(Practice practice) {
    this.practice = practice;
  }

  static int execute(Practice practice, String... args) {
    return Commands.execute(commandLine(practice), args);
  }

  static CommandLine commandLine(Practice practice) {
    return new CommandLine(new PracticeCommand(practice));
  }

  @Override
  public Integer call() {
    if (method != null) {
      System.out.println(hint());
    } else if (hints) {
      PracticeHints.all().forEach((name, hint) -> System.out.println(name + ": " + hint));
    } else {
      System.out.println(PracticeTable.of(practice, start()).text());
      System.out.println(WHERE);
    }
    return 0;
  }

  /** The step that the README shows. */
  private static BackpropNinja.Start start() {
    return BackpropNinja.draw(Path.of("names.txt"), BackpropNinja.Recipe.ONE_GENERATOR, 42);
  }

  /** Takes the notebook's names too: dcounts_sum is dcountsSum. */
  private String hint() {
    Map<String, String> all = PracticeHints.all();
    String wanted = method.replace("_", "");
    return all.keySet().stream()
        .filter(wanted::equalsIgnoreCase)
        .findFirst()
        .map(name -> name + ": " + all.get(name))
        .orElseThrow(
            () ->
                new ParameterException(
                    spec.commandLine(),
                    "--hint (%s) must be one of %s"
                        .formatted(method, String.join(", ", all.keySet()))));
  }
}

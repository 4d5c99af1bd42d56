import java.util.concurrent.Callable;
import org.backpropninja.check.ConformanceReport;
import org.backpropninja.check.Feature;
import org.backpropninja.check.LayerConformance;
import org.deeplearning4j.nn.conf.inputs.InputType;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * Checks someone's own layer with the conformance kit: {@link MyLayerNorm}, or the same with two
 * bugs in it.
 */
@Command(
    name = "CheckYourLayer",
    description = "Checks a custom layer, first wrong, then right, and prints what the kit says.")
public final class CheckYourLayer implements Callable<Integer> {

  @Option(names = "--broken", description = "check the layer with two bugs in it")
  private boolean broken;

  CheckYourLayer() {}

  /**
   * Runs and exits: 0 the layer passed, 1 it did not, 2 unusable arguments.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(new CommandLine(new CheckYourLayer()), args);
  }

  static int execute(String... args) {
    return Commands.execute(new CommandLine(new CheckYourLayer()), args);
  }

  /**
   * Checks the layer that the options choose.
   *
   * @param args see {@code --help}
   * @return what the kit found
   * @throws ParameterException if an option is unusable
   */
  public static ConformanceReport run(String... args) {
    CheckYourLayer options = new CheckYourLayer();
    new CommandLine(options).parseArgs(args);
    return options.check();
  }

  @Override
  public Integer call() {
    ConformanceReport report = check();
    System.out.println(report);
    return report.passed() ? 0 : 1;
  }

  private ConformanceReport check() {
    return LayerConformance.of(broken ? MyLayerNormWithBugs::new : MyLayerNorm::new)
        .input(InputType.feedForward(5))
        .supports(Feature.MASKS) // those of examples; without this line none are tried
        .run();
  }
}

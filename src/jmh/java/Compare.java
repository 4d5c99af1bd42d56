import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.backpropninja.bench.Comparison;
import org.backpropninja.bench.Comparison.Effort;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Prints how fast Deeplearning4j's layers, this library's, the bare matrix products, PyTorch and C
 * are on this machine, as the tables of docs/performance.md.
 */
@Command(
    name = "Compare",
    description = "Compares the speed of DL4J's layers, ours, PyTorch and C.")
public final class Compare implements Callable<Integer> {

  @Option(
      names = "--full",
      description = "at the targets' lengths, half an hour; else a minute or two, to see it work")
  private boolean full;

  @Option(
      names = "--only",
      paramLabel = "TEXT",
      description = "only the rows whose title holds this, and no picture")
  private String only;

  @Option(
      names = "--python",
      paramLabel = "FILE",
      description = "interpreter with PyTorch, if there is one (${DEFAULT-VALUE})")
  private String python = "/usr/bin/python3";

  @Option(
      names = "--libtorch",
      description = "LibTorch by bytedeco takes part; Maven fetches 110 MB of it")
  private boolean libtorch;

  @Option(
      names = "--picture",
      paramLabel = "FILE",
      description = "how cost grows with n, H and V (${DEFAULT-VALUE})")
  private Path picture = Path.of("target", "performance-growth.png");

  Compare() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(new CommandLine(new Compare()), args);
  }

  @Override
  public Integer call() throws IOException {
    Effort effort = full ? Effort.FULL : Effort.QUICK;
    try (Comparison comparison = new Comparison(effort, python, libtorch, System.err::println)) {
      String table = comparison.table(only == null ? "" : only);
      System.out.printf("%n%s%n%s%n", comparison.machine(), table);
      if (only == null) {
        System.out.println(comparison.growth(picture));
        System.out.println("Picture: " + picture);
      }
    }
    return 0;
  }
}

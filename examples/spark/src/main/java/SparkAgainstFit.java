import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.backpropninja.names.NamesFile;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * Prints what Spark costs on one machine: speed and memory of local[1] against {@code network.fit}.
 *
 * <p>Each way trains in a JVM of its own with the flags of this one, and must end with the
 * parameters of {@code network.fit} on its minibatches to the last bit.
 */
@Command(name = "SparkAgainstFit", description = "Compares Spark's local[1] with network.fit.")
public final class SparkAgainstFit implements Callable<Integer> {

  @Option(names = "--names", paramLabel = "FILE", description = "one a line (${DEFAULT-VALUE})")
  private Path names = Path.of("names.txt");

  @Option(
      names = "--repeat",
      paramLabel = "N",
      description = "how often each way runs, in turn (${DEFAULT-VALUE})")
  private int repeat = 3;

  @Option(
      names = "--warm-up",
      paramLabel = "S",
      description = "seconds of each run that do not count (${DEFAULT-VALUE})")
  private double warmUp = 3;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description = "of each run on the clock (${DEFAULT-VALUE})")
  private double seconds = 2;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private SparkAgainstFit() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(new CommandLine(new SparkAgainstFit()), args);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    require("--repeat", repeat, 1);
    require("--warm-up", warmUp, 0);
    require("--seconds", seconds, 0);
    NamesFile.read(names); // refuses here what the children would
    Map<WayToTrain, List<WayMeasured>> measured = measure();
    System.err.println("what a round is spent on");
    List<String> one = RoundParts.rows(run(RoundParts.class, "1"));
    List<String> thousand = RoundParts.rows(run(RoundParts.class, "1000"));
    print(measured);
    print(one, thousand);
    return 0;
  }

  /** In turn, so that what else the machine does falls on all ways. */
  private Map<WayToTrain, List<WayMeasured>> measure() throws IOException, InterruptedException {
    Map<WayToTrain, List<WayMeasured>> measured = new EnumMap<>(WayToTrain.class);
    for (int turn = 1; turn <= repeat; turn++) {
      for (WayToTrain way : WayToTrain.values()) {
        System.err.printf("turn %d of %d: %s%n", turn, repeat, way.title);
        measured
            .computeIfAbsent(way, w -> new ArrayList<>())
            .add(WayMeasured.parse(run(WayMeasured.class, way.name())));
      }
    }
    return measured;
  }

  private void require(String option, Number value, int least) {
    if (!(value.doubleValue() >= least)) {
      throw new ParameterException(
          spec.commandLine(), "%s (%s) must be at least %s".formatted(option, value, least));
    }
  }

  /** Runs a class in a JVM like this one. */
  private List<String> run(Class<?> main, String what) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-classpath", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(what, names.toString(), "" + warmUp, "" + seconds));
    Process child =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (Stream<String> lines = child.inputReader(StandardCharsets.UTF_8).lines()) {
      List<String> output = lines.toList();
      int status = child.waitFor();
      if (status != 0) {
        throw new IllegalStateException(
            "%s %s must end with 0, ended with %d; its errors stand above"
                .formatted(main.getName(), what, status));
      }
      return output;
    } finally {
      child.destroy();
    }
  }

  private static void print(Map<WayToTrain, List<WayMeasured>> measured) {
    double fit = median(measured.get(WayToTrain.FIT), WayMeasured::microseconds);
    System.out.printf(
        "%n| way | µs a step | least to most | to fit | peak memory, MiB | heap in use | arrays |%n"
            + "|---|---|---|---|---|---|---|%n");
    measured.forEach(
        (way, runs) -> {
          double[] steps = sorted(runs, WayMeasured::microseconds);
          System.out.printf(
              Locale.ROOT,
              "| %s | %.0f | %.0f to %.0f | %.2f | %s | %.0f | %.1f |%n",
              way.title,
              steps[steps.length / 2],
              steps[0],
              steps[steps.length - 1],
              steps[steps.length / 2] / fit,
              memory(median(runs, WayMeasured::peakMiB)),
              median(runs, WayMeasured::heapMiB),
              median(runs, WayMeasured::offHeapMiB));
        });
    System.out.println("\nEach way ended with the parameters of network.fit to the last bit.");
  }

  private static String memory(double mib) {
    return Double.isNaN(mib) ? "no /proc" : "%.0f".formatted(mib);
  }

  private static double median(List<WayMeasured> runs, ToDoubleFunction<WayMeasured> value) {
    double[] all = sorted(runs, value);
    return all[all.length / 2];
  }

  private static double[] sorted(List<WayMeasured> runs, ToDoubleFunction<WayMeasured> value) {
    return runs.stream().mapToDouble(value).sorted().toArray();
  }

  private static void print(List<String> one, List<String> thousand) {
    System.out.printf("%n| ms of a round | averaging 1 | averaging 1000 |%n|---|---|---|%n");
    for (int k = 0; k < one.size(); k++) {
      String row = thousand.get(k);
      System.out.printf("| %s | %s |%n", one.get(k), row.substring(row.lastIndexOf('|') + 2));
    }
  }
}

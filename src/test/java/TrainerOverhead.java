import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NamesFile.Spaces;
import org.backpropninja.names.RunFolder;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/**
 * How much longer the default run's steps take, with all that it writes on the way, than {@code
 * network.fit} alone over the same minibatches.
 *
 * <p>{@code mvn -q test-compile exec:exec -Dexample=TrainerOverhead}; {@code -Dargs="STEPS TURNS"}.
 */
final class TrainerOverhead {
  private final TrainingOptions options = TrainNames.options();
  private final Names names = Names.read(options.names(), Spaces.REFUSED, options.context());
  private final int steps;

  private TrainerOverhead(int steps) throws IOException {
    this.steps = steps;
  }

  /** Prints each turn and the medians. */
  public static void main(String[] args) throws IOException {
    int steps = args.length > 0 ? Integer.parseInt(args[0]) : 20_000;
    int turns = args.length > 1 ? Integer.parseInt(args[1]) : 7;
    new TrainerOverhead(steps).compare(turns);
    System.exit(0); // ND4J's threads
  }

  private void compare(int turns) throws IOException {
    bare(); // to warm up
    trainer();
    double[] bare = new double[turns];
    double[] trainer = new double[turns];
    double[] ratio = new double[turns];
    for (int turn = 0; turn < turns; turn++) {
      if (turn % 2 == 0) { // which is first makes a difference
        bare[turn] = bare();
        trainer[turn] = trainer();
      } else {
        trainer[turn] = trainer();
        bare[turn] = bare();
      }
      ratio[turn] = trainer[turn] / bare[turn];
      print("turn " + (turn + 1), bare[turn], trainer[turn], ratio[turn]);
    }
    print("median", median(bare), median(trainer), median(ratio));
  }

  private static double median(double[] values) {
    return Arrays.stream(values).sorted().skip(values.length / 2).findFirst().orElseThrow();
  }

  private void print(String what, double bare, double trainer, double ratio) {
    System.out.printf(
        Locale.ROOT,
        "%-8s network.fit %7.1f, trainer %7.1f µs a step: %+.2f %%%n",
        what,
        bare,
        trainer,
        100 * (ratio - 1));
  }

  private MultiLayerNetwork network(TorchRandom random) {
    return options.network(names.split().train().vocabulary().size(), random);
  }

  private double bare() {
    TorchRandom random = new TorchRandom(options.seed());
    MultiLayerNetwork network = network(random);
    var minibatches =
        new MinibatchIterator(names.split().train(), random, options.batch(), steps).overwriting();
    long start = System.nanoTime();
    network.fit(minibatches);
    return (System.nanoTime() - start) / 1e3 / steps;
  }

  /** The steps, evaluations and checkpoints; not what comes before the first and after the last. */
  private double trainer() throws IOException {
    RunFolder folder = new RunFolder(Files.createTempDirectory("overhead"));
    String args =
        "--quiet --steps %d --names %s --out %s".formatted(steps, options.names(), folder.folder());
    TrainerRuns.Printed printed = TrainerRuns.run(args);
    if (printed.status() != 0) {
      throw new IllegalStateException(printed.err());
    }
    return microseconds(folder.folder()) / steps;
  }

  private static double microseconds(Path folder) throws IOException {
    List<String> log = Files.readAllLines(folder.resolve("log.txt"));
    LocalDateTime start = time(log, "training in");
    return start.until(time(log, "calibrating"), ChronoUnit.MICROS);
  }

  private static LocalDateTime time(List<String> log, String what) {
    String line = log.stream().filter(text -> text.contains(what)).findFirst().orElseThrow();
    return LocalDateTime.parse(line.substring(0, line.indexOf(' ')));
  }
}

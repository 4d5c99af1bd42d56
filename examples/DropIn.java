import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.backpropninja.training.Migration;
import org.backpropninja.training.OneHotLabels;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.datasets.iterator.utilty.SingletonDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * Trains the same small networks with DL4J's layers, with ours and converted, and prints scores and
 * times side by side.
 *
 * <p>DL4J's and ours start from the same weights and see the same minibatches. The converted
 * network is DL4J's after its training, with its batch norms replaced by ours; it trains on.
 */
@Command(
    name = "DropIn",
    description = "Compares networks of DL4J's layers, of ours, and converted ones.")
public final class DropIn implements Callable<Integer> {

  private static final int MINIBATCH = 32;
  private static final int MINIBATCHES = 64;
  private static final int HELD_OUT = 512;
  private static final int BLOCK = 5; // steps that are timed as one

  @Option(names = "--steps", paramLabel = "N", description = "training steps (${DEFAULT-VALUE})")
  private int steps = 100;

  @Option(
      names = "--blocks",
      paramLabel = "N",
      description = "blocks of " + BLOCK + " steps to time (${DEFAULT-VALUE})")
  private int blocks = 15;

  @Option(
      names = "--shortest",
      paramLabel = "N",
      description =
          "steps of the shortest sequence; "
              + DropInData.LONGEST
              + " masks none (${DEFAULT-VALUE})")
  private int shortest = 4;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "of weights and data (${DEFAULT-VALUE})")
  private long seed = 1;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /**
   * A kind of network and its data.
   *
   * @param name for the table
   * @param network made of the one's layers or the other's, from a seed
   * @param data makes that many examples
   */
  private record Kind(
      String name,
      BiFunction<DropInNetworks.Layers, Long, MultiLayerNetwork> network,
      BiFunction<Random, Integer, DataSet> data) {}

  /**
   * A line of the table.
   *
   * @param model the kind of network
   * @param layers DL4J's, ours or converted
   * @param before score on held-out data before training, which sums the steps of a sequence
   * @param after the same after training
   * @param losses of the minibatches, as training went on
   * @param accuracy on held-out data, of the steps that count in sequences
   * @param microseconds median time of a step
   * @param ratio the time of DL4J's layers to it
   */
  public record Row(
      String model,
      String layers,
      double before,
      double after,
      List<Double> losses,
      double accuracy,
      double microseconds,
      double ratio) {}

  /**
   * What a run gives.
   *
   * @param rows of the table
   * @param conversion of each kind of network, the largest difference between what the trained one
   *     and the converted one say about held-out data
   */
  public record Result(List<Row> rows, List<Double> conversion) {}

  DropIn() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    Commands.main(new CommandLine(new DropIn()), args);
  }

  static int execute(String... args) {
    return Commands.execute(new CommandLine(new DropIn()), args);
  }

  /**
   * Trains and measures as the options say.
   *
   * @param args see {@code --help}
   * @return scores and times
   * @throws ParameterException if an option is unusable
   */
  public static Result run(String... args) {
    DropIn options = new DropIn();
    new CommandLine(options).parseArgs(args);
    return options.compare();
  }

  @Override
  public Integer call() {
    print(compare(), System.out);
    return 0;
  }

  private Result compare() {
    Commands.requireRange(spec, "--steps", steps, 1, Integer.MAX_VALUE);
    Commands.requireRange(spec, "--blocks", blocks, 1, Integer.MAX_VALUE);
    Commands.requireRange(spec, "--shortest", shortest, 1, DropInData.LONGEST);
    List<Comparison> comparisons = kinds().stream().map(this::compare).toList();
    return new Result(
        comparisons.stream().flatMap(comparison -> comparison.rows().stream()).toList(),
        comparisons.stream().map(Comparison::conversion).toList());
  }

  private List<Kind> kinds() {
    return List.of(
        new Kind("table of numbers", DropInNetworks::numbers, DropInData::numbers),
        new Kind(
            "sequences",
            DropInNetworks::sequences,
            (random, n) -> DropInData.sequences(random, n, shortest)),
        new Kind("images", DropInNetworks::images, DropInData::images));
  }

  /** One kind of network, with all three kinds of layers. */
  private record Comparison(List<Row> rows, double conversion) {}

  private Comparison compare(Kind kind) {
    Random random = new Random(seed);
    List<DataSet> minibatches =
        Stream.generate(() -> kind.data().apply(random, MINIBATCH)).limit(MINIBATCHES).toList();
    List<DataSet> oneHot = oneHot(minibatches);
    DataSet heldOut = oneHot(List.of(kind.data().apply(random, HELD_OUT))).get(0);
    MultiLayerNetwork network = kind.network().apply(DropInNetworks.Layers.DL4JS, seed);
    MultiLayerNetwork ourNetwork = kind.network().apply(DropInNetworks.Layers.OURS, seed);
    DropInNetworks.copyWeights(network, ourNetwork);

    Contender dl4js = new Contender("DL4J's", network, oneHot, heldOut);
    dl4js.train(steps);
    Contender ours = new Contender("ours", ourNetwork, minibatches, heldOut);
    ours.train(steps);
    MultiLayerNetwork convertedNetwork = Migration.convert(network);
    double conversion = difference(network, convertedNetwork, heldOut);
    Contender converted = new Contender("converted", convertedNetwork, oneHot, heldOut);
    converted.train(steps);
    time(List.of(dl4js, ours, converted));
    return new Comparison(
        Stream.of(dl4js, ours, converted).map(each -> each.row(kind.name(), dl4js)).toList(),
        conversion);
  }

  /** With rows of 0 and a 1 in place of class indices, as DL4J's loss and evaluation want them. */
  private static List<DataSet> oneHot(List<DataSet> minibatches) {
    List<DataSet> rows = new ArrayList<>();
    new OneHotLabels(new ExistingDataSetIterator(minibatches), DropInData.CLASSES)
        .forEachRemaining(rows::add);
    return rows;
  }

  /** The largest difference between two networks' outputs, where no mask leaves them out. */
  private static double difference(MultiLayerNetwork a, MultiLayerNetwork b, DataSet data) {
    return output(a, data).sub(output(b, data)).amaxNumber().doubleValue();
  }

  /** With the labels' mask, too: only that one makes DL4J's output layers give zeros. */
  private static INDArray output(MultiLayerNetwork network, DataSet data) {
    return network.output(
        data.getFeatures(), false, data.getFeaturesMaskArray(), data.getLabelsMaskArray());
  }

  /** Times blocks of steps in turn, so that whatever else the machine does meets all of them. */
  private void time(List<Contender> contenders) {
    for (int block = 0; block < blocks; block++) {
      contenders.forEach(Contender::timeBlock);
    }
  }

  /** One network and its minibatches, with labels as its loss takes them. */
  private static final class Contender {
    private final String layers;
    private final MultiLayerNetwork network;
    private final List<DataSet> minibatches;
    private final DataSet heldOut;
    private final List<Double> losses = new ArrayList<>();
    private final List<Double> times = new ArrayList<>(); // microseconds a step, of each block
    private double before;
    private double after;
    private double accuracy;

    Contender(
        String layers, MultiLayerNetwork network, List<DataSet> minibatches, DataSet heldOut) {
      this.layers = layers;
      this.network = network;
      this.minibatches = minibatches;
      this.heldOut = heldOut;
    }

    void train(int steps) {
      before = network.score(heldOut);
      for (int step = 0; step < steps; step++) {
        network.fit(minibatches.get(step % minibatches.size()));
        losses.add(network.score());
      }
      after = network.score(heldOut);
      accuracy = network.evaluate(new SingletonDataSetIterator(heldOut)).accuracy();
    }

    void timeBlock() {
      long start = System.nanoTime();
      for (int step = 0; step < BLOCK; step++) {
        network.fit(minibatches.get(step % minibatches.size()));
      }
      times.add((System.nanoTime() - start) / 1e3 / BLOCK);
    }

    private double median() {
      return times.stream().sorted().toList().get(times.size() / 2);
    }

    Row row(String model, Contender yardstick) {
      double ratio = yardstick.median() / median();
      return new Row(model, layers, before, after, losses, accuracy, median(), ratio);
    }
  }

  static void print(Result result, PrintStream out) {
    String format = "%-16s | %-9s | %12s | %11s | %8s | %9s | %12s%n";
    out.printf(
        format,
        "model",
        "layers",
        "score before",
        "score after",
        "accuracy",
        "µs a step",
        "DL4J's ÷ it");
    result.rows().forEach(row -> out.printf(format, cells(row)));
    out.printf(
        "Converted networks say what DL4J's said, to %s.%n",
        number("%.0e", Collections.max(result.conversion())));
  }

  private static Object[] cells(Row row) {
    return new Object[] {
      row.model(),
      row.layers(),
      number("%.4f", row.before()),
      number("%.4f", row.after()),
      number("%.1f %%", 100 * row.accuracy()),
      number("%,.0f", row.microseconds()),
      number("%.2f", row.ratio())
    };
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}

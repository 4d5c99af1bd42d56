import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.NamesFile;
import org.backpropninja.names.NamesSplit;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.Calibration;
import org.backpropninja.training.CompiledNetwork;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * Trains the character MLP on a file of names, prints its three losses and the names that it
 * invents.
 *
 * <p>With the defaults' seeds every random number is the notebook's, so are the losses.
 */
@Command(
    name = "TrainNames",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = "Trains a character MLP on names and invents new ones.")
public final class TrainNames implements Callable<Integer> {

  /** The notebook draws gain and bias without its generator. */
  private static final long BATCH_NORM_SEED = 42;

  private static final int SAMPLING_SEED_OFFSET = 10; // the notebook's 2147483647 + 10
  private static final long LARGEST_SEED = 0xFFFF_FFFFL - SAMPLING_SEED_OFFSET;

  @Option(
      names = "--names",
      paramLabel = "FILE",
      description = "one name a line (${DEFAULT-VALUE})")
  private Path names = Path.of("names.txt");

  @Option(names = "--steps", paramLabel = "N", description = "training steps (${DEFAULT-VALUE})")
  private int steps = 200_000;

  @Mixin private NetworkSizes sizes;

  @Option(names = "--batch", paramLabel = "N", description = "minibatch size (${DEFAULT-VALUE})")
  private int batch = 32;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "of weights and minibatches (${DEFAULT-VALUE})")
  private long seed = 2147483647;

  @Option(names = "--samples", paramLabel = "N", description = "names to invent (${DEFAULT-VALUE})")
  private int samples = 20;

  @Option(
      names = "--compiled",
      description = "train by CompiledNetwork in place of network.fit: the same, in less time")
  private boolean compiled;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "for summary.json and model.zip (runs/TIME)")
  private Path out;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /**
   * What a run gives.
   *
   * @param summary what summary.json holds
   * @param network the trained network, calibrated
   * @param folder where both were written
   */
  public record Result(Summary summary, MultiLayerNetwork network, Path folder) {}

  TrainNames() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments or input.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Commands.execute(new CommandLine(new TrainNames()), args));
  }

  /**
   * Trains as the options say.
   *
   * @param args see {@code --help}
   * @return losses, names, network
   * @throws IOException if the results cannot be written
   * @throws ParameterException if an option is unusable
   * @throws InvalidNamesException if the names file is
   */
  public static Result run(String... args) throws IOException {
    TrainNames options = new TrainNames();
    new CommandLine(options).parseArgs(args);
    return options.train();
  }

  @Override
  public Integer call() throws IOException {
    Commands.print(train().summary());
    return 0;
  }

  private Result train() throws IOException {
    requireUsable();
    List<String> words = NamesFile.read(names);
    NamesSplit split = NamesSplit.of(words, sizes.context());
    CharMlp mlp = sizes.mlp(split.train().vocabulary().size());
    RunFolder folder = Commands.runFolder(out);

    TorchRandom random = new TorchRandom(seed);
    MultiLayerNetwork network =
        mlp.network(
            CharMlp.notebookSgd(steps), DataType.FLOAT, random, new TorchRandom(BATCH_NORM_SEED));
    Losses minibatchLosses = new Losses();
    double microseconds = fit(network, split.train(), random, minibatchLosses);
    Calibration.calibrate(network, split.train().chunks(4096));

    Summary summary =
        new Summary(
            words.size(),
            new Parts<>(split.train().size(), split.validation().size(), split.test().size()),
            mlp.parameters(),
            steps,
            microseconds / steps,
            losses(split, data -> CharMlp.loss(network, data)),
            minibatchLosses.recorded,
            new NameSampler(network, split.train().vocabulary(), sizes.context())
                .sample(samples, new TorchRandom(seed + SAMPLING_SEED_OFFSET)));
    folder.write(summary);
    folder.write(network);
    return new Result(summary, network, folder.folder());
  }

  /** Trains, and tells how many microseconds it took. */
  private double fit(
      MultiLayerNetwork network, NamesDataset data, TorchRandom random, Losses minibatchLosses) {
    long start = System.nanoTime();
    try (Progress progress = new Progress(steps)) {
      network.setListeners(minibatchLosses, progress);
      DataSetIterator minibatches = new MinibatchIterator(data, random, batch, steps).overwriting();
      if (compiled) {
        CompiledNetwork.of(network).fit(minibatches);
      } else {
        network.fit(minibatches);
      }
    }
    network.setListeners();
    return (System.nanoTime() - start) / 1e3;
  }

  private static Parts<Double> losses(NamesSplit split, ToDoubleFunction<NamesDataset> loss) {
    return new Parts<>(
        loss.applyAsDouble(split.train()),
        loss.applyAsDouble(split.validation()),
        loss.applyAsDouble(split.test()));
  }

  private void requireUsable() {
    require("--steps", steps, 1, Integer.MAX_VALUE);
    sizes.requireUsable();
    require("--batch", batch, 2, Integer.MAX_VALUE); // batch norm by n − 1
    require("--seed", seed, 0, LARGEST_SEED);
    require("--samples", samples, 0, Integer.MAX_VALUE);
    Commands.requireFolder(spec, "--out", out);
  }

  private void require(String option, long value, long least, long most) {
    Commands.requireRange(spec, option, value, least, most);
  }

  /** Keeps the loss of the first 200 minibatches and of every 1000th. */
  private static final class Losses extends BaseTrainingListener {
    private final List<List<Number>> recorded = new ArrayList<>();
    private int step;

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      if (step < 200 || step % 1000 == 0) {
        recorded.add(List.of(step, model.score()));
      }
      step++;
    }
  }
}

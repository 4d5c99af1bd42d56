import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.datasets.iterator.ExistingDataSetIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Trains the character MLP on Apache Spark, prints its three losses and names that it invents. */
@Command(
    name = "SparkNames",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = "Trains a character MLP on Apache Spark and invents new names.")
public final class SparkNames implements Callable<Integer> {

  private static final long BATCH_NORM_SEED = 42;
  private static final int SAMPLING_SEED_OFFSET = 10;

  @Option(
      names = "--master",
      paramLabel = "URL",
      description = "of Spark (spark-submit's, local[2] without)")
  private String master;

  @Option(
      names = "--names",
      paramLabel = "PATH",
      description = "one name a line, a file or an URL that Spark reads (${DEFAULT-VALUE})")
  private String names = "names.txt";

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "training steps of each worker (${DEFAULT-VALUE})")
  private int steps = 20_000;

  @Option(
      names = "--averaging",
      paramLabel = "N",
      description = "steps between averages of the parameters (${DEFAULT-VALUE})")
  private int averaging = 500;

  @Option(names = "--hidden", paramLabel = "N", description = "hidden units (${DEFAULT-VALUE})")
  private int hidden = 200;

  @Option(names = "--embedding", paramLabel = "N", description = "its size (${DEFAULT-VALUE})")
  private int embedding = 10;

  @Option(names = "--context", paramLabel = "N", description = "its length (${DEFAULT-VALUE})")
  private int context = 3;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "minibatch size of each worker (${DEFAULT-VALUE})")
  private int batch = 32;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "of weights and minibatches (${DEFAULT-VALUE})")
  private long seed = 2147483647;

  @Option(names = "--samples", paramLabel = "N", description = "names to invent (${DEFAULT-VALUE})")
  private int samples = 20;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "for summary.json and model.zip, on the driver (${DEFAULT-VALUE})")
  private Path out = Path.of("runs", "spark");

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private SparkNames() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments or input.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    CommandLine line = new CommandLine(new SparkNames());
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          if (e instanceof IllegalArgumentException || e instanceof ParameterException) {
            System.err.println(e.getMessage());
            return 2;
          }
          throw e;
        });
    System.exit(line.execute(args));
  }

  /**
   * Trains as the options say.
   *
   * @param args see {@code --help}
   * @return losses and names
   * @throws IOException if the results cannot be written
   * @throws ParameterException if an option is unusable
   */
  static Summary run(String... args) throws IOException {
    SparkNames options = new SparkNames();
    new CommandLine(options).parseArgs(args);
    return options.train();
  }

  @Override
  public Integer call() throws IOException {
    Summary summary = train();
    Parts<Double> losses = summary.losses();
    System.out.printf(
        Locale.ROOT,
        "train %.4f  val %.4f  test %.4f%n",
        losses.train(),
        losses.val(),
        losses.test());
    summary.names().forEach(System.out::println);
    return 0;
  }

  private Summary train() throws IOException {
    require("--steps", steps, 1);
    require("--averaging", averaging, 1);
    require("--batch", batch, 2); // batch norm by n − 1
    require("--samples", samples, 0);
    RunFolder folder = RunFolder.create(out);
    try (JavaSparkContext spark = new JavaSparkContext(configuration())) {
      AveragedTraining.requireJavaSerialisation();
      return train(spark, folder);
    }
  }

  private SparkConf configuration() {
    SparkConf conf = new SparkConf().setAppName("SparkNames");
    conf.setIfMissing("spark.ui.enabled", "false"); // it listens on all interfaces
    conf.setIfMissing("spark.ui.showConsoleProgress", "false");
    return master == null ? conf.setIfMissing("spark.master", "local[2]") : conf.setMaster(master);
  }

  private Summary train(JavaSparkContext spark, RunFolder folder) throws IOException {
    int workers = spark.defaultParallelism();
    NamesOnSpark data = NamesOnSpark.of(NamesOnSpark.read(spark, names, workers), context, workers);
    CharMlp mlp = new CharMlp(data.vocabulary().size(), context, embedding, hidden);
    MultiLayerNetwork network =
        mlp.network(
            CharMlp.notebookSgd(steps),
            DataType.FLOAT,
            new TorchRandom(seed),
            new TorchRandom(BATCH_NORM_SEED));
    AveragedTraining training = new AveragedTraining(spark, network, workers, batch, averaging);

    long start = System.nanoTime();
    List<List<Number>> roundLosses = fit(training, data, workers);
    double microseconds = (System.nanoTime() - start) / 1e3;
    Calibration.calibrate(
        network,
        new ExistingDataSetIterator(() -> NamesOnSpark.chunks(data.train()).toLocalIterator()));

    Parts<Integer> examples =
        new Parts<>(
            NamesOnSpark.size(data.train()),
            NamesOnSpark.size(data.validation()),
            NamesOnSpark.size(data.test()));
    Summary summary =
        new Summary(
            (int) NamesOnSpark.read(spark, names, workers).count(),
            examples,
            mlp.parameters(),
            steps,
            microseconds / steps,
            new Parts<>(
                training.loss(NamesOnSpark.chunks(data.train())),
                training.loss(NamesOnSpark.chunks(data.validation())),
                training.loss(NamesOnSpark.chunks(data.test()))),
            roundLosses,
            new NameSampler(network, data.vocabulary(), context)
                .sample(samples, new TorchRandom(seed + SAMPLING_SEED_OFFSET)));
    folder.write(summary);
    folder.write(network);
    return summary;
  }

  /** Trains round by round, and tells the losses of some. */
  private List<List<Number>> fit(AveragedTraining training, NamesOnSpark data, int workers) {
    int rounds = (steps + averaging - 1) / averaging;
    List<List<Number>> losses = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      double loss =
          training.round(
              NamesOnSpark.minibatches(
                  data.train(), batch, averaging, seed + 1 + (long) round * workers));
      int step = (round + 1) * averaging;
      losses.add(List.of(step, loss));
      if ((round + 1) * 10L / rounds > round * 10L / rounds) {
        System.out.printf(
            Locale.ROOT, "step %d of %d, minibatch loss %.4f%n", step, rounds * averaging, loss);
      }
    }
    return losses;
  }

  private void require(String option, int value, int least) {
    if (value < least) {
      throw new ParameterException(
          spec.commandLine(), "%s (%d) must be at least %d".formatted(option, value, least));
    }
  }
}

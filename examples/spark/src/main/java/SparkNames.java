import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.InvalidNamesException;
import org.backpropninja.names.ModelFile;
import org.backpropninja.names.NameSampler;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.RunFolder;
import org.backpropninja.names.RunFolder.Parts;
import org.backpropninja.names.RunFolder.Summary;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.buffer.DataType;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * Trains the character MLP on Apache Spark, prints its three losses and names that it invents.
 *
 * <p>Random numbers come from {@code --seed}: the weights from the seed itself, the names from seed
 * + 10, and the minibatches of worker w in round r from seed + 11 + r · workers + w. Only the gain
 * and bias of batch norm come from 42, as in TrainNames.
 */
@Command(
    name = "SparkNames",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = "Trains a character MLP on Apache Spark and invents new names.")
public final class SparkNames implements Callable<Integer> {

  private static final long BATCH_NORM_SEED = 42;
  private static final int SAMPLING_SEED_OFFSET = 10;
  private static final int MINIBATCH_SEED_OFFSET = 11;
  private static final long LARGEST_SEED = 0xFFFF_FFFFL;

  @Option(
      names = "--master",
      paramLabel = "URL",
      description = "of Spark (what spark-submit gives, else local[2])")
  private String master;

  @Option(
      names = "--names",
      paramLabel = "PATH",
      description =
          "one name a line: a file, folder or pattern, a path or a URL that Spark reads"
              + " (${DEFAULT-VALUE})")
  private String names = "names.txt";

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "networks trained at a time (as many as Spark has cores)")
  private Integer workers;

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

  @Mixin private NetworkSizes sizes;

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
      description = "for summary.json and model.zip, on the driver (runs/TIME)")
  private Path out;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  /**
   * What a run gives.
   *
   * @param summary what summary.json holds
   * @param network the trained network, calibrated
   * @param folder where both were written
   */
  record Result(Summary summary, MultiLayerNetwork network, Path folder) {}

  SparkNames() {}

  /**
   * Runs and exits: 0 done, 1 failed, 2 unusable arguments or input.
   *
   * @param args see {@code --help}
   */
  public static void main(String[] args) {
    System.exit(Commands.execute(new CommandLine(new SparkNames()), args));
  }

  /**
   * Trains as the options say.
   *
   * @param args see {@code --help}
   * @return losses, names, network
   * @throws IOException if the results cannot be written, or a worker fails
   * @throws ParameterException if an option is unusable
   * @throws InvalidNamesException if the names are
   */
  static Result run(String... args) throws IOException {
    SparkNames options = new SparkNames();
    new CommandLine(options).parseArgs(args);
    return options.train();
  }

  @Override
  public Integer call() throws IOException {
    Result result = train();
    Commands.print(result.summary());
    System.out.println("summary.json and model.zip are in " + result.folder());
    return 0;
  }

  private Result train() throws IOException {
    requireUsable();
    try (JavaSparkContext spark = start()) {
      try {
        return train(spark);
      } catch (ParameterException | InvalidNamesException e) {
        throw e;
      } catch (Exception | LinkageError e) { // Scala's methods throw what they do not declare
        String said = explanation(spark, e);
        if (said == null) {
          throw e;
        }
        throw new IOException(said, e);
      }
    }
  }

  /** What Spark says, or what its worker lacks; null if something else has failed. */
  private static String explanation(JavaSparkContext spark, Throwable e) {
    if (spark.sc().isStopped()) {
      return "Spark was stopped: " + e.getMessage(); // by Ctrl-C, or because the master is gone
    }
    return Workers.explanation(e).orElse(e instanceof SparkException ? e.getMessage() : null);
  }

  private JavaSparkContext start() {
    SparkConf conf = new SparkConf().setAppName("SparkNames");
    conf.setIfMissing("spark.ui.enabled", "false"); // it listens on all interfaces
    conf.setIfMissing("spark.ui.showConsoleProgress", "false");
    if (master == null) {
      conf.setIfMissing("spark.master", "local[2]");
    } else {
      conf.setMaster(master);
    }
    if (conf.get("spark.master")
        .startsWith("local")) { // one machine, whatever its name resolves to
      conf.setIfMissing("spark.driver.bindAddress", "127.0.0.1");
      conf.setIfMissing("spark.driver.host", "127.0.0.1");
    }
    try {
      return new JavaSparkContext(conf);
    } catch (Exception | LinkageError e) {
      throw unusable(Workers.explanation(e).orElseGet(() -> unusable(conf.get("spark.master"), e)));
    }
  }

  /** Without an answer from the master Spark fails in one of many ways. */
  private static String unusable(String master, Throwable e) {
    return "--master (%s) cannot be used: %s"
        .formatted(
            master,
            e instanceof SparkException
                ? e.getMessage()
                : "Spark does not start, there may be no master; " + e);
  }

  private Result train(JavaSparkContext spark) throws IOException {
    int workers = this.workers == null ? spark.defaultParallelism() : this.workers;
    NamesOnSpark data = read(spark, workers);
    CharMlp mlp = sizes.mlp(data.vocabulary().size());
    MultiLayerNetwork network = network(mlp);
    requireAble(spark, network, workers);
    RunFolder folder = Commands.runFolder(out);

    say(
        "training on %d names by %d %s",
        data.words(), workers, workers == 1 ? "worker" : "workers");
    List<List<Number>> roundLosses = new ArrayList<>();
    double microseconds = fit(spark, network, data.train(), workers, roundLosses);
    say("calibrating batch norm");
    CalibrationOnSpark.calibrate(spark, network, NamesOnSpark.chunks(data.train()));
    say("computing losses, inventing names");
    Summary summary =
        new Summary(
            data.words(),
            data.examples(),
            mlp.parameters(),
            steps,
            microseconds / steps,
            losses(new AveragedTraining(spark, network, workers, batch, 1), data),
            roundLosses,
            invent(network, data.vocabulary()));
    folder.write(summary);
    folder.write("model.zip", new ModelFile(network, data.vocabulary()));
    return new Result(summary, network, folder.folder());
  }

  private NamesOnSpark read(JavaSparkContext spark, int workers) {
    requireAble(spark);
    say("reading %s", names);
    return NamesOnSpark.of(
        NamesFiles.read(spark, names, spark.defaultParallelism()), sizes.context(), workers);
  }

  private List<String> invent(MultiLayerNetwork network, Vocabulary vocabulary) {
    return new NameSampler(network, vocabulary, sizes.context())
        .sample(samples, new TorchRandom(seed + SAMPLING_SEED_OFFSET));
  }

  /** Trains round by round, the last of which may be shorter; tells the microseconds. */
  private double fit(
      JavaSparkContext spark,
      MultiLayerNetwork network,
      JavaRDD<NamesDataset> data,
      int workers,
      List<List<Number>> losses) {
    long start = System.nanoTime();
    try (Progress progress = new Progress(steps, 0, false)) {
      for (int done = 0, round = 0; done < steps; round++) {
        int each = Math.min(averaging, steps - done);
        long first = seed + MINIBATCH_SEED_OFFSET + (long) round * workers;
        double loss =
            new AveragedTraining(spark, network, workers, batch, each)
                .round(NamesOnSpark.minibatches(data, batch, each, first));
        done += each;
        losses.add(List.of(done, loss));
        progress.advance(each, loss);
      }
    }
    return (System.nanoTime() - start) / 1e3;
  }

  private static Parts<Double> losses(AveragedTraining training, NamesOnSpark data) {
    return new Parts<>(
        training.loss(NamesOnSpark.chunks(data.train())),
        training.loss(NamesOnSpark.chunks(data.validation())),
        training.loss(NamesOnSpark.chunks(data.test())));
  }

  private MultiLayerNetwork network(CharMlp mlp) {
    return mlp.network(
        CharMlp.notebookSgd(steps),
        DataType.FLOAT,
        new TorchRandom(seed),
        new TorchRandom(BATCH_NORM_SEED));
  }

  private void requireUsable() {
    require("--workers", workers == null ? 1 : workers, 1, Integer.MAX_VALUE);
    require("--steps", steps, 1, Integer.MAX_VALUE);
    require("--averaging", averaging, 1, Integer.MAX_VALUE);
    sizes.requireUsable();
    require("--batch", batch, 2, Integer.MAX_VALUE); // batch norm by n − 1
    requireSeed(1);
    require("--samples", samples, 0, Integer.MAX_VALUE);
    if (out != null && out.toString().matches("\\w[\\w+.-]+:.*")) {
      throw unusable("--out (%s) must be a path on the driver, not a URL".formatted(out));
    }
    Commands.requireFolder(spec, "--out", out);
  }

  /** The last worker's last round gets the largest of the seeds. */
  private void requireSeed(int workers) {
    long rounds = (steps - 1L) / averaging + 1;
    long largest = LARGEST_SEED - MINIBATCH_SEED_OFFSET - (rounds * workers - 1);
    if (largest < 0) {
      throw unusable(
          "--averaging (%d) must be larger: %d rounds of %d workers take more seeds than there are"
              .formatted(averaging, rounds, workers));
    }
    require("--seed", seed, 0, largest);
  }

  /** What must hold before anything is read. */
  private void requireAble(JavaSparkContext spark) {
    try {
      AveragedTraining.requireJavaSerialisation();
      Workers.require(spark);
    } catch (IllegalStateException e) {
      throw unusable(e.getMessage());
    }
  }

  /** What must hold before anything is trained. */
  private void requireAble(JavaSparkContext spark, MultiLayerNetwork network, int workers) {
    requireSeed(workers);
    try {
      new AveragedTraining(spark, network, workers, batch, Math.min(averaging, steps));
      Workers.require(spark, network);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw unusable(e.getMessage());
    }
  }

  private void require(String option, long value, long least, long most) {
    Commands.requireRange(spec, option, value, least, most);
  }

  private ParameterException unusable(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static void say(String what, Object... values) {
    System.out.printf(Locale.ROOT, what + "%n", values);
  }
}

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongConsumer;
import org.apache.commons.lang3.SerializationUtils;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaRDDLike;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.backpropninja.names.NamesDataset;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.api.TrainingHook;
import org.deeplearning4j.spark.api.WorkerConfiguration;
import org.deeplearning4j.spark.api.worker.NetBroadcastTuple;
import org.deeplearning4j.spark.impl.graph.SparkComputationGraph;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingResult;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingWorker;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.MultiDataSet;

/**
 * What a round on local[1] is spent on, measured between DL4J's own calls.
 *
 * <p>Worker and driver are one JVM there, so that one clock measures both.
 */
final class RoundParts {

  /** What is measured by itself; the jobs hold the parts below them. */
  enum Part {
    ROUND,
    COUNTING_JOB,
    DRAWING_TO_COUNT,
    BROADCAST,
    AVERAGING_JOB,
    NETWORK,
    UPDATER,
    DRAWING,
    FITTING
  }

  private static final Map<Part, Long> NANOSECONDS = new EnumMap<>(Part.class);
  private static volatile boolean counting;

  private RoundParts() {}

  private static synchronized void add(Part part, long since) {
    NANOSECONDS.merge(part, System.nanoTime() - since, Long::sum);
  }

  /**
   * Measures rounds, and prints their rows of the table.
   *
   * @param args steps of a round, the file of names, seconds of warm-up, seconds of measurement
   * @throws IOException if the names cannot be read
   */
  public static void main(String[] args) throws IOException {
    int averaging = Integer.parseInt(args[0]);
    WayToTrain.Examples examples = WayToTrain.Examples.read(Path.of(args[1]));
    print(measure(examples, averaging, Double.parseDouble(args[2]), Double.parseDouble(args[3])));
  }

  /**
   * What a round took on average.
   *
   * @param rounds how many were measured
   * @param milliseconds of each part
   * @param spark what Spark tells of its jobs
   * @param broadcastBytes of the network, as Java serialises it
   */
  record Measured(
      int rounds, Map<Part, Double> milliseconds, Map<String, Double> spark, int broadcastBytes) {

    double of(Part part) {
      return milliseconds.getOrDefault(part, 0.0);
    }

    /** What a job takes without the parts that are measured inside it. */
    double without(Part job, Part... inside) {
      return of(job) - Arrays.stream(inside).mapToDouble(this::of).sum();
    }
  }

  static Measured measure(
      WayToTrain.Examples examples, int averaging, double warmUp, double seconds) {
    MultiLayerNetwork network = examples.network();
    JobTimes jobs;
    int rounds;
    try (JavaSparkContext spark = Spark.local(1)) {
      LongConsumer round = timedRounds(network, examples, spark, averaging);
      WayMeasured.nanosecondsOfRounds(round, warmUp);
      NANOSECONDS.clear();
      jobs = new JobTimes();
      spark.sc().addSparkListener(jobs);
      rounds = WayMeasured.nanosecondsOfRounds(round, seconds).size();
    }
    Map<Part, Double> means = new EnumMap<>(Part.class);
    NANOSECONDS.forEach((part, sum) -> means.put(part, sum / 1e6 / rounds));
    return new Measured(
        rounds, means, jobs.means(rounds), SerializationUtils.serialize(sent(network)).length);
  }

  private static LongConsumer timedRounds(
      MultiLayerNetwork network,
      WayToTrain.Examples examples,
      JavaSparkContext spark,
      int averaging) {
    SparkDl4jMultiLayer training = new SparkDl4jMultiLayer(spark, network, new Timed(averaging));
    JavaRDD<NamesDataset> data = examples.on(spark);
    return seed -> {
      long start = System.nanoTime();
      training.fit(timed(NamesOnSpark.minibatches(data, WayToTrain.BATCH, averaging, seed)));
      add(Part.ROUND, start);
    };
  }

  private static JavaRDD<DataSet> timed(JavaRDD<DataSet> minibatches) {
    return minibatches.mapPartitions(TimedIterator::new, true);
  }

  private record TimedIterator(Iterator<DataSet> minibatches) implements Iterator<DataSet> {

    @Override
    public boolean hasNext() {
      return minibatches.hasNext();
    }

    @Override
    public DataSet next() {
      long start = System.nanoTime();
      DataSet next = minibatches.next();
      add(counting ? Part.DRAWING_TO_COUNT : Part.DRAWING, start);
      return next;
    }
  }

  private static NetBroadcastTuple sent(MultiLayerNetwork network) {
    return new NetBroadcastTuple(
        network.getLayerWiseConfigurations(),
        network.params(),
        network.getUpdater().getStateViewArray());
  }

  /** DL4J's master with a clock; its worker has one too. */
  private static final class Timed extends ParameterAveragingTrainingMaster {

    Timed(int averaging) {
      super(
          AveragedTraining.settings(1, WayToTrain.BATCH, averaging)
              .trainingHooks(new TimedHook(new AveragedTraining.WithoutNewArrays())));
    }

    @Override
    protected <T, R extends JavaRDDLike<T, R>> long getTotalDataSetObjectCount(
        JavaRDDLike<T, R> data) {
      long start = System.nanoTime();
      counting = true;
      long count = super.getTotalDataSetObjectCount(data);
      counting = false;
      add(Part.COUNTING_JOB, start);
      return count;
    }

    @Override
    public ParameterAveragingTrainingWorker getWorkerInstance(SparkDl4jMultiLayer network) {
      long start = System.nanoTime();
      Broadcast<NetBroadcastTuple> sent =
          network.getSparkContext().broadcast(sent(network.getNetwork()));
      add(Part.BROADCAST, start);
      return new TimedWorker(
          sent,
          saveUpdater,
          new WorkerConfiguration(
              false, rddDataSetNumExamples, batchSizePerWorker, averagingFrequency, 0, false),
          trainingHookList);
    }

    @Override
    protected void processResults(
        SparkDl4jMultiLayer network,
        SparkComputationGraph graph,
        JavaRDD<ParameterAveragingTrainingResult> results,
        int split,
        int splits) {
      long start = System.nanoTime();
      super.processResults(network, graph, results, split, splits);
      add(Part.AVERAGING_JOB, start);
    }
  }

  private static final class TimedWorker extends ParameterAveragingTrainingWorker {

    TimedWorker(
        Broadcast<NetBroadcastTuple> sent,
        boolean saveUpdater,
        WorkerConfiguration configuration,
        Collection<TrainingHook> hooks) {
      super(sent, saveUpdater, configuration, hooks, null, null);
    }

    @Override
    public MultiLayerNetwork getInitialModel() {
      long start = System.nanoTime();
      MultiLayerNetwork network = super.getInitialModel();
      add(Part.NETWORK, start);
      return network;
    }
  }

  /** Measures another hook, and what DL4J does between its two calls: a step. */
  private static final class TimedHook implements TrainingHook {

    private final TrainingHook hook;
    private transient long fitting;

    TimedHook(TrainingHook hook) {
      this.hook = hook;
    }

    @Override
    public void preUpdate(org.nd4j.linalg.dataset.api.DataSet minibatch, Model network) {
      long start = System.nanoTime();
      hook.preUpdate(minibatch, network);
      add(Part.UPDATER, start);
      fitting = System.nanoTime();
    }

    @Override
    public void postUpdate(org.nd4j.linalg.dataset.api.DataSet minibatch, Model network) {
      add(Part.FITTING, fitting);
    }

    @Override
    public void preUpdate(MultiDataSet minibatch, Model network) {
      hook.preUpdate(minibatch, network);
    }

    @Override
    public void postUpdate(MultiDataSet minibatch, Model network) {
      hook.postUpdate(minibatch, network);
    }
  }

  private static void print(Measured m) {
    row("Spark's counting job", m.without(Part.COUNTING_JOB, Part.DRAWING_TO_COUNT));
    row("drawing the minibatches that it counts", m.of(Part.DRAWING_TO_COUNT));
    row("broadcasting the network", m.of(Part.BROADCAST));
    row(
        "Spark's averaging job, setting the parameters",
        m.without(Part.AVERAGING_JOB, Part.NETWORK, Part.UPDATER, Part.DRAWING, Part.FITTING));
    row("making the worker's network", m.of(Part.NETWORK));
    row("giving it the library's updater", m.of(Part.UPDATER));
    row("drawing the minibatches", m.of(Part.DRAWING));
    row("the steps themselves", m.of(Part.FITTING));
    row(
        "not in these parts",
        m.without(Part.ROUND, Part.COUNTING_JOB, Part.BROADCAST, Part.AVERAGING_JOB));
    row("**a round**", m.of(Part.ROUND));
    m.spark().forEach((what, value) -> row("Spark says: " + what, value));
    row("the network that is broadcast, KiB", m.broadcastBytes() / 1024.0);
    row("rounds measured", m.rounds());
  }

  private static final String MARK = "part ";

  private static void row(String what, double value) {
    System.out.printf(Locale.ROOT, "%s%s | %.2f%n", MARK, what, value);
  }

  /** The rows that {@link #main} printed among other lines. */
  static List<String> rows(List<String> output) {
    return output.stream()
        .filter(line -> line.startsWith(MARK))
        .map(line -> line.substring(MARK.length()))
        .toList();
  }
}

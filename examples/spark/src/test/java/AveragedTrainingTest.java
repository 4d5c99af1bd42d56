import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.MinibatchIterator;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Sgd;

class AveragedTrainingTest {

  private static final int T = 3;
  private static final int BATCH = 16;
  private static final int AVERAGING = 5;
  private static final int ROUNDS = 4;
  private static final long SEED = 7;
  private static final List<String> WORDS =
      IntStream.range(0, 200).mapToObj(AveragedTrainingTest::word).toList();
  private static final Vocabulary VOCABULARY = Vocabulary.of(WORDS);

  private static String word(int k) {
    return "" + (char) ('a' + k % 13) + (char) ('a' + k * 7 % 11) + (char) ('n' + k / 20);
  }

  static Stream<IUpdater> updaters() {
    return Stream.of(
        CharMlp.notebookSgd(ROUNDS * AVERAGING),
        new Adam(0.01)); // a schedule, and state to average
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void oneWorkerGivesTheParametersOfFit(IUpdater updater) {
    MultiLayerNetwork averaged = batchNormed(updater);
    MultiLayerNetwork alone = batchNormed(updater);
    train(averaged, 1, AVERAGING, ROUNDS);
    for (int round = 0; round < ROUNDS; round++) {
      fit(alone, shard(0, 1), round, AVERAGING);
    }
    assertArrayEquals(alone.params().toFloatVector(), averaged.params().toFloatVector(), 0);
  }

  @ParameterizedTest
  @MethodSource("types")
  void twoWorkersAveragedEachStepEqualOneOnTheJoinedMinibatch(DataType type) {
    MultiLayerNetwork averaged = withoutBatchNorm(type);
    MultiLayerNetwork alone = averaged.clone();
    train(averaged, 2, 1, 20);
    for (int round = 0; round < 20; round++) {
      alone.fit(DataSet.merge(List.of(first(0, round), first(1, round))));
    }
    assertArrayEquals(
        alone.params().toDoubleVector(), averaged.params().toDoubleVector(), 1e-6, type.name());
  }

  static Stream<DataType> types() {
    return Stream.of(DataType.DOUBLE, DataType.FLOAT);
  }

  @Test
  void runningStatisticsAreTheMeanOfTheWorkers() {
    MultiLayerNetwork averaged = batchNormed(new Sgd(0.1));
    MultiLayerNetwork left = averaged.clone();
    MultiLayerNetwork right = averaged.clone();
    MultiLayerNetwork joined = averaged.clone();
    train(averaged, 2, AVERAGING, 1);
    fit(left, shard(0, 2), 0, AVERAGING);
    fit(right, shard(1, 2), 1, AVERAGING);
    for (String statistic : List.of("2_mean", "2_var")) {
      assertArrayEquals(
          left.getParam(statistic).add(right.getParam(statistic)).div(2).toFloatVector(),
          averaged.getParam(statistic).toFloatVector(),
          0,
          statistic);
    }
    MinibatchIterator a = minibatches(shard(0, 2), 0, AVERAGING);
    MinibatchIterator b = minibatches(shard(1, 2), 1, AVERAGING);
    while (a.hasNext()) {
      joined.fit(DataSet.merge(List.of(a.next(), b.next())));
    }
    double apart =
        joined.getParam("2_var").sub(averaged.getParam("2_var")).amaxNumber().doubleValue();
    assertTrue(apart > 1e-4, "those of one machine on the joined minibatches are others: " + apart);
  }

  @Test
  void kryoIsRefused() {
    SparkConf kryo =
        new SparkConf()
            .setAppName("kryo")
            .setMaster("local[1]")
            .set("spark.ui.enabled", "false")
            .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer");
    try (JavaSparkContext spark = new JavaSparkContext(kryo)) {
      MultiLayerNetwork network = batchNormed(new Sgd(0.1));
      assertThrows(
          IllegalStateException.class,
          () -> new AveragedTraining(spark, network, 1, BATCH, AVERAGING));
    }
  }

  private static void train(MultiLayerNetwork network, int workers, int averaging, int rounds) {
    try (JavaSparkContext spark = Spark.local(workers)) {
      AveragedTraining training = new AveragedTraining(spark, network, workers, BATCH, averaging);
      JavaRDD<NamesDataset> data =
          NamesOnSpark.encode(spark.parallelize(WORDS, workers), VOCABULARY, T);
      for (int round = 0; round < rounds; round++) {
        training.round(
            NamesOnSpark.minibatches(data, BATCH, averaging, SEED + (long) round * workers));
      }
    }
  }

  /** Trains on the minibatches that Spark's worker draws by the same seed. */
  private static void fit(MultiLayerNetwork network, NamesDataset data, int seed, int steps) {
    minibatches(data, seed, steps).forEachRemaining(network::fit);
  }

  private static DataSet first(int worker, int round) {
    return minibatches(shard(worker, 2), 2 * round + worker, 1).next();
  }

  private static MinibatchIterator minibatches(NamesDataset data, int seed, int steps) {
    return new MinibatchIterator(data, new TorchRandom(SEED + seed), BATCH, steps);
  }

  /** What {@code parallelize} gives a worker. */
  private static NamesDataset shard(int worker, int workers) {
    int n = WORDS.size();
    return new NamesDataset(
        VOCABULARY, T, WORDS.subList(worker * n / workers, (worker + 1) * n / workers));
  }

  private static MultiLayerNetwork batchNormed(IUpdater updater) {
    return new CharMlp(VOCABULARY.size(), T, 4, 12)
        .network(updater, DataType.FLOAT, new TorchRandom(1), new TorchRandom(2));
  }

  private static MultiLayerNetwork withoutBatchNorm(DataType type) {
    MultiLayerNetwork network =
        new MultiLayerNetwork(
            new NeuralNetConfiguration.Builder()
                .seed(1)
                .dataType(type)
                .updater(new Sgd(0.1))
                .list()
                .layer(new EmbeddingConcat.Builder().nIn(VOCABULARY.size()).nOut(4).build())
                .layer(new ManualDense.Builder().nOut(12).activation(Activation.TANH).build())
                .layer(
                    new ManualDense.Builder()
                        .nOut(VOCABULARY.size())
                        .activation(Activation.IDENTITY)
                        .build())
                .layer(
                    new LossLayer.Builder(new ManualCrossEntropyLoss())
                        .activation(Activation.SOFTMAX)
                        .build())
                .setInputType(InputType.feedForward(T))
                .build());
    network.init();
    return network;
  }
}

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.NamesDataset;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;

/** A single worker, on local[1], does what network.fit does, to the last bit. */
class OneWorkerTest {

  private static final int EACH = 5;
  private static final int ROUNDS = 4;
  private static final int STEPS = EACH * ROUNDS;
  private static final long SEED = 7;

  private static JavaSparkContext spark;

  @BeforeAll
  static void start() {
    spark = Spark.local(1);
  }

  @AfterAll
  static void stop() {
    spark.close();
  }

  /** One whose rate changes with the iteration, and one with state and a count of its own. */
  static Stream<IUpdater> updaters() {
    return Stream.of(CharMlp.notebookSgd(STEPS), new Adam(0.01));
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void roundsGiveTheParametersOfFit(IUpdater updater) {
    MultiLayerNetwork averaged = Small.batchNormed(updater);
    AveragedTraining training = new AveragedTraining(spark, averaged, 1, Small.BATCH, EACH);
    double score = 0;
    for (int round = 0; round < ROUNDS; round++) {
      score = training.round(minibatches(EACH, SEED + round));
    }
    MultiLayerNetwork alone = fitted(updater);
    assertSame(alone, averaged);
    assertEquals(alone.score(), score, "the loss of the last minibatch");
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void soDoesOneRoundOfAllSteps(IUpdater updater) {
    MultiLayerNetwork averaged = Small.batchNormed(updater);
    List<DataSet> all = new ArrayList<>();
    for (int round = 0; round < ROUNDS; round++) {
      all.addAll(minibatches(EACH, SEED + round).collect());
    }
    new AveragedTraining(spark, averaged, 1, Small.BATCH, STEPS).round(spark.parallelize(all, 1));
    assertSame(fitted(updater), averaged);
  }

  @ParameterizedTest
  @MethodSource("updaters")
  void soDoRoundsOfDifferentLengths(IUpdater updater) {
    MultiLayerNetwork averaged = Small.batchNormed(updater);
    MultiLayerNetwork alone = Small.batchNormed(updater);
    for (int each : new int[] {8, 8, 3}) {
      new AveragedTraining(spark, averaged, 1, Small.BATCH, each).round(minibatches(each, each));
      Small.minibatches(Small.shard(0, 1), each, each).forEachRemaining(alone::fit);
    }
    assertSame(alone, averaged);
  }

  /** Without the hook that installs FlatGradientUpdater. */
  @ParameterizedTest
  @MethodSource("updaters")
  void soDoesDl4jsOwnUpdater(IUpdater updater) {
    MultiLayerNetwork averaged = Small.batchNormed(updater);
    SparkDl4jMultiLayer training =
        new SparkDl4jMultiLayer(
            spark,
            averaged,
            AveragedTraining.settings(1, Small.BATCH, EACH).trainingHooks(List.of()).build());
    for (int round = 0; round < ROUNDS; round++) {
      training.fit(minibatches(EACH, SEED + round));
    }
    assertSame(fitted(updater), averaged);
  }

  private static JavaRDD<DataSet> minibatches(int each, long seed) {
    JavaRDD<NamesDataset> data =
        NamesOnSpark.encode(spark.parallelize(Small.WORDS, 1), Small.VOCABULARY, Small.T);
    return NamesOnSpark.minibatches(data, Small.BATCH, each, seed);
  }

  private static MultiLayerNetwork fitted(IUpdater updater) {
    MultiLayerNetwork alone = Small.batchNormed(updater);
    for (int round = 0; round < ROUNDS; round++) {
      Small.minibatches(Small.shard(0, 1), SEED + round, EACH).forEachRemaining(alone::fit);
    }
    return alone;
  }

  private static void assertSame(MultiLayerNetwork alone, MultiLayerNetwork averaged) {
    assertArrayEquals(Small.parameters(alone), Small.parameters(averaged));
    assertArrayEquals(Small.state(alone), Small.state(averaged), "state of the updater");
    assertEquals(alone.getIterationCount(), averaged.getIterationCount(), "iterations");
    assertNotEquals(
        Small.batchNormed(new Adam()).params(), averaged.params(), "something was trained");
  }
}

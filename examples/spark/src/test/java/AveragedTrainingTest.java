import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;
import org.backpropninja.names.MinibatchIterator;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.Sgd;

/** Two workers, on local[2]. */
class AveragedTrainingTest {

  private static final int EACH = 5;
  private static final long SEED = 7;

  private static JavaSparkContext spark;

  @BeforeAll
  static void start() {
    spark = Spark.retrying(2);
  }

  @AfterAll
  static void stop() {
    spark.close();
  }

  @ParameterizedTest
  @EnumSource(names = {"DOUBLE", "FLOAT"})
  void averagedEachStepTheyEqualOneOnTheJoinedMinibatch(DataType type) {
    MultiLayerNetwork averaged = Small.withoutBatchNorm(type);
    MultiLayerNetwork alone = averaged.clone();
    AveragedTraining training = new AveragedTraining(spark, averaged, 2, Small.BATCH, 1);
    for (int round = 0; round < 20; round++) {
      long seed = SEED + 2 * round;
      double score = training.round(minibatches(1, seed));
      alone.fit(DataSet.merge(List.of(worker(0, seed, 1).next(), worker(1, seed, 1).next())));
      assertEquals(alone.score(), score, 1e-6, "the mean of the workers' losses");
    }
    assertArrayEquals(
        alone.params().toDoubleVector(), averaged.params().toDoubleVector(), 1e-6, type.name());
    assertEquals(20, averaged.getIterationCount());
  }

  /** Parameters, running statistics among them, and state: after several steps on their own. */
  @Test
  void allThatTheyChangeIsAveraged() {
    MultiLayerNetwork averaged = Small.batchNormed(new Adam(0.01));
    MultiLayerNetwork left = averaged.clone();
    MultiLayerNetwork right = averaged.clone();
    round(averaged);
    worker(0, SEED, EACH).forEachRemaining(left::fit);
    worker(1, SEED, EACH).forEachRemaining(right::fit);
    assertArrayEquals(
        mean(Small.parameters(left), Small.parameters(right)), Small.parameters(averaged));
    assertArrayEquals(mean(Small.state(left), Small.state(right)), Small.state(averaged));
  }

  @Test
  void runningStatisticsAreTheMeanOfTheWorkers() {
    MultiLayerNetwork averaged = Small.batchNormed(new Sgd(0.1));
    MultiLayerNetwork left = averaged.clone();
    MultiLayerNetwork right = averaged.clone();
    MultiLayerNetwork joined = averaged.clone();
    round(averaged);
    worker(0, SEED, EACH).forEachRemaining(left::fit);
    worker(1, SEED, EACH).forEachRemaining(right::fit);
    for (String statistic : List.of("2_mean", "2_var")) {
      float[] means =
          mean(left.getParam(statistic).toFloatVector(), right.getParam(statistic).toFloatVector());
      assertArrayEquals(means, averaged.getParam(statistic).toFloatVector(), statistic);
    }
    MinibatchIterator a = worker(0, SEED, EACH);
    MinibatchIterator b = worker(1, SEED, EACH);
    while (a.hasNext()) {
      joined.fit(DataSet.merge(List.of(a.next(), b.next())));
    }
    double apart =
        joined.getParam("2_var").sub(averaged.getParam("2_var")).amaxNumber().doubleValue();
    assertTrue(apart > 1e-4, "those of one machine on the joined minibatches are others: " + apart);
  }

  @Test
  void aTaskThatFailsOnceChangesNothing() {
    MultiLayerNetwork undisturbed = Small.batchNormed(new Adam(0.01));
    MultiLayerNetwork disturbed = undisturbed.clone();
    LongAccumulator failures = spark.sc().longAccumulator();
    AveragedTraining training = new AveragedTraining(spark, disturbed, 2, Small.BATCH, EACH);
    AveragedTraining other = new AveragedTraining(spark, undisturbed, 2, Small.BATCH, EACH);
    spark.setLogLevel("OFF"); // Spark shows the stack trace
    try {
      for (int round = 0; round < 2; round++) {
        JavaRDD<DataSet> minibatches = minibatches(EACH, SEED + 2 * round);
        other.round(minibatches);
        training.round(
            minibatches.mapPartitions(own -> new FailsOnce(own, TaskContext.get(), failures)));
      }
    } finally {
      spark.setLogLevel("WARN");
    }
    assertArrayEquals(Small.parameters(undisturbed), Small.parameters(disturbed));
    assertArrayEquals(Small.state(undisturbed), Small.state(disturbed));
    assertEquals(undisturbed.getIterationCount(), disturbed.getIterationCount());
    // Accumulators leave out what failed tasks add; the second attempt tells.
    assertFalse(failures.isZero(), "no task has failed");
  }

  /** Fails at the third minibatch of a task's first attempt. */
  private static final class FailsOnce implements Iterator<DataSet> {
    private final Iterator<DataSet> own;
    private final int attempt;
    private int given;

    FailsOnce(Iterator<DataSet> own, TaskContext task, LongAccumulator failures) {
      this.own = own;
      attempt = task.attemptNumber();
      failures.add(attempt);
    }

    @Override
    public boolean hasNext() {
      return own.hasNext();
    }

    @Override
    public DataSet next() {
      if (attempt == 0 && ++given == 3) {
        throw new IllegalStateException("a planted failure");
      }
      return own.next();
    }
  }

  @Test
  void moreExamplesThanDl4jCountsAreRefused() {
    MultiLayerNetwork network = Small.batchNormed(new Sgd(0.1));
    Exception refusal =
        assertThrows(
            IllegalArgumentException.class,
            () -> new AveragedTraining(spark, network, 2, 32, 33_554_432));
    assertEquals(
        "workers (2) times batch (32) times averaging (33554432) must be at most 2147483647",
        refusal.getMessage());
    new AveragedTraining(spark, network, 2, 32, 33_554_431);
  }

  /** DL4J would leave out what is too many, and count what is missing. */
  @ParameterizedTest
  @CsvSource({"4, a worker must have 5 minibatches in a round, has 4", "6, has more"})
  void otherNumbersOfMinibatchesFail(int each, String message) {
    MultiLayerNetwork network = Small.batchNormed(new Sgd(0.1));
    float[] before = Small.parameters(network);
    AveragedTraining training = new AveragedTraining(spark, network, 2, Small.BATCH, EACH);
    spark.setLogLevel("OFF"); // Spark shows the stack trace
    try {
      Exception failure =
          assertThrows(Exception.class, () -> training.round(minibatches(each, SEED)));
      assertTrue(failure.getMessage().contains(message), failure.getMessage());
    } finally {
      spark.setLogLevel("WARN");
    }
    assertArrayEquals(before, Small.parameters(network));
    assertEquals(0, network.getIterationCount());
  }

  @Test
  void otherNumbersOfPartitionsAreRefused() {
    MultiLayerNetwork network = Small.batchNormed(new Sgd(0.1));
    AveragedTraining training = new AveragedTraining(spark, network, 3, Small.BATCH, EACH);
    Exception refusal =
        assertThrows(IllegalArgumentException.class, () -> training.round(minibatches(EACH, SEED)));
    assertEquals(
        "minibatches (2 partitions) must have 3, one for each worker", refusal.getMessage());
  }

  private static void round(MultiLayerNetwork network) {
    new AveragedTraining(spark, network, 2, Small.BATCH, EACH).round(minibatches(EACH, SEED));
  }

  private static JavaRDD<DataSet> minibatches(int each, long seed) {
    return NamesOnSpark.minibatches(
        NamesOnSpark.encode(spark.parallelize(Small.WORDS, 2), Small.VOCABULARY, Small.T),
        Small.BATCH,
        each,
        seed);
  }

  /** The minibatches that a worker draws. */
  private static MinibatchIterator worker(int worker, long seed, int each) {
    return Small.minibatches(Small.shard(worker, 2), seed + worker, each);
  }

  private static float[] mean(float[] left, float[] right) {
    float[] mean = new float[left.length];
    for (int k = 0; k < mean.length; k++) {
      mean[k] = (left[k] + right[k]) / 2;
    }
    return mean;
  }
}

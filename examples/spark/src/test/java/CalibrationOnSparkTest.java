import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.layers.EmbeddingConcat;
import org.backpropninja.layers.ManualDense;
import org.backpropninja.loss.ManualCrossEntropyLoss;
import org.backpropninja.math.Moments;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;

/** Calibration on an RDD gives the running statistics of one machine. */
class CalibrationOnSparkTest {

  private static final int CHUNK = 512;
  private static final List<String> WORDS =
      IntStream.range(0, 3000)
          .mapToObj(
              k -> "" + (char) ('a' + k % 13) + (char) ('a' + k * 7 % 11) + (char) ('n' + k / 300))
          .toList();
  private static final Vocabulary VOCABULARY = Vocabulary.of(WORDS);
  private static final NamesDataset ALL = new NamesDataset(VOCABULARY, Small.T, WORDS);

  private static JavaSparkContext spark;

  @BeforeAll
  static void start() {
    spark = Spark.local(2);
  }

  @AfterAll
  static void stop() {
    spark.close();
  }

  /** What the second batch norm sees depends on the statistics of the first. */
  private static MultiLayerNetwork network() {
    return Small.network(
        DataType.DOUBLE,
        new EmbeddingConcat.Builder().nIn(VOCABULARY.size()).nOut(4).build(),
        new ManualDense.Builder().nOut(12).activation(Activation.IDENTITY).build(),
        new BatchNormBessel.Builder().activation(Activation.TANH).build(),
        new ManualDense.Builder().nOut(5).activation(Activation.IDENTITY).build(),
        new BatchNormBessel.Builder().activation(Activation.TANH).build(),
        new OutputLayer.Builder(new ManualCrossEntropyLoss())
            .nOut(VOCABULARY.size())
            .activation(Activation.SOFTMAX)
            .build());
  }

  private static JavaRDD<DataSet> chunks(int partitions) {
    return NamesOnSpark.encode(spark.parallelize(WORDS, partitions), VOCABULARY, Small.T)
        .flatMap(own -> own.chunks(CHUNK));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void calibrationEqualsThatOfOneMachine(int partitions) {
    MultiLayerNetwork here = network();
    MultiLayerNetwork there = network();
    Calibration.calibrate(here, ALL.chunks(CHUNK));
    CalibrationOnSpark.calibrate(spark, there, chunks(partitions));
    assertArrayEquals(here.params().toDoubleVector(), there.params().toDoubleVector(), 1e-9);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5})
  void momentsOfThePartitionsMergeToThoseOfAllExamples(int partitions) {
    MultiLayerNetwork network = network();
    Moments alone = Calibration.measure(network, 0, ALL.chunks(CHUNK));
    Moments merged = CalibrationOnSpark.measure(spark, network, 0, chunks(partitions));
    assertEquals(ALL.size(), merged.n());
    assertArrayEquals(alone.mean(), merged.mean(), 1e-12);
    for (int j = 0; j < alone.squares().length; j++) {
      assertEquals(1, merged.squares()[j] / alone.squares()[j], 1e-14);
    }
  }

  @Test
  void partitionsWithoutExamplesDoNotMatter() {
    MultiLayerNetwork here = network();
    MultiLayerNetwork there = network();
    CalibrationOnSpark.calibrate(spark, here, chunks(2));
    CalibrationOnSpark.calibrate(spark, there, spark.<DataSet>emptyRDD().union(chunks(2)));
    assertArrayEquals(here.params().toDoubleVector(), there.params().toDoubleVector());
    JavaRDD<DataSet> none = spark.parallelize(List.of(), 2);
    assertThrows(
        IllegalArgumentException.class, () -> CalibrationOnSpark.calibrate(spark, here, none));
    assertArrayEquals(there.params().toDoubleVector(), here.params().toDoubleVector());
  }
}

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.Serializable;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.math.Moments;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Precision;
import org.backpropninja.names.CharMlp;
import org.backpropninja.names.NamesDataset;
import org.backpropninja.names.Vocabulary;
import org.backpropninja.random.TorchRandom;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.learning.config.Sgd;

/** What calibration on an RDD takes: moments of the partitions, merged on the driver. */
class CalibrationOnSparkTest {

  private static final int T = 3;
  private static final int BATCH_NORM = 2;
  private static final List<String> WORDS =
      IntStream.range(0, 3000)
          .mapToObj(
              k -> "" + (char) ('a' + k % 13) + (char) ('a' + k * 7 % 11) + (char) ('n' + k / 300))
          .toList();
  private static final Vocabulary VOCABULARY = Vocabulary.of(WORDS);

  /** Moments as Spark can send them: neither class of the library is serialisable. */
  record Measured(long n, double[] mean, double[] squares) implements Serializable {

    static Measured of(Moments moments) {
      return new Measured(moments.n(), moments.mean().clone(), moments.squares().clone());
    }

    /** The merge of Chan, Golub and LeVeque, which MomentsAccumulator keeps to itself. */
    Measured merge(Measured b) {
      long sum = n + b.n;
      double[] mean = this.mean.clone();
      double[] squares = this.squares.clone();
      for (int j = 0; j < mean.length; j++) {
        double delta = b.mean[j] - mean[j];
        mean[j] += delta * b.n / sum;
        squares[j] += b.squares[j] + delta * delta * n * b.n / sum;
      }
      return new Measured(sum, mean, squares);
    }

    Moments moments() {
      return new Moments(n, mean, squares);
    }
  }

  @Test
  void momentsOfThePartitionsMergeToThoseOfAllExamples() {
    MultiLayerNetwork network =
        new CharMlp(VOCABULARY.size(), T, 4, 12)
            .network(new Sgd(0.1), DataType.DOUBLE, new TorchRandom(1), new TorchRandom(2));
    NamesDataset all = new NamesDataset(VOCABULARY, T, WORDS);
    Measured alone = measure(network, all);
    for (int partitions : new int[] {1, 2, 5}) {
      Measured merged = onSpark(network, partitions);
      assertArrayEquals(alone.mean(), merged.mean(), 1e-12);
      for (int j = 0; j < alone.squares().length; j++) {
        assertEquals(
            1, merged.squares()[j] / alone.squares()[j], 1e-14, partitions + " partitions");
      }
      MultiLayerNetwork here = network.clone();
      MultiLayerNetwork there = network.clone();
      Calibration.calibrate(here, all.chunks(4096));
      ((Calibratable) there.getLayer(BATCH_NORM)).adopt(merged.moments());
      assertArrayEquals(here.params().toDoubleVector(), there.params().toDoubleVector(), 1e-9);
    }
  }

  @Test
  void theLibrarysMomentsAreNotSerialisable() {
    assertFalse(Serializable.class.isAssignableFrom(MomentsAccumulator.class));
    assertFalse(Serializable.class.isAssignableFrom(Moments.class));
  }

  private static Measured onSpark(MultiLayerNetwork network, int partitions) {
    try (JavaSparkContext spark = Spark.local(2)) {
      Broadcast<MultiLayerNetwork> everywhere = spark.broadcast(network);
      return NamesOnSpark.encode(spark.parallelize(WORDS, partitions), VOCABULARY, T)
          .map(own -> measure(everywhere.value().clone(), own)) // tasks of a JVM share the value
          .reduce(Measured::merge);
    }
  }

  private static Measured measure(MultiLayerNetwork network, NamesDataset data) {
    Calibratable layer = (Calibratable) network.getLayer(BATCH_NORM);
    MomentsAccumulator moments = new MomentsAccumulator(layer.columns(), Precision.DOUBLE);
    layer.observe(moments);
    DataSetIterator chunks = data.chunks(512);
    while (chunks.hasNext()) {
      DataSet chunk = chunks.next();
      network.output(chunk.getFeatures());
    }
    layer.observe(null);
    return Measured.of(moments.moments());
  }
}

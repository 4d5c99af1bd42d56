import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.backpropninja.math.Moments;
import org.backpropninja.training.Calibration;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;

/**
 * Calibration where the data are: each partition is measured on its worker, and only moments
 * travel.
 *
 * <p>They merge exactly, but for rounding, so the result is that of {@link Calibration#calibrate}
 * on one machine. A network takes a Spark job for each of its batch norm layers.
 */
final class CalibrationOnSpark {

  private CalibrationOnSpark() {}

  /**
   * Replaces the running statistics of a network by those of a whole data set.
   *
   * @param spark with Java serialisation
   * @param network trained, calibrated in place
   * @param data some examples an element, usually the training set
   * @throws IllegalArgumentException if no layer can be calibrated or the data are too few
   */
  static void calibrate(JavaSparkContext spark, MultiLayerNetwork network, JavaRDD<DataSet> data) {
    for (int layer = 0; layer < Calibration.layers(network); layer++) {
      Calibration.adopt(network, layer, measure(spark, network, layer, data));
    }
  }

  static Moments measure(
      JavaSparkContext spark, MultiLayerNetwork network, int layer, JavaRDD<DataSet> data) {
    Broadcast<MultiLayerNetwork> everywhere = spark.broadcast(network);
    try {
      return data
          .mapPartitions(examples -> measured(everywhere.value(), layer, examples))
          .collect() // in the order of the partitions, so that the bits are the same each time
          .stream()
          .reduce(Moments::merge)
          .orElseThrow(() -> new IllegalArgumentException("data must have a partition, has none"));
    } finally {
      everywhere.destroy();
    }
  }

  /** On a copy, because the tasks of a JVM share what is broadcast. */
  private static Iterator<Moments> measured(
      MultiLayerNetwork network, int layer, Iterator<DataSet> examples) {
    return List.of(Calibration.measure(network.clone(), layer, examples)).iterator();
  }
}

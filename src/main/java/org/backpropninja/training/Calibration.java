package org.backpropninja.training;

import java.util.Arrays;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Precision;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.adapter.MultiDataSetIteratorAdapter;
import org.nd4j.linalg.dataset.api.MultiDataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * Replaces the running statistics of a trained network by those of a whole data set.
 *
 * <pre>
 * mean = Σ_data x / N
 * var  = Σ_data (x − mean)² / (N − 1)    (or / N, as the layer's runningVariance says)
 * </pre>
 *
 * <p>x is what a {@link org.backpropninja.layers.BatchNormBessel} layer normalises, with the final
 * parameters, N the number of examples that no mask leaves out. The data are streamed; the result
 * does not depend on the size of the chunks, but for rounding. Where a network has several such
 * layers, each takes a pass of its own, first to last, because what a layer sees depends on the
 * statistics of those before it. Frozen layers keep theirs. Source: makemore part 3, "calibrate the
 * batch norm at the end of training".
 */
public final class Calibration {

  private Calibration() {}

  /**
   * Calibrates a MultiLayerNetwork.
   *
   * @param network trained
   * @param data usually the training set; it is reset before each pass
   * @throws IllegalArgumentException if no layer can be calibrated or the data are too few
   */
  public static void calibrate(MultiLayerNetwork network, DataSetIterator data) {
    calibrate(
        network.getLayers(),
        () -> {
          data.reset();
          while (data.hasNext()) {
            DataSet batch = data.next();
            network.output(
                batch.getFeatures(),
                false,
                batch.getFeaturesMaskArray(),
                batch.getLabelsMaskArray());
          }
        });
  }

  /**
   * Calibrates a ComputationGraph of one input and one output.
   *
   * @param network trained
   * @param data usually the training set; it is reset before each pass
   * @throws IllegalArgumentException if no layer can be calibrated or the data are too few
   */
  public static void calibrate(ComputationGraph network, DataSetIterator data) {
    calibrate(network, new MultiDataSetIteratorAdapter(data));
  }

  /**
   * Calibrates a ComputationGraph.
   *
   * @param network trained
   * @param data usually the training set; it is reset before each pass
   * @throws IllegalArgumentException if no layer can be calibrated or the data are too few
   */
  public static void calibrate(ComputationGraph network, MultiDataSetIterator data) {
    calibrate(
        network.getLayers(),
        () -> {
          data.reset();
          while (data.hasNext()) {
            MultiDataSet batch = data.next();
            network.output(
                false,
                batch.getFeatures(),
                batch.getFeaturesMaskArrays(),
                batch.getLabelsMaskArrays());
          }
        });
  }

  private static void calibrate(Layer[] layers, Runnable pass) {
    Calibratable[] found =
        Arrays.stream(layers)
            .filter(Calibratable.class::isInstance)
            .map(Calibratable.class::cast)
            .toArray(Calibratable[]::new);
    if (found.length == 0) {
      throw new IllegalArgumentException(
          "network must have a BatchNormBessel layer that is not frozen, has none among "
              + layers.length);
    }
    for (Calibratable layer : found) {
      MomentsAccumulator moments = new MomentsAccumulator(layer.columns(), Precision.DOUBLE);
      layer.observe(moments);
      try {
        pass.run();
      } finally {
        layer.observe(null);
      }
      layer.adopt(moments.moments()); // not reached, and nothing replaced, when the pass failed
    }
  }
}

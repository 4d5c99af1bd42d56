package org.backpropninja.training;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Precision;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.graph.vertex.impl.FrozenVertex;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.layers.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
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
 * layers, each takes a pass of its own, in the order of the data, because what a layer sees depends
 * on the statistics of those before it. Layers inside a wrapper such as TimeDistributed are
 * calibrated too; frozen layers keep their statistics. Source: makemore part 3, "calibrate the
 * batch norm at the end of training".
 */
public final class Calibration {

  private Calibration() {}

  /**
   * Calibrates a MultiLayerNetwork.
   *
   * @param network trained
   * @param data usually the training set; it is reset before each pass
   * @throws IllegalArgumentException if no layer can be calibrated, one is inside a Bidirectional,
   *     or the data are too few
   */
  public static void calibrate(MultiLayerNetwork network, DataSetIterator data) {
    calibrate(
        List.of(network.getLayers()),
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
   * @throws IllegalArgumentException if no layer can be calibrated, one is inside a Bidirectional,
   *     or the data are too few
   */
  public static void calibrate(ComputationGraph network, DataSetIterator data) {
    calibrate(network, new MultiDataSetIteratorAdapter(data));
  }

  /**
   * Calibrates a ComputationGraph.
   *
   * @param network trained
   * @param data usually the training set; it is reset before each pass
   * @throws IllegalArgumentException if no layer can be calibrated, one is inside a Bidirectional,
   *     or the data are too few
   */
  public static void calibrate(ComputationGraph network, MultiDataSetIterator data) {
    calibrate(
        inOrderOfTheData(network),
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

  /** Not {@code getLayers()}, which are in the order in which the graph was built. */
  private static List<Layer> inOrderOfTheData(ComputationGraph network) {
    GraphVertex[] vertices = network.getVertices();
    return Arrays.stream(network.topologicalSortOrder())
        .mapToObj(index -> vertices[index])
        .filter(vertex -> vertex.hasLayer() && !(vertex instanceof FrozenVertex))
        .map(GraphVertex::getLayer)
        .toList();
  }

  private static void calibrate(List<Layer> layers, Runnable pass) {
    List<Calibratable> found = layers.stream().flatMap(Calibration::batchNormsOf).toList();
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "network must have a BatchNormBessel layer with running statistics that is not frozen, has"
              + " none among "
              + layers.size());
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

  /** The layer itself or the one that it wraps, however deep; none if either is frozen. */
  private static Stream<Calibratable> batchNormsOf(Layer layer) {
    if (layer instanceof Calibratable batchNorm) {
      return Stream.of(batchNorm).filter(Calibratable::hasRunningStatistics);
    }
    if (layer instanceof FrozenLayer || layer instanceof FrozenLayerWithBackprop) {
      return Stream.empty();
    }
    if (layer instanceof BaseWrapperLayer wrapper) {
      return batchNormsOf(wrapper.getUnderlying());
    }
    if (layer.conf().getLayer() instanceof Bidirectional both && holdsBatchNorm(both.getFwd())) {
      throw new IllegalArgumentException(
          ("layer \"%s\" must not be a Bidirectional around a BatchNormBessel: DL4J does not give"
                  + " access to the two copies inside; put the BatchNormBessel before or after it")
              .formatted(both.getLayerName()));
    }
    return Stream.empty();
  }

  private static boolean holdsBatchNorm(org.deeplearning4j.nn.conf.layers.Layer layer) {
    return layer instanceof BatchNormBessel
        || layer instanceof org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer wrapper
            && holdsBatchNorm(wrapper.getUnderlying());
  }
}

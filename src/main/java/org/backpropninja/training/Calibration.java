package org.backpropninja.training;

import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.internal.Calibratable;
import org.backpropninja.layers.BatchNormBessel;
import org.backpropninja.math.Moments;
import org.backpropninja.math.MomentsAccumulator;
import org.backpropninja.math.Precision;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.recurrent.Bidirectional;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.graph.vertex.impl.FrozenVertex;
import org.deeplearning4j.nn.layers.FrozenLayer;
import org.deeplearning4j.nn.layers.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
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
 *
 * <p>Data that lie in several places, such as the partitions of an RDD, are measured where they
 * are:
 *
 * <pre>
 * for (int layer = 0; layer &lt; Calibration.layers(network); layer++) {
 *   Moments here = Calibration.measure(network, layer, partition); // each on a clone of the network
 *   Moments there = Calibration.measure(clone, layer, otherPartition);
 *   Calibration.adopt(network, layer, here.merge(there)); // before the next layer is measured
 * }
 * </pre>
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
        network,
        () -> {
          data.reset();
          output(network, data);
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
        network,
        () -> {
          data.reset();
          output(network, data);
        });
  }

  private static void calibrate(Model network, Runnable pass) {
    for (Calibratable layer : layersOf(network)) {
      layer.adopt(measure(layer, pass)); // not reached, and nothing replaced, if the pass fails
    }
  }

  /**
   * Counts the layers to calibrate.
   *
   * @param network a MultiLayerNetwork or a ComputationGraph
   * @return 1 or more; the layers are counted from 0 in the order of the data
   * @throws IllegalArgumentException if no layer can be calibrated or one is inside a Bidirectional
   */
  public static int layers(Model network) {
    return layersOf(network).size();
  }

  /**
   * Measures what one layer of a MultiLayerNetwork normalises.
   *
   * <p>Nothing in the network is replaced, but no other thread may use it meanwhile.
   *
   * @param network trained, and calibrated as far as the layers before this one
   * @param layer from 0 to {@link #layers} − 1
   * @param data a part of the data set, read to its end; it may be empty
   * @return the moments of that part, to be merged with those of the others
   * @throws IllegalArgumentException if there is no such layer
   */
  public static Moments measure(MultiLayerNetwork network, int layer, Iterator<DataSet> data) {
    return measure(layerOf(network, layer), () -> output(network, data));
  }

  /**
   * Measures what one layer of a ComputationGraph normalises.
   *
   * <p>Nothing in the network is replaced, but no other thread may use it meanwhile.
   *
   * @param network trained, and calibrated as far as the layers before this one
   * @param layer from 0 to {@link #layers} − 1
   * @param data a part of the data set, read to its end; it may be empty
   * @return the moments of that part, to be merged with those of the others
   * @throws IllegalArgumentException if there is no such layer
   */
  public static Moments measure(ComputationGraph network, int layer, Iterator<MultiDataSet> data) {
    return measure(layerOf(network, layer), () -> output(network, data));
  }

  /**
   * Replaces the running statistics of one layer.
   *
   * @param network the one that was measured, or the one of which copies were
   * @param layer from 0 to {@link #layers} − 1
   * @param moments of the whole data set
   * @throws IllegalArgumentException if there is no such layer, or the moments are of another
   *     number of columns or of too few rows
   */
  public static void adopt(Model network, int layer, Moments moments) {
    Calibratable batchNorm = layerOf(network, layer);
    if (moments.mean().length != batchNorm.columns()) {
      throw new IllegalArgumentException(
          "moments (of %d columns) must be of %d columns, those of layer %d"
              .formatted(moments.mean().length, batchNorm.columns(), layer));
    }
    batchNorm.adopt(moments);
  }

  private static Moments measure(Calibratable layer, Runnable pass) {
    MomentsAccumulator moments = new MomentsAccumulator(layer.columns(), Precision.DOUBLE);
    layer.observe(moments);
    try {
      pass.run();
    } finally {
      layer.observe(null);
    }
    return moments.moments();
  }

  private static void output(MultiLayerNetwork network, Iterator<DataSet> data) {
    while (data.hasNext()) {
      DataSet batch = data.next();
      INDArray output =
          network.output(
              batch.getFeatures(), false, batch.getFeaturesMaskArray(), batch.getLabelsMaskArray());
      output.close(); // or it would wait for a garbage collection
    }
  }

  private static void output(ComputationGraph network, Iterator<MultiDataSet> data) {
    while (data.hasNext()) {
      MultiDataSet batch = data.next();
      network.output(
          false, batch.getFeatures(), batch.getFeaturesMaskArrays(), batch.getLabelsMaskArrays());
    }
  }

  private static Calibratable layerOf(Model network, int layer) {
    List<Calibratable> layers = layersOf(network);
    if (layer < 0 || layer >= layers.size()) {
      throw new IllegalArgumentException(
          "layer (%d) must be from 0 to %d".formatted(layer, layers.size() - 1));
    }
    return layers.get(layer);
  }

  private static List<Calibratable> layersOf(Model network) {
    List<Layer> all = allLayersOf(network);
    List<Calibratable> found = all.stream().flatMap(Calibration::batchNormsOf).toList();
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "network must have a BatchNormBessel layer with running statistics that is not frozen, has"
              + " none among "
              + all.size());
    }
    return found;
  }

  private static List<Layer> allLayersOf(Model network) {
    if (network instanceof MultiLayerNetwork layers) {
      return List.of(layers.getLayers());
    }
    if (network instanceof ComputationGraph graph) {
      return inOrderOfTheData(graph);
    }
    throw new IllegalArgumentException(
        "network (%s) must be a MultiLayerNetwork or a ComputationGraph"
            .formatted(network.getClass().getName()));
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

package org.backpropninja.training;

import java.util.Arrays;
import java.util.List;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.layers.BatchNormBessel;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Updater;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.wrapper.BaseWrapperLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.graph.vertex.GraphVertex;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.nn.params.BatchNormalizationParamInitializer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Puts {@link BatchNormBessel} in the place of DL4J's BatchNormalization, in a network that has
 * been trained.
 *
 * <pre>{@code
 * network = Migration.convert(MultiLayerNetwork.load(file, true));
 * }</pre>
 *
 * <p>The new network predicts what the old one did, and trains on from where that was: it has the
 * parameters, running statistics, updater state, iteration and epoch counts, and of each layer what
 * {@link BatchNormBessel#from} says. log₁₀ of the standard deviation, which DL4J keeps unless told
 * otherwise, becomes the variance: var = 10^(2·log₁₀ σ). Layers inside FrozenLayer,
 * FrozenLayerWithBackprop, TimeDistributed and the other wrappers are converted, too. The old
 * network is not changed, and its listeners stay with it.
 *
 * <p>What DL4J's layer does wrong becomes right. Examples and steps that a mask leaves out give
 * zeros and do not count; DL4J ignores the mask. Clipping and normalisation of gradients do not
 * touch the running statistics. A FrozenLayerWithBackprop hands on the gradient of what it
 * computed; DL4J's throws or, without workspaces, hands on another. Sequences that no preprocessor
 * makes rows are normalised by channel; DL4J throws or, if there are as many examples as channels,
 * normalises by example.
 */
public final class Migration {

  private static final String VAR = "var";

  private Migration() {}

  /**
   * Converts a MultiLayerNetwork.
   *
   * @param network initialised; it is not changed
   * @return a new network
   * @throws IllegalArgumentException if the network has not been initialised, has no
   *     BatchNormalization, or one with a setting that BatchNormBessel refuses
   */
  public static MultiLayerNetwork convert(MultiLayerNetwork network) {
    Initialised.require(network);
    var conf = MultiLayerConfiguration.fromJson(network.getLayerWiseConfigurations().toJson());
    convert(conf.getConfs());
    MultiLayerNetwork converted = new MultiLayerNetwork(conf);
    converted.init(network.params().dup(), false);
    for (int i = 0; i < network.getnLayers(); i++) {
      takeVariance(network.getLayer(i), converted.getLayer(i));
    }
    if (hasState(network.getUpdater(false))) {
      takeState(network.getUpdater(), converted.getUpdater());
    }
    return converted;
  }

  /**
   * Converts a ComputationGraph.
   *
   * @param network initialised; it is not changed
   * @return a new network
   * @throws IllegalArgumentException if the network has not been initialised, has no
   *     BatchNormalization, or one with a setting that BatchNormBessel refuses
   */
  public static ComputationGraph convert(ComputationGraph network) {
    Initialised.require(network);
    var conf = ComputationGraphConfiguration.fromJson(network.getConfiguration().toJson());
    convert(
        conf.getVertices().values().stream()
            .filter(LayerVertex.class::isInstance)
            .map(vertex -> ((LayerVertex) vertex).getLayerConf())
            .toList());
    ComputationGraph converted = new ComputationGraph(conf);
    converted.init(network.params().dup(), false);
    for (GraphVertex vertex : network.getVertices()) {
      if (vertex.hasLayer()) {
        takeVariance(vertex.getLayer(), converted.getLayer(vertex.getVertexName()));
      }
    }
    if (hasState(network.getUpdater(false))) {
      takeState(network.getUpdater(), converted.getUpdater());
    }
    return converted;
  }

  // Configurations

  /** Puts ours in the place of DL4J's. */
  private static void convert(List<NeuralNetConfiguration> layers) {
    var theirs = layers.stream().filter(conf -> holdsBatchNorm(conf.getLayer())).toList();
    if (theirs.isEmpty()) {
      throw new IllegalArgumentException(
          "network must have a BatchNormalization layer, has none among " + layers.size());
    }
    for (NeuralNetConfiguration conf : theirs) {
      conf.setLayer(converted(conf.getLayer()));
      conf.clearVariables(); // DL4J's keys; ours are added by init
    }
  }

  private static boolean holdsBatchNorm(org.deeplearning4j.nn.conf.layers.Layer layer) {
    return layer.getClass() == BatchNormalization.class // a subclass may compute something else
        || layer instanceof FrozenLayer frozen && holdsBatchNorm(frozen.getLayer())
        || layer instanceof BaseWrapperLayer wrapper && holdsBatchNorm(wrapper.getUnderlying());
  }

  /** Ours, in the wrappers that were around DL4J's. */
  private static org.deeplearning4j.nn.conf.layers.Layer converted(
      org.deeplearning4j.nn.conf.layers.Layer layer) {
    if (layer instanceof BatchNormalization batchNorm) {
      return BatchNormBessel.from(batchNorm);
    }
    if (layer instanceof FrozenLayer frozen) {
      return new FrozenLayer.Builder()
          .layer(converted(frozen.getLayer()))
          .name(frozen.getLayerName())
          .build();
    }
    BaseWrapperLayer wrapper = (BaseWrapperLayer) layer;
    wrapper.setUnderlying(converted(wrapper.getUnderlying()));
    return wrapper;
  }

  // Parameters, which lie in the same order in both

  /** What DL4J keeps as log10 of the standard deviation lies where the variance is to be. */
  private static void takeVariance(Layer theirs, Layer ours) {
    String logStd = BatchNormalizationParamInitializer.GLOBAL_LOG_STD;
    if (theirs.numParams() > 0
        && theirs.paramTable().containsKey(logStd)
        && !ours.paramTable().containsKey(logStd)) {
      INDArray var = ours.getParam(VAR);
      double[] values = NdArrays.values(var); // log10 σ
      Arrays.setAll(values, j -> Math.pow(10, 2 * values[j]));
      NdArrays.assign(values, var);
    }
  }

  private static boolean hasState(Updater updater) {
    return updater != null && updater.getStateViewArray() != null;
  }

  private static void takeState(Updater theirs, Updater ours) {
    ours.setStateViewArray(null, theirs.getStateViewArray(), false);
  }
}

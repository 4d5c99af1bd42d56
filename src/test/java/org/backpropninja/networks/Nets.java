package org.backpropninja.networks;

import java.io.File;
import java.io.IOException;
import org.backpropninja.internal.NdArrays;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

/** What a MultiLayerNetwork and a ComputationGraph can both do, but not under one type of DL4J. */
final class Nets {

  private Nets() {}

  static void fit(Model network, DataSet minibatch) {
    if (network instanceof ComputationGraph graph) {
      graph.fit(minibatch);
    } else {
      ((MultiLayerNetwork) network).fit(minibatch);
    }
  }

  /** Takes steps on minibatches of 7 that the seeds from {@code first} on give. */
  static void train(Model network, Sample sample, int first, int steps) {
    for (int seed = first; seed < first + steps; seed++) {
      fit(network, sample.minibatch(seed, 7));
    }
  }

  static double[] output(Model network, DataSet minibatch) {
    return NdArrays.values(
        network instanceof ComputationGraph graph
            ? graph
                .output(
                    false,
                    new INDArray[] {minibatch.getFeatures()},
                    array(minibatch.getFeaturesMaskArray()),
                    array(minibatch.getLabelsMaskArray()))[0]
            : ((MultiLayerNetwork) network)
                .output(
                    minibatch.getFeatures(),
                    false,
                    minibatch.getFeaturesMaskArray(),
                    minibatch.getLabelsMaskArray()));
  }

  private static INDArray[] array(INDArray mask) {
    return mask == null ? null : new INDArray[] {mask};
  }

  /** The score in inference. */
  static double score(Model network, DataSet minibatch) {
    return network instanceof ComputationGraph graph
        ? graph.score(minibatch, false)
        : ((MultiLayerNetwork) network).score(minibatch, false);
  }

  static double[] params(Model network) {
    return NdArrays.values(network.params());
  }

  static Layer layer(Model network, String name) {
    return network instanceof ComputationGraph graph
        ? graph.getLayer(name)
        : ((MultiLayerNetwork) network).getLayer(name);
  }

  static Model copy(Model network) {
    return network instanceof ComputationGraph graph
        ? graph.clone()
        : ((MultiLayerNetwork) network).clone();
  }

  /** Written with the updater's state, and read again. */
  static Model throughFile(Model network, File file) throws IOException {
    ModelSerializer.writeModel(network, file, true);
    return network instanceof ComputationGraph
        ? ModelSerializer.restoreComputationGraph(file, true)
        : ModelSerializer.restoreMultiLayerNetwork(file, true);
  }
}

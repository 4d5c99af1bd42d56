package org.backpropninja.training;

import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;

/** Refuses networks without parameters. */
final class Initialised {

  private Initialised() {}

  static void require(MultiLayerNetwork network) {
    require(network.isInitCalled());
  }

  static void require(ComputationGraph network) {
    require(network.getVertices() != null);
  }

  private static void require(boolean isInitialised) {
    if (!isInitialised) {
      throw new IllegalArgumentException("network must be initialised: call init() first");
    }
  }
}

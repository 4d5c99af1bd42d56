package org.backpropninja.bench;

import java.util.function.Supplier;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;

/**
 * One {@link MultiLayerNetwork#fit(org.nd4j.linalg.dataset.api.DataSet)} on prepared minibatches.
 */
final class FitStep implements Supplier<Object> {

  private final MultiLayerNetwork network;
  private final DataSet[] minibatches;
  private int next;

  FitStep(MultiLayerNetwork network, DataSet[] minibatches) {
    this.network = network;
    this.minibatches = minibatches;
  }

  @Override
  public Object get() {
    network.fit(minibatches[next]);
    next = (next + 1) % minibatches.length;
    return network;
  }
}

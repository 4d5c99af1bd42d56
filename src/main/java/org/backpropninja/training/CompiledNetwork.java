package org.backpropninja.training;

import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Stub. */
public final class CompiledNetwork {
  private final MultiLayerNetwork network;

  private CompiledNetwork(MultiLayerNetwork network) {
    this.network = network;
  }

  /**
   * Stub.
   *
   * @param network n
   * @return c
   */
  public static CompiledNetwork of(MultiLayerNetwork network) {
    return new CompiledNetwork(network);
  }

  /**
   * Stub.
   *
   * @param data d
   */
  public void fit(DataSet data) {
    network.fit(data);
  }

  /**
   * Stub.
   *
   * @param data d
   */
  public void fit(DataSetIterator data) {
    network.fit(data);
  }
}

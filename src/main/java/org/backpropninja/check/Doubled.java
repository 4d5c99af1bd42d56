package org.backpropninja.check;

import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A weight noise without chance: weights are twice as large in training. */
final class Doubled implements IWeightNoise {

  static final double FACTOR = 2;

  private static final long serialVersionUID = 1;

  @Override
  public INDArray getParameter(
      Layer layer,
      String key,
      int iteration,
      int epoch,
      boolean training,
      LayerWorkspaceMgr workspaces) {
    INDArray parameter = layer.getParam(key);
    return training && isWeight(layer.conf().getLayer(), key) ? parameter.mul(FACTOR) : parameter;
  }

  /** Whether DL4J's kinds of noise change this parameter. */
  static boolean isWeight(org.deeplearning4j.nn.conf.layers.Layer layer, String key) {
    return layer.initializer().isWeightParam(layer, key);
  }

  @Override
  public Doubled clone() {
    return new Doubled();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Doubled;
  }

  @Override
  public int hashCode() {
    return 1;
  }
}

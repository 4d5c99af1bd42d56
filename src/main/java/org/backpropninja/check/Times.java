package org.backpropninja.check;

import org.deeplearning4j.nn.conf.dropout.IDropout;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;

/** A dropout without chance: everything is multiplied by 3, in place where DL4J allows it. */
final class Times implements IDropout {

  static final double FACTOR = 3;

  private static final long serialVersionUID = 1;

  @Override
  public INDArray applyDropout(
      INDArray input, INDArray result, int iteration, int epoch, LayerWorkspaceMgr workspaces) {
    return input.muli(FACTOR, result);
  }

  @Override
  public INDArray backprop(INDArray dout, INDArray dinput, int iteration, int epoch) {
    return dout.muli(FACTOR, dinput);
  }

  @Override
  public void clear() {
    // nothing is kept
  }

  @Override
  public Times clone() {
    return new Times();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Times;
  }

  @Override
  public int hashCode() {
    return 1;
  }
}

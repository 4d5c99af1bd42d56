package org.backpropninja.testing;

import org.deeplearning4j.nn.conf.dropout.IDropout;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Dropout that always keeps the same elements: into the array that it is given, as DL4J's is. */
public final class FixedDropout implements IDropout {

  private static final long serialVersionUID = 1;
  private static final double[] FACTORS = {1.5, 0, 1.5, 1.5, 0};

  /** What each element of a matrix is multiplied by. */
  public static INDArray factors(long... shape) {
    INDArray factors = Nd4j.zeros(shape);
    for (long k = 0; k < factors.length(); k++) {
      factors.putScalar(k, FACTORS[(int) (k % FACTORS.length)]);
    }
    return factors;
  }

  @Override
  public INDArray applyDropout(
      INDArray input, INDArray result, int iteration, int epoch, LayerWorkspaceMgr workspaceMgr) {
    return input.muli(factors(input.shape()).castTo(input.dataType()), result);
  }

  @Override
  public INDArray backprop(INDArray dout, INDArray dinput, int iteration, int epoch) {
    return dout.muli(factors(dout.shape()).castTo(dout.dataType()), dinput);
  }

  @Override
  public void clear() {}

  @Override
  public FixedDropout clone() {
    return new FixedDropout();
  }
}

package org.backpropninja.layers;

import static org.backpropninja.arrays.Crossing.matrix;

import org.backpropninja.arrays.Crossing;
import org.backpropninja.math.BatchNorm;
import org.backpropninja.math.Variance;
import org.backpropninja.stepwise.BatchNormSteps;
import org.backpropninja.stepwise.FixedNormSteps;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.factory.Nd4j;

/** Batch norm by the notebooks' steps in ND4J operations, in the place of the closed form. */
@SuppressWarnings("try") // scopes out of workspaces are closed, never named
final class StepwiseBatchNorm extends BatchNorm {

  private final int H;
  private final double epsilon;
  private final Variance variance;
  private BatchNormSteps batch; // one of the two is of the pass that ran last
  private FixedNormSteps fixed;

  StepwiseBatchNorm(int H, double epsilon, Variance variance) {
    super(H, epsilon, variance);
    this.H = H;
    this.epsilon = epsilon;
    this.variance = variance;
  }

  @Override
  public void forward(double[] hprebn, int n, double[] gain, double[] bias, double[] hpreact) {
    measure(hprebn, n);
    try (MemoryWorkspace ignored = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      int correction =
          variance == Variance.UNBIASED ? BatchNormSteps.UNBIASED : BatchNormSteps.BIASED;
      fixed = null;
      batch =
          BatchNormSteps.forward(
              matrix(hprebn, n, H), matrix(gain, 1, H), matrix(bias, 1, H), correction, epsilon);
      Crossing.read(batch.hpreact(), hpreact);
    }
  }

  @Override
  public void forward(
      double[] hprebn,
      int n,
      double[] mean,
      double[] var,
      double[] gain,
      double[] bias,
      double[] hpreact) {
    try (MemoryWorkspace ignored = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      batch = null;
      fixed =
          FixedNormSteps.forward(
              matrix(hprebn, n, H),
              matrix(mean, 1, H),
              matrix(var, 1, H),
              matrix(gain, 1, H),
              matrix(bias, 1, H),
              epsilon);
      Crossing.read(fixed.hpreact(), hpreact);
    }
  }

  @Override
  public void backward(
      double[] dhpreact, double[] gain, double[] dhprebn, double[] dgain, double[] dbias) {
    try (MemoryWorkspace ignored = Nd4j.getMemoryManager().scopeOutOfWorkspaces()) {
      if (batch != null) {
        var gradients = batch.backward(matrix(dhpreact, batch.hpreact().rows(), H));
        Crossing.read(gradients.dhprebn(), dhprebn);
        Crossing.read(gradients.dbngain(), dgain);
        Crossing.read(gradients.dbnbias(), dbias);
      } else {
        var gradients = fixed.backward(matrix(dhpreact, fixed.hpreact().rows(), H));
        Crossing.read(gradients.dhprebn(), dhprebn);
        Crossing.read(gradients.dbngain(), dgain);
        Crossing.read(gradients.dbnbias(), dbias);
      }
    }
  }
}

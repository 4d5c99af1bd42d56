package org.backpropninja.layers;

import static org.backpropninja.arrays.Crossing.matrix;

import java.util.function.Function;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.Workspaces;
import org.backpropninja.math.BatchNorm;
import org.backpropninja.math.Variance;
import org.backpropninja.stepwise.BatchNormSteps;
import org.backpropninja.stepwise.FixedNormSteps;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Batch norm by the notebooks' steps in ND4J operations, in the place of the closed form. */
final class StepwiseBatchNorm extends BatchNorm {

  private final int H;
  private final double epsilon;
  private final Variance variance;
  private int n;
  private Function<INDArray, Gradients> back; // through the pass that ran last

  private record Gradients(INDArray dhprebn, INDArray dgain, INDArray dbias) {}

  StepwiseBatchNorm(int H, double epsilon, Variance variance) {
    super(H, epsilon, variance);
    this.H = H;
    this.epsilon = epsilon;
    this.variance = variance;
  }

  @Override
  public void forward(double[] hprebn, int n, double[] gain, double[] bias, double[] hpreact) {
    measure(hprebn, n);
    int correction =
        variance == Variance.UNBIASED ? BatchNormSteps.UNBIASED : BatchNormSteps.BIASED;
    Workspaces.outside(
        () -> {
          BatchNormSteps steps =
              BatchNormSteps.forward(
                  matrix(hprebn, n, H),
                  matrix(gain, 1, H),
                  matrix(bias, 1, H),
                  correction,
                  epsilon);
          keep(n, steps.hpreact(), hpreact, dhpreact -> gradients(steps.backward(dhpreact)));
        });
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
    Workspaces.outside(
        () -> {
          FixedNormSteps steps =
              FixedNormSteps.forward(
                  matrix(hprebn, n, H),
                  matrix(mean, 1, H),
                  matrix(var, 1, H),
                  matrix(gain, 1, H),
                  matrix(bias, 1, H),
                  epsilon);
          keep(n, steps.hpreact(), hpreact, dhpreact -> gradients(steps.backward(dhpreact)));
        });
  }

  private void keep(int n, INDArray result, double[] hpreact, Function<INDArray, Gradients> back) {
    this.n = n;
    this.back = back;
    Crossing.read(result, hpreact);
  }

  private static Gradients gradients(BatchNormSteps.Gradients of) {
    return new Gradients(of.dhprebn(), of.dbngain(), of.dbnbias());
  }

  private static Gradients gradients(FixedNormSteps.Gradients of) {
    return new Gradients(of.dhprebn(), of.dbngain(), of.dbnbias());
  }

  @Override
  public void backward(
      double[] dhpreact, double[] gain, double[] dhprebn, double[] dgain, double[] dbias) {
    Workspaces.outside(
        () -> {
          Gradients gradients = back.apply(matrix(dhpreact, n, H));
          Crossing.read(gradients.dhprebn(), dhprebn);
          Crossing.read(gradients.dgain(), dgain);
          Crossing.read(gradients.dbias(), dbias);
        });
  }
}

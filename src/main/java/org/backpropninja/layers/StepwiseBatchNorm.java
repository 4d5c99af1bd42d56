package org.backpropninja.layers;

import static org.backpropninja.arrays.Crossing.matrix;

import java.util.function.Function;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.Workspaces;
import org.backpropninja.math.BatchNorm;
import org.backpropninja.math.Elements;
import org.backpropninja.math.FiniteCheck;
import org.backpropninja.math.Nonlinearity;
import org.backpropninja.math.Precision;
import org.backpropninja.math.Variance;
import org.backpropninja.stepwise.BatchNormSteps;
import org.backpropninja.stepwise.FixedNormSteps;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Batch norm by the notebooks' steps in ND4J operations, in the place of the closed form. */
final class StepwiseBatchNorm extends BatchNorm {

  private final int H;
  private final double epsilon;
  private final Variance variance;
  private final FiniteCheck finite = new FiniteCheck(Precision.DOUBLE);
  private int n;
  private Function<INDArray, Gradients> back; // through the pass that ran last

  private record Gradients(INDArray dhprebn, INDArray dgain, INDArray dbias) {}

  StepwiseBatchNorm(int H, double epsilon, Variance variance) {
    super(H, epsilon, variance, Nonlinearity.IDENTITY, Precision.DOUBLE);
    this.H = H;
    this.epsilon = epsilon;
    this.variance = variance;
  }

  @Override
  public boolean forward(Elements hprebn, int n, double[] gain, double[] bias, Elements hpreact) {
    measure(hprebn, n);
    if (!finite.passes(hprebn, n * H)) {
      return false;
    }
    double[] x = read(hprebn, n);
    int correction =
        variance == Variance.UNBIASED ? BatchNormSteps.UNBIASED : BatchNormSteps.BIASED;
    Workspaces.outside(
        () -> {
          BatchNormSteps steps =
              BatchNormSteps.forward(
                  matrix(x, n, H), matrix(gain, 1, H), matrix(bias, 1, H), correction, epsilon);
          keep(n, steps.hpreact(), hpreact, dhpreact -> gradients(steps.backward(dhpreact)));
        });
    return true;
  }

  @Override
  public boolean forward(
      Elements hprebn,
      int n,
      double[] mean,
      double[] var,
      double[] gain,
      double[] bias,
      Elements hpreact) {
    if (!finite.passes(hprebn, n * H)) {
      return false;
    }
    double[] x = read(hprebn, n);
    Workspaces.outside(
        () -> {
          FixedNormSteps steps =
              FixedNormSteps.forward(
                  matrix(x, n, H),
                  matrix(mean, 1, H),
                  matrix(var, 1, H),
                  matrix(gain, 1, H),
                  matrix(bias, 1, H),
                  epsilon);
          keep(n, steps.hpreact(), hpreact, dhpreact -> gradients(steps.backward(dhpreact)));
        });
    return true;
  }

  private double[] read(Elements of, int n) {
    double[] rows = new double[n * H];
    of.read(0, rows.length, rows);
    return rows;
  }

  private void keep(int n, INDArray result, Elements hpreact, Function<INDArray, Gradients> back) {
    this.n = n;
    this.back = back;
    hpreact.write(Crossing.read(result), 0, n * H);
  }

  private static Gradients gradients(BatchNormSteps.Gradients of) {
    return new Gradients(of.dhprebn(), of.dbngain(), of.dbnbias());
  }

  private static Gradients gradients(FixedNormSteps.Gradients of) {
    return new Gradients(of.dhprebn(), of.dbngain(), of.dbnbias());
  }

  @Override
  public void backward(
      Elements hprebn,
      Elements dhpreact,
      double[] gain,
      Elements dhprebn,
      double[] dgain,
      double[] dbias) {
    Workspaces.outside(
        () -> {
          Gradients gradients = back.apply(matrix(read(dhpreact, n), n, H));
          dhprebn.write(Crossing.read(gradients.dhprebn()), 0, n * H);
          Crossing.read(gradients.dgain(), dgain);
          Crossing.read(gradients.dbias(), dbias);
        });
  }
}

package org.backpropninja.stepwise;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import org.backpropninja.internal.NdArrays;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.ops.transforms.Transforms;

/** Batch norm by given statistics against its formula, element by element. */
class FixedNormStepsTest {

  private static final int N = 5;
  private static final int H = 3;
  private static final double EPS = 0.1;
  private final Random random = new Random(1);

  private final INDArray x = normal(N);
  private final INDArray mean = normal(1);
  private final INDArray variance = Transforms.abs(normal(1)).addi(0.5);
  private final INDArray gain = normal(1);
  private final INDArray bias = normal(1);
  private final INDArray dy = normal(N);

  private INDArray normal(int rows) {
    return RandomStep.normal(random, DataType.DOUBLE, rows, H);
  }

  @Test
  void forwardAndBackward() {
    double[] y = new double[N * H];
    double[] dx = new double[N * H];
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    for (int k = 0; k < N * H; k++) {
      int i = k / H;
      int j = k % H;
      double inverse = 1 / Math.sqrt(variance.getDouble(j) + EPS);
      double raw = (x.getDouble(i, j) - mean.getDouble(j)) * inverse;
      y[k] = gain.getDouble(j) * raw + bias.getDouble(j);
      dx[k] = dy.getDouble(i, j) * gain.getDouble(j) * inverse;
      dgain[j] += dy.getDouble(i, j) * raw;
      dbias[j] += dy.getDouble(i, j);
    }
    FixedNormSteps steps = FixedNormSteps.forward(x, mean, variance, gain, bias, EPS);
    FixedNormSteps.Gradients gradients = steps.backward(dy);
    assertClose("y", y, NdArrays.values(steps.hpreact()), 1e-14);
    assertClose("dx", dx, NdArrays.values(gradients.dhprebn()), 1e-14);
    assertClose("dgain", dgain, NdArrays.values(gradients.dbngain()), 1e-14);
    assertClose("dbias", dbias, NdArrays.values(gradients.dbnbias()), 1e-14);
  }

  @Test
  void leavesItsArgumentsAsTheyAre() {
    List<INDArray> arguments = List.of(x, mean, variance, gain, bias, dy);
    List<INDArray> copies = arguments.stream().map(INDArray::dup).toList();
    FixedNormSteps.forward(x, mean, variance, gain, bias, EPS).backward(dy);
    assertEquals(copies, arguments);
  }

  @Test
  void refusesWhatDoesNotFit() {
    Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
    assertRefused(
        illegal, () -> FixedNormSteps.forward(x, x, variance, gain, bias, EPS), "mean", "[5, 3]");
    assertRefused(
        illegal, () -> FixedNormSteps.forward(x, mean, x, gain, bias, EPS), "variance", "[5, 3]");
    FixedNormSteps steps = FixedNormSteps.forward(x, mean, variance, gain, bias, EPS);
    assertRefused(illegal, () -> steps.backward(mean), "dhpreact", "[1, 3]");
  }
}

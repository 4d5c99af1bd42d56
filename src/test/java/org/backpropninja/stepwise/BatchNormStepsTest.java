package org.backpropninja.stepwise;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Batch norm's chain against its closed form, with both variances. */
class BatchNormStepsTest {

  @ParameterizedTest
  @CsvSource({
    "1, 2, 3",
    "1, 32, 64",
    "1, 7, 1",
    "0, 1, 3",
    "0, 2, 3",
    "0, 32, 64",
    "0, 7, 1",
  })
  void theChainGivesTheClosedForm(int correction, int n, int h) {
    Random random = new Random(n);
    INDArray x = RandomStep.normal(random, DataType.DOUBLE, n, h);
    INDArray gain = RandomStep.normal(random, DataType.DOUBLE, 1, h);
    INDArray bias = RandomStep.normal(random, DataType.DOUBLE, 1, h);
    INDArray dy = RandomStep.normal(random, DataType.DOUBLE, n, h);

    BatchNormSteps step = BatchNormSteps.forward(x, gain, bias, correction, 1e-3);

    INDArray xhat = step.bnraw();
    INDArray inner =
        dy.mul(n)
            .sub(dy.sum(true, 0))
            .sub(xhat.mul(dy.mul(xhat).sum(true, 0)).mul(n / (double) (n - correction)));
    INDArray closed = inner.mul(gain.mul(step.bnvarInv()).div(n));
    // n = 1: there is no deviation from the mean, and the gradient is exactly 0.
    assertWithin(1e-13 * Math.max(1, largest(closed)), closed, step.backward(dy).dhprebn());
  }

  @ParameterizedTest
  @CsvSource({"1, 2", "0, 1.5"})
  void theVarianceDividesByNMinusTheCorrection(int correction, double variance) {
    INDArray x = Nd4j.createFromArray(0.0, 1, 2, 3).reshape(4, 1).mul(Math.sqrt(1.2));
    INDArray one = Nd4j.ones(DataType.DOUBLE, 1, 1);

    BatchNormSteps step = BatchNormSteps.forward(x, one, one, correction, 1e-5);

    assertEquals(variance, step.bnvar().getDouble(0), 1e-15);
  }

  @Test
  void aLargeOffsetCostsNoDigits() {
    double step = 1.0 / 1024; // 1e6 ± step are exact, their squares are not
    INDArray x = Nd4j.createFromArray(1e6 - step, 1e6, 1e6 + step).reshape(3, 1);
    INDArray one = Nd4j.ones(DataType.DOUBLE, 1, 1);

    BatchNormSteps norm = BatchNormSteps.forward(x, one, one.mul(0));

    assertEquals(step * step, norm.bnvar().getDouble(0));
    double expected = step / Math.sqrt(step * step + 1e-5);
    assertEquals(expected, norm.hpreact().getDouble(2, 0), 1e-15);
  }

  @Test
  void argumentsOutOfRangeAreRefused() {
    INDArray x = Nd4j.ones(DataType.DOUBLE, 1, 3);

    assertRefused("hprebn's rows (1) must be at least 2 for the unbiased variance", x, x, 1, 1e-5);
    assertRefused("correction (2) must be 0 or 1", x, x, 2, 1e-5);
    assertRefused("eps (0.0) must be positive", x, x, 0, 0);
    assertRefused("bngain [3, 1] must be [1, 3]", x, x.transpose(), 0, 1e-5);
  }

  private static void assertRefused(
      String message, INDArray x, INDArray gain, int correction, double eps) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> BatchNormSteps.forward(x, gain, x, correction, eps));
    assertEquals(message, e.getMessage());
  }

  private static void assertWithin(double allowed, INDArray expected, INDArray actual) {
    double diff = largest(expected.sub(actual));
    assertTrue(diff <= allowed, () -> "differs by " + diff + ", allowed " + allowed);
  }

  private static double largest(INDArray x) {
    return x.amaxNumber().doubleValue();
  }
}

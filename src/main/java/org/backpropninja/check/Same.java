package org.backpropninja.check;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Requires that arrays hold the numbers that they have to. */
final class Same {

  static final double EXACT = 0;

  /** For what is computed twice in double, in one way or another. */
  static final double ROUNDING = 1e-9;

  /**
   * The kit's numbers are about 1; where they cancel out, rounding errors of this size are left.
   */
  private static final double LEAST = 0.1;

  private static final String EXPECTED = "expected";

  private Same() {}

  /** Requires the same numbers bit for bit. */
  static void exactly(Trial trial, String what, INDArray got, INDArray expected) {
    require(trial, what, got, EXPECTED, expected, EXACT);
  }

  /** Requires the same numbers but for rounding in double. */
  static void require(Trial trial, String what, INDArray got, INDArray expected) {
    require(trial, what, got, EXPECTED, expected, ROUNDING);
  }

  /**
   * Requires the same numbers up to a tolerance.
   *
   * @param what is compared, for the message
   * @param got the numbers in question
   * @param reference where the right ones come from, for the message
   * @param tolerance relative to the largest number
   */
  static void require(
      Trial trial,
      String what,
      INDArray got,
      String reference,
      INDArray expected,
      double tolerance) {
    trial.require(
        Arrays.equals(got.shape(), expected.shape()),
        "%s: shape %s, %s %s",
        what,
        Arrays.toString(got.shape()),
        reference,
        Arrays.toString(expected.shape()));
    double[] a = Slopes.elements(got);
    double[] b = Slopes.elements(expected);
    double largest = Arrays.stream(b).map(Math::abs).filter(Double::isFinite).max().orElse(0);
    double allowed = tolerance * Math.max(LEAST, largest);
    int worst = -1;
    int different = 0;
    for (int k = 0; k < a.length; k++) {
      if (!isWithin(a[k], b[k], allowed)) {
        worst = worst < 0 || isFurther(a, b, k, worst) ? k : worst;
        different++;
      }
    }
    if (different > 0) {
      throw trial.finding(
          "%s%s: %s, %s %s; %d of %d elements differ"
              .formatted(
                  what,
                  Slopes.index(got.shape(), worst),
                  a[worst],
                  reference,
                  b[worst],
                  different,
                  a.length));
    }
  }

  private static boolean isWithin(double got, double expected, double allowed) {
    return Double.compare(got, expected) == 0 || Math.abs(got - expected) <= allowed;
  }

  /** Numbers that are not finite are furthest. */
  private static boolean isFurther(double[] got, double[] expected, int k, int worst) {
    return !(Math.abs(got[k] - expected[k]) <= Math.abs(got[worst] - expected[worst]));
  }

  /** Requires that no number is NaN or infinite. */
  static void finite(Trial trial, String what, INDArray x) {
    double[] values = Slopes.elements(x);
    for (int k = 0; k < values.length; k++) {
      trial.require(
          Double.isFinite(values[k]), "%s%s is %s", what, Slopes.index(x.shape(), k), values[k]);
    }
  }
}

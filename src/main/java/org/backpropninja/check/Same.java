package org.backpropninja.check;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Requires that two arrays hold the same numbers. */
final class Same {

  static final double EXACT = 0;
  static final double ROUNDING = 1e-9; // relative to the largest number, in double

  private Same() {}

  /** Requires it bit for bit. */
  static void exactly(Trial trial, String what, INDArray expected, INDArray got) {
    require(trial, what, got, "expected", expected, EXACT);
  }

  /**
   * Requires it.
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
    int first = -1;
    int different = 0;
    for (int k = a.length - 1; k >= 0; k--) {
      boolean same =
          Double.compare(a[k], b[k]) == 0 || Math.abs(a[k] - b[k]) <= tolerance * largest;
      if (!same) {
        first = k;
        different++;
      }
    }
    if (different > 0) {
      throw trial.finding(
          "%s%s: %s, %s %s; %d of %d elements differ"
              .formatted(
                  what,
                  Slopes.index(got.shape(), first),
                  a[first],
                  reference,
                  b[first],
                  different,
                  a.length));
    }
  }
}

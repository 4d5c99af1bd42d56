package org.backpropninja.check;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Compares two arrays of which one is right. */
final class Close {

  /** For what is computed twice in double, in one way or another. */
  static final double ROUNDING = 1e-9;

  private Close() {}

  /**
   * Requires that no two elements differ by more than a tolerance, relative to the largest of the
   * element, the array's root mean square, and 1: the kit's numbers are about 1, and where they
   * cancel out, rounding errors are left.
   *
   * @param name of what is compared
   */
  static void require(Trial trial, String name, INDArray got, INDArray expected, double tolerance) {
    trial.require(
        Arrays.equals(got.shape(), expected.shape()),
        "%s has shape %s, not %s",
        name,
        Arrays.toString(got.shape()),
        Arrays.toString(expected.shape()));
    double[] is = Slopes.elements(got);
    double[] right = Slopes.elements(expected);
    double meanSquare = Arrays.stream(right).map(each -> each * each).average().orElse(0);
    double typical = Math.max(1, Math.sqrt(meanSquare));
    int worst = -1;
    double most = 1;
    for (int k = 0; k < is.length; k++) {
      double excess =
          Math.abs(is[k] - right[k]) / (tolerance * Math.max(Math.abs(right[k]), typical));
      if (is[k] != right[k] && !(excess <= most)) { // so too if it is NaN
        worst = k;
        most = excess;
      }
    }
    trial.require(
        worst < 0,
        "%s%s: expected %s, got %s",
        name,
        worst < 0 ? "" : Slopes.index(expected.shape(), worst),
        worst < 0 ? 0 : right[worst],
        worst < 0 ? 0 : is[worst]);
  }
}

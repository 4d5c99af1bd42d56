package org.backpropninja.check;

import java.util.Arrays;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Compares arrays that have to be the same. */
final class Bits {

  private Bits() {}

  /**
   * Requires two arrays to be equal bit for bit.
   *
   * @param name of the array, for the message
   * @param whose where {@code got} comes from
   */
  static void require(Trial trial, String name, String whose, INDArray expected, INDArray got) {
    requireClose(trial, name, whose, expected, got, 0);
  }

  /** Requires two arrays to be equal up to a tolerance. */
  static void requireClose(
      Trial trial, String name, String whose, INDArray expected, INDArray got, double tolerance) {
    trial.require(
        Arrays.equals(expected.shape(), got.shape()),
        "%s %s has shape %s, not %s",
        name,
        whose,
        Arrays.toString(got.shape()),
        Arrays.toString(expected.shape()));
    double[] e = Slopes.elements(expected);
    double[] g = Slopes.elements(got);
    int worst = 0;
    int wrong = 0;
    for (int k = 0; k < e.length; k++) {
      wrong += isSame(e[k], g[k], tolerance) ? 0 : 1;
      worst = difference(e[k], g[k]) > difference(e[worst], g[worst]) ? k : worst;
    }
    if (wrong > 0) {
      throw trial.finding(
          "%s%s %s: %s, expected %s; %d of %d elements are wrong"
              .formatted(
                  name,
                  Slopes.index(expected.shape(), worst),
                  whose,
                  g[worst],
                  e[worst],
                  wrong,
                  e.length));
    }
  }

  private static boolean isSame(double expected, double got, double tolerance) {
    return Double.compare(expected, got) == 0 || Math.abs(expected - got) <= tolerance;
  }

  private static double difference(double expected, double got) {
    if (Double.compare(expected, got) == 0) {
      return 0;
    }
    double difference = Math.abs(expected - got);
    return Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
  }
}

package org.backpropninja.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.Arrays;

/** Comparisons of arrays. */
public final class Close {

  private Close() {}

  /**
   * Asserts |actual − expected| ≤ relative·max|expected| for each element: relative to the whole
   * array, because an element that is a difference of large ones has their rounding, not its own.
   */
  public static void assertClose(String what, double[] expected, double[] actual, double relative) {
    assertWithin(what, expected, actual, relative * largest(expected));
  }

  /** Asserts |actual − expected| ≤ absolute for each element. */
  public static void assertWithin(
      String what, double[] expected, double[] actual, double absolute) {
    assertEquals(expected.length, actual.length, what + ": length");
    for (int k = 0; k < expected.length; k++) {
      if (!(Math.abs(actual[k] - expected[k]) <= absolute)) { // NaN fails too
        fail(
            "%s[%d]: expected %s, was %s, may differ by %s"
                .formatted(what, k, expected[k], actual[k], absolute));
      }
    }
  }

  public static double largest(double[] x) {
    return Arrays.stream(x).map(Math::abs).max().orElse(0);
  }
}

package org.backpropninja.math;

import java.util.Arrays;
import java.util.Random;

/** Random numbers for tests of both precisions. */
final class Numbers {

  private Numbers() {}

  /** Numbers that float has too, around an offset. */
  static double[] floats(long seed, int length, double offset, double width) {
    return new Random(seed)
        .doubles(length, -width, width)
        .map(value -> (float) (offset + value))
        .toArray();
  }

  static double[] doubles(long seed, int length, double offset, double width) {
    return new Random(seed).doubles(length, -width, width).map(d -> offset + d).toArray();
  }

  /** Results are overwritten, whatever stood there. */
  static double[] filled(int length, double value) {
    double[] x = new double[length];
    Arrays.fill(x, value);
    return x;
  }

  static float[] rounded(double[] x) {
    float[] rounded = new float[x.length];
    for (int k = 0; k < x.length; k++) {
      rounded[k] = (float) x[k];
    }
    return rounded;
  }
}

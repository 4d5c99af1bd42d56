package org.backpropninja.math;

import java.util.Arrays;

/** What each stripe's columns sum up to, added in the order of the stripes. */
final class SumsOfStripes {

  private final int columns;
  private double[][] sums = {};

  SumsOfStripes(int columns) {
    this.columns = columns;
  }

  /** Makes room for so many stripes. */
  void prepare(int stripes) {
    int before = sums.length;
    if (before < stripes || before / 4 >= stripes) {
      sums = Arrays.copyOf(sums, stripes);
      for (int s = Math.min(before, stripes); s < stripes; s++) {
        sums[s] = new double[columns];
      }
    }
  }

  double[] of(int stripe) {
    return sums[stripe];
  }

  /** total[j] = the sum of column j over the first so many stripes. */
  void total(int stripes, double[] total) {
    System.arraycopy(sums[0], 0, total, 0, columns);
    for (int s = 1; s < stripes; s++) {
      for (int j = 0; j < columns; j++) {
        total[j] += sums[s][j];
      }
    }
  }
}

package org.backpropninja.math;

import java.util.Arrays;

/** Sums over the rows of a matrix. */
final class Columns {

  private Columns() {}

  /**
   * Sums each column.
   *
   * @param x matrix [n, H]
   * @param n rows
   * @param sum result [H], overwritten
   */
  static void sum(double[] x, int n, double[] sum) {
    Arrays.fill(sum, 0);
    double[] row = new double[sum.length];
    for (int i = 0; i < n; i++) {
      System.arraycopy(x, i * row.length, row, 0, row.length);
      add(row, sum);
    }
  }

  private static void add(double[] row, double[] sum) {
    for (int j = 0; j < sum.length; j++) {
      sum[j] += row[j];
    }
  }
}

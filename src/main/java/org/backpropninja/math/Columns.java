package org.backpropninja.math;

import java.util.Arrays;

/** Sums over the rows of a matrix. */
public final class Columns {

  private final int H;
  private final Block rows;
  private final Block sums;

  /**
   * Makes the buffers.
   *
   * @param H number of columns, at least 1
   * @param precision of the sums over 64 blocks of rows, which are then summed up in double
   */
  public Columns(int H, Precision precision) {
    this.H = H;
    rows = Block.of(precision, H);
    sums = Block.of(precision, H);
  }

  /**
   * Sums each column.
   *
   * @param x matrix [n, H]
   * @param n rows
   * @param sum result [H], overwritten
   */
  public void sum(Elements x, int n, double[] sum) {
    Arrays.fill(sum, 0);
    sums.clear(); // a pass that failed may have left something
    int blocks = 0;
    int some = Block.rows(H);
    for (int i = 0; i < n; i += some) {
      rows.read(x, i, Math.min(some, n - i));
      sums.add(rows);
      if (++blocks % Block.SUMMED == 0) {
        sums.moveInto(sum);
      }
    }
    sums.moveInto(sum);
  }
}

package org.backpropninja.layers;

/** Gathers the rows of a matrix that a mask keeps, and puts them back. */
final class Rows {

  private Rows() {}

  /**
   * Moves the kept rows to the top, in place.
   *
   * @param x matrix [n, width]
   * @param kept which rows, null for all
   * @return how many
   */
  static int gather(double[] x, int width, int n, boolean[] kept) {
    if (kept == null) {
      return n;
    }
    int rows = 0;
    for (int i = 0; i < n; i++) {
      if (kept[i]) {
        System.arraycopy(x, i * width, x, rows++ * width, width);
      }
    }
    return rows;
  }

  /**
   * Copies the top rows back to where the kept ones stood.
   *
   * @param x what {@link #gather} left
   * @return a matrix [n, width] with zeros in the other rows
   */
  static double[] scatter(double[] x, int width, int n, boolean[] kept) {
    double[] out = new double[n * width];
    int row = 0;
    for (int i = 0; i < n; i++) {
      if (kept[i]) {
        System.arraycopy(x, row++ * width, out, i * width, width);
      }
    }
    return out;
  }
}

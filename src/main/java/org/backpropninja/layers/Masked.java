package org.backpropninja.layers;

import org.backpropninja.math.Matrix;

/** Gathers the rows of a matrix that a mask keeps, and puts them back. */
final class Masked {

  private Masked() {}

  /** The rows that are present, in a matrix of their own; null if there are none. */
  static Matrix gather(Matrix x, boolean[] present) {
    int rows = 0;
    for (boolean one : present) {
      rows += one ? 1 : 0;
    }
    if (rows == 0) {
      return null;
    }
    int width = x.columns();
    Matrix some = x.another(rows, width);
    double[] row = new double[width];
    for (int i = 0, to = 0; i < present.length; i++) {
      if (present[i]) {
        x.read(i * width, width, row);
        some.write(row, to++ * width, width);
      }
    }
    return some;
  }

  /** Copies the rows, if there are any, to where the present ones stand, and zeros elsewhere. */
  static void scatter(Matrix some, boolean[] present, Matrix to) {
    int width = to.columns();
    double[] zeros = new double[width];
    double[] row = new double[width];
    for (int i = 0, from = 0; i < present.length; i++) {
      if (present[i]) {
        some.read(from++ * width, width, row);
      }
      to.write(present[i] ? row : zeros, i * width, width);
    }
  }

  /** Where in the minibatch a row of the gathered ones stands. */
  static int number(boolean[] present, int row) {
    int i = -1;
    for (int left = row; left >= 0; ) {
      if (present[++i]) {
        left--;
      }
    }
    return i;
  }
}

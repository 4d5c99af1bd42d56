package org.backpropninja.layers;

import org.backpropninja.math.Matrix;

/**
 * Gathers the rows of a matrix that a mask keeps, and puts them back.
 *
 * <p>A mask may also cut each row into equal parts, such as the positions of an example: a part is
 * then a row of what is gathered.
 */
final class Masked {

  private Masked() {}

  /** A matrix for the rows that are present, uninitialised; null if there are none. */
  static Matrix another(Matrix x, boolean[] present) {
    int rows = 0;
    for (boolean one : present) {
      rows += one ? 1 : 0;
    }
    return rows == 0 ? null : x.another(rows, x.length() / present.length);
  }

  /** The rows that are present, in a matrix of their own; null if there are none. */
  static Matrix gather(Matrix x, boolean[] present) {
    Matrix some = another(x, present);
    if (some == null) {
      return null;
    }
    int width = some.columns();
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
    int width = to.length() / present.length;
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

package org.backpropninja.math;

/**
 * What a forward pass keeps for the way back: a matrix in a Java array that the next pass uses
 * again, while it is large enough and not four times too large.
 */
final class Kept {

  private static final int TOO_LARGE = 4; // times what is needed
  private static final int SMALL = 4096; // elements that are not worth giving back

  private final Precision precision;
  private float[] floats = {};
  private double[] doubles = {};

  Kept(Precision precision) {
    this.precision = precision;
  }

  /** A matrix of that shape, uninitialised; the one before is overwritten. */
  Matrix matrix(int rows, int columns) {
    int length = Math.multiplyExact(rows, columns);
    if (precision == Precision.SINGLE) {
      floats = suits(floats.length, length) ? floats : new float[length];
      return Matrix.of(floats, rows, columns);
    }
    doubles = suits(doubles.length, length) ? doubles : new double[length];
    return Matrix.of(doubles, rows, columns);
  }

  /** Whether memory for so many elements will do for those needed. */
  static boolean suits(int present, int needed) {
    return present >= needed && (present <= SMALL || present / TOO_LARGE < needed);
  }

  /** The matrix given, if it is like {@code example} in shape, or a new one that is. */
  static Matrix reuse(Matrix present, Matrix example) {
    return present != null
            && present.rows() == example.rows()
            && present.columns() == example.columns()
        ? present
        : example.another(example.rows(), example.columns());
  }
}

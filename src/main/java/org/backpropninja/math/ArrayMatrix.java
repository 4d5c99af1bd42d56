package org.backpropninja.math;

import java.util.Objects;

/** A matrix in a Java array. */
abstract class ArrayMatrix extends Matrix {

  private ArrayMatrix(int rows, int columns, Precision precision, int capacity) {
    super(rows, columns, precision);
    if (capacity < length()) {
      throw new IllegalArgumentException(
          "values (%d) must be at least [%d, %d]".formatted(capacity, rows, columns));
    }
  }

  abstract double get(int element);

  abstract void set(int element, double value);

  private double get(int row, int column, boolean transpose) {
    return transpose ? get(column * columns() + row) : get(row * columns() + column);
  }

  /** The matrix product by hand, three loops. */
  @Override
  protected void multiply(
      Matrix left, boolean transposeA, Matrix right, boolean transposeB, boolean add) {
    ArrayMatrix a = copy(left);
    ArrayMatrix b = copy(right);
    int m = rows();
    int n = columns();
    int k = transposeA ? a.rows() : a.columns();
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = add ? get(i * n + j) : 0;
        for (int l = 0; l < k; l++) {
          sum += a.get(i, l, transposeA) * b.get(l, j, transposeB);
        }
        set(i * n + j, sum);
      }
    }
  }

  private static ArrayMatrix copy(Matrix x) {
    if (x instanceof ArrayMatrix array) {
      return array;
    }
    double[] values = new double[x.length()];
    x.read(0, values.length, values);
    return new Doubles(values, x.rows(), x.columns());
  }

  static final class Floats extends ArrayMatrix {
    private final float[] values;

    Floats(float[] values, int rows, int columns) {
      super(rows, columns, Precision.SINGLE, values.length);
      this.values = values;
    }

    @Override
    double get(int element) {
      return values[element];
    }

    @Override
    void set(int element, double value) {
      values[element] = (float) value;
    }

    @Override
    public void read(int first, int length, float[] into) {
      Objects.checkFromIndexSize(first, length, length());
      System.arraycopy(values, first, into, 0, length);
    }

    @Override
    public void read(int first, int length, double[] into) {
      Objects.checkFromIndexSize(first, length, length());
      for (int k = 0; k < length; k++) {
        into[k] = values[first + k];
      }
    }

    @Override
    public void write(float[] from, int first, int length) {
      Objects.checkFromIndexSize(first, length, length());
      System.arraycopy(from, 0, values, first, length);
    }

    @Override
    public void write(double[] from, int first, int length) {
      Objects.checkFromIndexSize(first, length, length());
      for (int k = 0; k < length; k++) {
        values[first + k] = (float) from[k];
      }
    }

    @Override
    public Matrix another(int rows, int columns) {
      return new Floats(new float[rows * columns], rows, columns);
    }
  }

  static final class Doubles extends ArrayMatrix {
    private final double[] values;

    Doubles(double[] values, int rows, int columns) {
      super(rows, columns, Precision.DOUBLE, values.length);
      this.values = values;
    }

    @Override
    double get(int element) {
      return values[element];
    }

    @Override
    void set(int element, double value) {
      values[element] = value;
    }

    @Override
    public void read(int first, int length, float[] into) {
      Objects.checkFromIndexSize(first, length, length());
      for (int k = 0; k < length; k++) {
        into[k] = (float) values[first + k];
      }
    }

    @Override
    public void read(int first, int length, double[] into) {
      Objects.checkFromIndexSize(first, length, length());
      System.arraycopy(values, first, into, 0, length);
    }

    @Override
    public void write(float[] from, int first, int length) {
      Objects.checkFromIndexSize(first, length, length());
      for (int k = 0; k < length; k++) {
        values[first + k] = from[k];
      }
    }

    @Override
    public void write(double[] from, int first, int length) {
      Objects.checkFromIndexSize(first, length, length());
      System.arraycopy(from, 0, values, first, length);
    }

    @Override
    public Matrix another(int rows, int columns) {
      return new Doubles(new double[rows * columns], rows, columns);
    }
  }
}

package org.backpropninja.math;

/**
 * A dense matrix, wherever its elements are: in a Java array, or in an ND4J array's own memory.
 *
 * <p>Elements are numbered from 0, row by row. They are copied out and in a stretch at a time, so
 * that loops run over Java arrays that stay in the cache. Shapes and stretches are checked.
 */
public abstract class Matrix {

  private final int rows;
  private final int columns;
  private final Precision precision;

  /**
   * Describes a matrix.
   *
   * @param rows how many
   * @param columns how many
   * @param precision the type of its elements
   * @throws IllegalArgumentException if there are more than 2³¹ − 1 elements
   */
  protected Matrix(long rows, long columns, Precision precision) {
    if (rows * columns > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "matrix [%d, %d] must hold at most %d elements"
              .formatted(rows, columns, Integer.MAX_VALUE));
    }
    this.rows = (int) rows;
    this.columns = (int) columns;
    this.precision = precision;
  }

  /**
   * Makes a matrix of a plain array.
   *
   * @param values row by row; may be longer than the matrix
   * @param rows how many
   * @param columns how many
   * @return the array itself, not a copy
   */
  public static Matrix of(float[] values, int rows, int columns) {
    return new ArrayMatrix.Floats(values, rows, columns);
  }

  /**
   * Makes a matrix of a plain array.
   *
   * @param values row by row; may be longer than the matrix
   * @param rows how many
   * @param columns how many
   * @return the array itself, not a copy
   */
  public static Matrix of(double[] values, int rows, int columns) {
    return new ArrayMatrix.Doubles(values, rows, columns);
  }

  /**
   * Returns the number of rows.
   *
   * @return rows
   */
  public final int rows() {
    return rows;
  }

  /**
   * Returns the number of columns.
   *
   * @return columns
   */
  public final int columns() {
    return columns;
  }

  /**
   * Returns the number of elements.
   *
   * @return rows times columns
   */
  public final int length() {
    return rows * columns;
  }

  /**
   * Returns the type of the elements.
   *
   * @return float or double
   */
  public final Precision precision() {
    return precision;
  }

  /**
   * Copies a stretch out, rounded if need be.
   *
   * @param first number of the first element
   * @param length how many
   * @param into takes them from its start
   * @throws IndexOutOfBoundsException if the stretch reaches beyond the matrix
   */
  public abstract void read(int first, int length, float[] into);

  /**
   * Copies a stretch out.
   *
   * @param first number of the first element
   * @param length how many
   * @param into takes them from its start
   * @throws IndexOutOfBoundsException if the stretch reaches beyond the matrix
   */
  public abstract void read(int first, int length, double[] into);

  /**
   * Copies a stretch in.
   *
   * @param from what to copy, from its start
   * @param first number of the first element
   * @param length how many
   * @throws IndexOutOfBoundsException if the stretch reaches beyond the matrix
   */
  public abstract void write(float[] from, int first, int length);

  /**
   * Copies a stretch in, rounded if need be.
   *
   * @param from what to copy, from its start
   * @param first number of the first element
   * @param length how many
   * @throws IndexOutOfBoundsException if the stretch reaches beyond the matrix
   */
  public abstract void write(double[] from, int first, int length);

  /**
   * Copies some rows out, without touching the others.
   *
   * @param rows which rows
   * @param count how many of {@code rows} are used
   * @param into the rows one after the other
   */
  public void readRows(int[] rows, int count, float[] into) {
    float[] row = new float[columns];
    for (int k = 0; k < count; k++) {
      read(rows[k] * columns, columns, row);
      System.arraycopy(row, 0, into, k * columns, columns);
    }
  }

  /**
   * Copies some rows out, without touching the others.
   *
   * @param rows which rows
   * @param count how many of {@code rows} are used
   * @param into the rows one after the other
   */
  public void readRows(int[] rows, int count, double[] into) {
    double[] row = new double[columns];
    for (int k = 0; k < count; k++) {
      read(rows[k] * columns, columns, row);
      System.arraycopy(row, 0, into, k * columns, columns);
    }
  }

  /**
   * Writes some rows, and zeros everywhere else.
   *
   * @param from the rows one after the other, rounded if need be
   * @param rows where they go, none twice
   * @param count how many of {@code rows} are used
   */
  public void writeRows(double[] from, int[] rows, int count) {
    double[] row = new double[columns];
    for (int i = 0; i < this.rows; i++) {
      write(row, i * columns, columns);
    }
    for (int k = 0; k < count; k++) {
      System.arraycopy(from, k * columns, row, 0, columns);
      write(row, rows[k] * columns, columns);
    }
  }

  /**
   * Computes {@code this = op(a)·op(b)}, or adds that, where op transposes or not.
   *
   * @param a op(a) being [rows, k]
   * @param transposeA whether op transposes it
   * @param b op(b) being [k, columns]
   * @param transposeB whether op transposes it
   * @param add whether to add to what this matrix holds
   * @throws IllegalArgumentException if the shapes do not fit
   */
  public final void product(
      Matrix a, boolean transposeA, Matrix b, boolean transposeB, boolean add) {
    int m = transposeA ? a.columns : a.rows;
    int k = transposeA ? a.rows : a.columns;
    int sameK = transposeB ? b.columns : b.rows;
    int n = transposeB ? b.rows : b.columns;
    if (m != rows || n != columns || k != sameK) {
      throw new IllegalArgumentException(
          "product of [%d, %d] and [%d, %d] must be of shape [%d, %d], was to go into [%d, %d]"
              .formatted(m, k, sameK, n, m, n, rows, columns));
    }
    multiply(a, transposeA, b, transposeB, add);
  }

  /** The product of matrices whose shapes fit. */
  protected abstract void multiply(
      Matrix a, boolean transposeA, Matrix b, boolean transposeB, boolean add);

  /**
   * Makes another matrix of this one's kind and type.
   *
   * @param rows how many
   * @param columns how many
   * @return a new matrix, uninitialised
   */
  public abstract Matrix another(int rows, int columns);

  /**
   * Compares shapes.
   *
   * @param other matrix
   * @return whether it has as many rows and columns
   */
  public final boolean isOfShape(Matrix other) {
    return rows == other.rows && columns == other.columns;
  }

  /** Refuses another shape, naming the matrix. */
  final void require(String name, int rows, int columns) {
    if (this.rows != rows || this.columns != columns) {
      throw new IllegalArgumentException(
          "%s must be [%d, %d], was [%d, %d]"
              .formatted(name, rows, columns, this.rows, this.columns));
    }
  }
}

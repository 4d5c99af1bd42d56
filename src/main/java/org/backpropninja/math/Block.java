package org.backpropninja.math;

/**
 * Some rows of a matrix, few enough to stay in the cache, and the loops over their elements.
 * Formulas are written in terms of it, so that they stand in one place for {@code float} and for
 * {@code double}.
 *
 * <p>A row of column values, such as the means, is a block too: the row broadcast to each row of
 * the block. All loops then run over arrays that are indexed alike, which the JIT compiler turns
 * into vector instructions. What is one number a row or a column is double.
 */
abstract class Block {

  /**
   * Elements: so few that the four or five blocks of a loop fit the first-level cache, and no power
   * of two, which would put blocks made one after the other 4 KiB apart, where the processor takes
   * a load of one for a load of what it has just stored to the other.
   */
  private static final int ELEMENTS = 1480;

  final int columns;
  final int capacity; // elements, of whole rows
  int length; // elements in use

  Block(int columns, int rows) {
    this.columns = columns;
    capacity = Math.multiplyExact(rows, columns);
  }

  static Block of(Precision precision, int columns) {
    return of(precision, columns, rows(columns));
  }

  static Block of(Precision precision, int columns, int rows) {
    return precision == Precision.SINGLE
        ? new FloatBlock(columns, rows)
        : new DoubleBlock(columns, rows);
  }

  /** Rows in a full block of a matrix of so many columns. */
  static int rows(int columns) {
    return Math.max(1, ELEMENTS / columns);
  }

  final int rows() {
    return length / columns;
  }

  // From and to matrices

  /** Takes some rows of a matrix. */
  abstract void read(Matrix from, int firstRow, int rows);

  /** Gives its rows to a matrix. */
  final void write(Matrix to, int firstRow) {
    writeRows(to, firstRow, rows());
  }

  /** Gives its first rows to a matrix. */
  abstract void writeRows(Matrix to, int firstRow, int rows);

  /** Takes the rows of a matrix that are named. */
  abstract void readRows(Matrix from, int[] rows, int count);

  // One row, broadcast

  /** Takes a row, rounded, as often as it has room. */
  abstract void broadcast(double[] row);

  /** Takes a matrix's only row as often as it has room. */
  abstract void broadcast(Matrix row);

  /** What {@link #broadcast(double[])} makes of a number. */
  abstract double rounded(double value);

  // Element by element

  /** Makes it empty, and all of it 0. */
  abstract void clear();

  /** this = this + x, where x may have more rows. */
  abstract void add(Block x);

  /** this = this + x·y, where x may have more rows. */
  abstract void addProduct(Block x, Block y);

  /** this = x − shift, sum = sum + this, squares = squares + this². */
  abstract void addDeviations(Block x, Block shift, Block sum, Block squares);

  /** this = this + 0·x, which stays 0 where x is finite. */
  abstract void addZeroTimes(Block x);

  /** this = this − x. */
  abstract void subtract(Block x);

  /** this = (this − x − y)·z. */
  abstract void subtractAndScale(Block x, Block y, Block z);

  /** this = x·scale + shift. */
  abstract void scaleAndShift(Block x, Block scale, Block shift);

  /** this = a·x + b·y + c. */
  abstract void combine(Block a, Block x, Block b, Block y, Block c);

  /** this = this/divisor·factor, each operation rounded. */
  abstract void divideAndScale(double divisor, double factor);

  /** The same, and x = x − this. */
  abstract void divideAndScale(double divisor, double factor, Block x);

  /** this = tanh(this). */
  abstract void tanh();

  /** this = (1 − h²)·this. */
  abstract void tanhBackward(Block h);

  /** this = eˣ, where x is not positive. */
  abstract void exp(Block x);

  /** Whether all of it is 0. */
  abstract boolean isZero();

  /** The element in that place, row by row. */
  abstract double get(int element);

  /** Subtracts from the element in that place. */
  abstract void subtractAt(int element, double value);

  /** Whether division is multiplication by the inverse, which is faster and as exact. */
  static boolean isPowerOfTwo(double divisor) {
    return Math.getExponent(divisor) > 0 && divisor == Math.scalb(1, Math.getExponent(divisor));
  }

  // Columns

  /**
   * sum[j] = sum[j] + Σ_rows this[row, j], and makes it empty. The rows are added in pairs, the
   * sums in pairs and so on, so that many of them are rounded a few times only.
   */
  abstract void moveInto(double[] sum);

  // Rows

  /** largest[i] = the largest element of row i. */
  abstract void maxOfRows(double[] largest);

  /** sum[i] = Σ_columns this[i, j]. */
  abstract void sumOfRows(double[] sum);

  /** sum[i] = Σ_columns this[i, j]·x[i, j]. */
  abstract void sumOfRowsTimes(Block x, double[] sum);

  /** this[i, j] = this[i, j] − value[i]. */
  abstract void subtractFromRows(double[] value);

  /** this[i, j] = this[i, j]·factor[i]. */
  abstract void scaleRows(double[] factor);

  /** Makes a row 0. */
  abstract void clearRow(int row);

  // Lookups

  /** Takes the vectors numbers[first], numbers[first + 1] … of {@code vectors}, as its rows. */
  abstract void gather(Block vectors, int[] numbers, int first, int count);

  /** sums[numbers[first + i], j] = that + this[i, j], for each of its rows i. */
  abstract void scatterAdd(int[] numbers, int first, double[] sums);
}

package org.backpropninja.math;

/**
 * Some rows of a matrix, few enough to stay in the cache, and the loops over their elements.
 * Formulas are written in terms of it, so that they stand in one place for {@code float} and for
 * {@code double}.
 *
 * <p>A row of column values, such as the means, is a block too: the row once for each row of the
 * block. All loops then run over arrays that are indexed alike, which the JIT compiler turns into
 * vector instructions.
 */
abstract class Block {

  /**
   * Elements: so few that the blocks of a loop stay near the processor, and no power of two, which
   * would put blocks made one after the other 4 KiB apart, where the processor takes a load of one
   * for a load of what it has just stored to the other.
   */
  private static final int ELEMENTS = 2960;

  /** Blocks that are summed up in the block's own type, before the sum goes on in double. */
  static final int SUMMED = 64;

  final int columns;
  final int capacity; // elements, of whole rows
  int length; // elements in use

  Block(int columns) {
    this.columns = columns;
    capacity = rows(columns) * columns;
  }

  static Block of(Precision precision, int columns) {
    return precision == Precision.SINGLE ? new FloatBlock(columns) : new DoubleBlock(columns);
  }

  /** Rows in a full block of a matrix of so many columns. */
  static int rows(int columns) {
    return Math.max(1, ELEMENTS / columns);
  }

  /** Takes some rows of a matrix. */
  abstract void read(Elements from, int firstRow, int rows);

  /** Gives its rows to a matrix. */
  abstract void write(Elements to, int firstRow);

  /** Takes a row, rounded, as often as it has room. */
  abstract void repeat(double[] row);

  /** What {@link #repeat} makes of a number. */
  abstract double rounded(double value);

  /** Makes all of it 0. */
  abstract void clear();

  /** this = this + x. */
  abstract void add(Block x);

  /** this = this + x·y. */
  abstract void addProduct(Block x, Block y);

  /** this = this + 0·x, which stays 0 where x is finite. */
  abstract void addZeroTimes(Block x);

  /** this = this − x. */
  abstract void subtract(Block x);

  /** this = x·scale + shift. */
  abstract void scaleAndShift(Block x, Block scale, Block shift);

  /** this = this·scale + x·factor + shift. */
  abstract void combine(Block scale, Block x, Block factor, Block shift);

  /** this = tanh(this). */
  abstract void tanh();

  /** this = (1 − h²)·this. */
  abstract void tanhBackward(Block h);

  /** Whether all of it is 0. */
  abstract boolean isZero();

  /**
   * sum[j] = sum[j] + Σ_rows this[row, j], and makes all of it 0. The rows are added in pairs, the
   * sums in pairs and so on, so that many of them are rounded a few times only.
   */
  abstract void moveInto(double[] sum);
}

package org.backpropninja.math;

import java.util.Arrays;

/**
 * The sum of each column over the blocks of a stripe: in the blocks' own type over some of them, in
 * double from there on.
 */
final class ColumnSums {

  /** Blocks that are summed up in their own type. */
  private static final int SOME = 64;

  private final Block sumOfSome;
  private int blocks;
  private double[] sum; // [H]

  ColumnSums(Precision precision, int columns) {
    sumOfSome = Block.of(precision, columns);
  }

  /** Starts anew, whatever a pass that failed may have left. */
  void start(double[] sum) {
    this.sum = sum;
    Arrays.fill(sum, 0);
    sumOfSome.clear();
    blocks = 0;
  }

  /** Adds the rows of x. */
  void add(Block x) {
    sumOfSome.add(x);
    count();
  }

  /** Adds the rows of x·y. */
  void addProduct(Block x, Block y) {
    sumOfSome.addProduct(x, y);
    count();
  }

  /**
   * Adds the rows of {@code deviations} = x − shift, and to {@code squares} those of their squares.
   */
  void addDeviations(Block x, Block shift, Block deviations, ColumnSums squares) {
    deviations.addDeviations(x, shift, sumOfSome, squares.sumOfSome);
    count();
    squares.count();
  }

  private void count() {
    if (++blocks % SOME == 0) {
      sumOfSome.moveInto(sum);
    }
  }

  /** Completes the sum. */
  void finish() {
    sumOfSome.moveInto(sum);
    sum = null;
  }
}

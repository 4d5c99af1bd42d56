package org.backpropninja.math;

import java.util.Arrays;

/** A block in {@code double}. Each loop is a method of its own, short enough to be vectorised. */
final class DoubleBlock extends Block {

  private final double[] x;
  private final double[] lowerHalf;

  DoubleBlock(int columns) {
    super(columns);
    x = new double[capacity];
    lowerHalf = new double[capacity / columns / 2 * columns];
  }

  private static double[] x(Block block) {
    return ((DoubleBlock) block).x;
  }

  @Override
  void read(Elements from, int firstRow, int rows) {
    length = rows * columns;
    from.read(firstRow * columns, length, x);
  }

  @Override
  void write(Elements to, int firstRow) {
    to.write(x, firstRow * columns, length);
  }

  @Override
  void repeat(double[] row) {
    length = capacity;
    for (int j = 0; j < columns; j++) {
      x[j] = row[j];
    }
    for (int k = columns; k < capacity; k += columns) {
      System.arraycopy(x, 0, x, k, columns);
    }
  }

  @Override
  double rounded(double value) {
    return value;
  }

  @Override
  void clear() {
    length = capacity;
    Arrays.fill(x, 0);
  }

  @Override
  void add(Block y) {
    add(x, x(y), y.length);
  }

  private static void add(double[] x, double[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += y[k];
    }
  }

  @Override
  void addProduct(Block y, Block z) {
    addProduct(x, x(y), x(z), y.length);
  }

  private static void addProduct(double[] x, double[] y, double[] z, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += y[k] * z[k];
    }
  }

  @Override
  void addZeroTimes(Block y) {
    addZeroTimes(x, x(y), y.length);
  }

  private static void addZeroTimes(double[] x, double[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += 0 * y[k];
    }
  }

  @Override
  void subtract(Block y) {
    subtract(x, x(y), length);
  }

  private static void subtract(double[] x, double[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] -= y[k];
    }
  }

  @Override
  void scaleAndShift(Block y, Block scale, Block shift) {
    length = y.length;
    scaleAndShift(x, x(y), x(scale), x(shift), length);
  }

  private static void scaleAndShift(
      double[] x, double[] y, double[] scale, double[] shift, int length) {
    for (int k = 0; k < length; k++) {
      x[k] = y[k] * scale[k] + shift[k];
    }
  }

  @Override
  void combine(Block scale, Block y, Block factor, Block shift) {
    scaleAndShift(x, x, x(scale), x(shift), length);
    addProduct(x, x(y), x(factor), length);
  }

  @Override
  void tanh() {
    Tanh.forwardInPlace(x, length);
  }

  @Override
  void tanhBackward(Block h) {
    Tanh.backwardInPlace(x(h), x, length);
  }

  @Override
  boolean isZero() {
    for (int k = 0; k < capacity; k++) {
      if (x[k] != 0) { // NaN is not equal to 0
        return false;
      }
    }
    return true;
  }

  @Override
  void moveInto(double[] sum) {
    int rows = capacity / columns;
    while (rows > 1) { // adds the lower half to the upper one
      int half = (rows + 1) / 2;
      int below = (rows - half) * columns;
      System.arraycopy(x, half * columns, lowerHalf, 0, below);
      add(x, lowerHalf, below);
      rows = half;
    }
    for (int j = 0; j < columns; j++) {
      sum[j] += x[j];
    }
    clear();
  }
}

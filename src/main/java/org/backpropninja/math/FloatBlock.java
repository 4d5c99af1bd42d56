package org.backpropninja.math;

import java.util.Arrays;

/** A block in {@code float}. Each loop is a method of its own, short enough to be vectorised. */
final class FloatBlock extends Block {

  private final float[] x;
  private final float[] lowerHalf;

  FloatBlock(int columns) {
    super(columns);
    x = new float[capacity];
    lowerHalf = new float[capacity / columns / 2 * columns];
  }

  private static float[] x(Block block) {
    return ((FloatBlock) block).x;
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
      x[j] = (float) row[j];
    }
    for (int k = columns; k < capacity; k += columns) {
      System.arraycopy(x, 0, x, k, columns);
    }
  }

  @Override
  double rounded(double value) {
    return (float) value;
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

  private static void add(float[] x, float[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += y[k];
    }
  }

  @Override
  void addProduct(Block y, Block z) {
    addProduct(x, x(y), x(z), y.length);
  }

  private static void addProduct(float[] x, float[] y, float[] z, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += y[k] * z[k];
    }
  }

  @Override
  void addZeroTimes(Block y) {
    addZeroTimes(x, x(y), y.length);
  }

  private static void addZeroTimes(float[] x, float[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += 0 * y[k];
    }
  }

  @Override
  void subtract(Block y) {
    subtract(x, x(y), length);
  }

  private static void subtract(float[] x, float[] y, int length) {
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
      float[] x, float[] y, float[] scale, float[] shift, int length) {
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

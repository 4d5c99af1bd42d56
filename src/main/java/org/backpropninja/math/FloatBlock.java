package org.backpropninja.math;

import java.util.Arrays;

/** A block in {@code float}. Each loop is a method of its own, short enough to be vectorised. */
final class FloatBlock extends Block {

  /** Elements that are summed up in float, before the sum goes on in double. */
  private static final int SUMMED = 512;

  /** Elements of a long row that are compared side by side; see {@link Exp} for the number. */
  private static final int SIDE = 448;

  private final float[] x;
  private float[] lowerHalf = {};
  private float[] maxima = {}; // of a long row, SIDE of them
  private float[] next = {};
  private Exp exp; // null until it is needed

  FloatBlock(int columns, int rows) {
    super(columns, rows);
    x = new float[capacity];
  }

  private static float[] x(Block block) {
    return ((FloatBlock) block).x;
  }

  @Override
  void read(Matrix from, int firstRow, int rows) {
    length = rows * columns;
    from.read(firstRow * columns, length, x);
  }

  @Override
  void writeRows(Matrix to, int firstRow, int rows) {
    to.write(x, firstRow * columns, rows * columns);
  }

  @Override
  void readRows(Matrix from, int[] rows, int count) {
    length = count * columns;
    from.readRows(rows, count, x);
  }

  @Override
  void broadcast(double[] row) {
    for (int j = 0; j < columns; j++) {
      x[j] = (float) row[j];
    }
    broadcastFirstRow();
  }

  @Override
  void broadcast(Matrix row) {
    row.read(0, columns, x);
    broadcastFirstRow();
  }

  private void broadcastFirstRow() {
    length = capacity;
    for (int k = columns; k < capacity; k *= 2) {
      System.arraycopy(x, 0, x, k, Math.min(k, capacity - k));
    }
  }

  @Override
  double rounded(double value) {
    return (float) value;
  }

  @Override
  void clear() {
    Arrays.fill(x, 0, length, 0);
    length = 0;
  }

  @Override
  void add(Block y) {
    length = Math.max(length, y.length);
    add(x, x(y), y.length);
  }

  private static void add(float[] x, float[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += y[k];
    }
  }

  @Override
  void addProduct(Block y, Block z) {
    length = Math.max(length, y.length);
    addProduct(x, x(y), x(z), y.length);
  }

  private static void addProduct(float[] x, float[] y, float[] z, int length) {
    for (int k = 0; k < length; k++) {
      x[k] += y[k] * z[k];
    }
  }

  @Override
  void addDeviations(Block y, Block shift, Block sum, Block squares) {
    length = y.length;
    sum.length = Math.max(sum.length, length);
    squares.length = Math.max(squares.length, length);
    addDeviations(x, x(y), x(shift), x(sum), x(squares), length);
  }

  private static void addDeviations(
      float[] x, float[] y, float[] shift, float[] sum, float[] squares, int length) {
    for (int k = 0; k < length; k++) {
      float deviation = y[k] - shift[k];
      x[k] = deviation;
      sum[k] += deviation;
      squares[k] += deviation * deviation;
    }
  }

  @Override
  void addZeroTimes(Block y) {
    length = Math.max(length, y.length);
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
  void subtractAndScale(Block y, Block z, Block scale) {
    subtractAndScale(x, x(y), x(z), x(scale), length);
  }

  private static void subtractAndScale(float[] x, float[] y, float[] z, float[] scale, int length) {
    for (int k = 0; k < length; k++) {
      x[k] = (x[k] - y[k] - z[k]) * scale[k];
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
  void combine(Block a, Block y, Block b, Block z, Block c) {
    length = y.length;
    combine(x, x(a), x(y), x(b), x(z), x(c), length);
  }

  private static void combine(
      float[] x, float[] a, float[] y, float[] b, float[] z, float[] c, int length) {
    for (int k = 0; k < length; k++) {
      x[k] = a[k] * y[k] + b[k] * z[k] + c[k];
    }
  }

  @Override
  void divideAndScale(double divisor, double factor) {
    if (isPowerOfTwo(divisor)) {
      scaleTwice(x, (float) (1 / divisor), (float) factor, length);
    } else {
      divideAndScale(x, (float) divisor, (float) factor, length);
    }
  }

  @Override
  void divideAndScale(double divisor, double factor, Block y) {
    if (isPowerOfTwo(divisor)) {
      scaleTwice(x, (float) (1 / divisor), (float) factor, x(y), length);
    } else {
      divideAndScale(x, (float) divisor, (float) factor, length);
      subtract(x(y), x, length);
    }
  }

  private static void scaleTwice(float[] x, float inverse, float factor, float[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] = x[k] * inverse * factor;
      y[k] -= x[k];
    }
  }

  private static void scaleTwice(float[] x, float inverse, float factor, int length) {
    for (int k = 0; k < length; k++) {
      x[k] = x[k] * inverse * factor;
    }
  }

  private static void divideAndScale(float[] x, float divisor, float factor, int length) {
    for (int k = 0; k < length; k++) {
      x[k] = x[k] / divisor * factor;
    }
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
  void exp(Block y) {
    exp = exp == null ? new Exp() : exp;
    length = y.length;
    exp.of(x(y), x, length);
  }

  /** Adds the second half to the first one, and so on, because only that is vectorised. */
  @Override
  boolean isZero() {
    int rest = length;
    while (rest > 64) {
      int half = (rest + 1) / 2;
      System.arraycopy(x, half, lowerHalf(half), 0, rest - half);
      add(x, lowerHalf, rest - half);
      rest = half;
    }
    for (int k = 0; k < rest; k++) {
      if (x[k] != 0) { // NaN is not equal to 0
        return false;
      }
    }
    return true;
  }

  private float[] lowerHalf(int length) {
    if (lowerHalf.length < length) {
      lowerHalf = new float[(capacity + 1) / 2];
    }
    return lowerHalf;
  }

  @Override
  double get(int element) {
    return x[element];
  }

  @Override
  void subtractAt(int element, double value) {
    x[element] -= (float) value;
  }

  @Override
  void moveInto(double[] sum) {
    int rows = rows();
    while (rows > 1) { // adds the lower half to the upper one
      int half = (rows + 1) / 2;
      int below = (rows - half) * columns;
      System.arraycopy(x, half * columns, lowerHalf(below), 0, below);
      add(x, lowerHalf, below);
      rows = half;
    }
    for (int j = 0; j < columns && length > 0; j++) {
      sum[j] += x[j];
    }
    clear();
  }

  @Override
  void maxOfRows(double[] largest) {
    for (int i = 0, from = 0; from < length; i++, from += columns) {
      largest[i] = columns < 2 * SIDE ? max(x, from, from + columns) : maxOfMany(from);
    }
  }

  /** Many maxima side by side, which is vectorised, for a long row. */
  private float maxOfMany(int from) {
    if (maxima.length == 0) {
      maxima = new float[SIDE];
      next = new float[SIDE];
    }
    System.arraycopy(x, from, maxima, 0, SIDE);
    int end = from + columns;
    for (int k = from + SIDE; k < end; k += SIDE) {
      System.arraycopy(x, Math.min(k, end - SIDE), next, 0, SIDE);
      max(maxima, next, SIDE);
    }
    return max(maxima, 0, SIDE);
  }

  private static void max(float[] x, float[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] = Math.max(x[k], y[k]);
    }
  }

  /**
   * Four maxima side by side: one alone would wait for each comparison before the next. Not {@code
   * Math.max}, which takes care of NaN and is slower.
   */
  private static float max(float[] x, int from, int end) {
    float a = x[from];
    float b = a;
    float c = a;
    float d = a;
    int k = from;
    for (; k + 3 < end; k += 4) {
      a = x[k] > a ? x[k] : a;
      b = x[k + 1] > b ? x[k + 1] : b;
      c = x[k + 2] > c ? x[k + 2] : c;
      d = x[k + 3] > d ? x[k + 3] : d;
    }
    for (; k < end; k++) {
      a = x[k] > a ? x[k] : a;
    }
    return Math.max(Math.max(a, b), Math.max(c, d));
  }

  @Override
  void sumOfRows(double[] sum) {
    for (int i = 0, from = 0; from < length; i++, from += columns) {
      sum[i] = sum(x, from, from + columns);
    }
  }

  private static double sum(float[] x, int from, int end) {
    double sum = 0;
    for (int k = from; k < end; k += SUMMED) {
      sum += sumOfSome(x, k, Math.min(k + SUMMED, end));
    }
    return sum;
  }

  /** Four sums side by side, as with the maxima. */
  private static float sumOfSome(float[] x, int from, int end) {
    float a = 0;
    float b = 0;
    float c = 0;
    float d = 0;
    int k = from;
    for (; k + 3 < end; k += 4) {
      a += x[k];
      b += x[k + 1];
      c += x[k + 2];
      d += x[k + 3];
    }
    for (; k < end; k++) {
      a += x[k];
    }
    return (a + b) + (c + d);
  }

  @Override
  void sumOfRowsTimes(Block y, double[] sum) {
    float[] other = x(y);
    for (int i = 0, from = 0; from < length; i++, from += columns) {
      double total = 0;
      for (int k = from; k < from + columns; k++) {
        total += (double) x[k] * other[k];
      }
      sum[i] = total;
    }
  }

  @Override
  void subtractFromRows(double[] value) {
    for (int i = 0, from = 0; from < length; i++, from += columns) {
      subtract(x, from, from + columns, (float) value[i]);
    }
  }

  private static void subtract(float[] x, int from, int end, float value) {
    for (int k = from; k < end; k++) {
      x[k] -= value;
    }
  }

  @Override
  void scaleRows(double[] factor) {
    for (int i = 0, from = 0; from < length; i++, from += columns) {
      scale(x, from, from + columns, (float) factor[i]);
    }
  }

  private static void scale(float[] x, int from, int end, float factor) {
    for (int k = from; k < end; k++) {
      x[k] *= factor;
    }
  }

  @Override
  void clearRow(int row) {
    Arrays.fill(x, row * columns, (row + 1) * columns, 0);
  }

  @Override
  void gather(Block vectors, int[] numbers, int first, int count) {
    length = count * columns;
    float[] from = x(vectors);
    for (int i = 0; i < count; i++) {
      System.arraycopy(from, numbers[first + i] * columns, x, i * columns, columns);
    }
  }

  @Override
  void scatterAdd(int[] numbers, int first, double[] sums) {
    for (int k = 0, i = first; k < length; i++) {
      for (int to = numbers[i] * columns, end = k + columns; k < end; k++, to++) {
        sums[to] += x[k]; // a number may stand in many places: add, never overwrite
      }
    }
  }
}

package org.backpropninja.internal;

import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.backpropninja.testing.Layers;
import org.backpropninja.testing.Memory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Stretches out of and into arrays whose channels may lie anywhere, against the whole of them. */
class NdChannelsTest {

  private static final List<DataType> TYPES = List.of(DataType.FLOAT, DataType.DOUBLE);
  private static final double OUTSIDE = -5;

  /**
   * Shape, the channels' axis and memory, where this reaches it; there are stretches of all
   * lengths.
   */
  static Stream<Arguments> arrays() {
    return Stream.of(new long[][] {{3, 4, 5}, {2, 1, 5}, {2, 3, 1}, {2, 3, 2, 2}, {2, 2, 2, 1, 3}})
        .flatMap(
            shape ->
                Stream.of(1, shape.length - 1)
                    .flatMap(
                        axis ->
                            Stream.of(Memory.values())
                                .filter(m -> NdChannels.reaches(m.of(values(shape)), axis))
                                .map(memory -> Arguments.of(shape, axis, memory))));
  }

  @Test
  void mostArraysAreReached() {
    assertTrue(arrays().count() >= 50, () -> arrays().count() + " of 80");
  }

  private static INDArray values(long... shape) {
    return Layers.random(3, 1, 2, shape).castTo(DataType.FLOAT).castTo(DataType.DOUBLE);
  }

  /** Row by row, by way of ND4J's own permutation. */
  private static double[] rows(INDArray x, int axis) {
    INDArray last = axis == x.rank() - 1 ? x : Memory.channelsLast(x);
    return last.dup('c').data().asDouble();
  }

  private static double[] outside(int length) {
    double[] outside = new double[length];
    Arrays.fill(outside, OUTSIDE);
    return outside;
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void readsEveryStretch(long[] shape, int axis, Memory memory) {
    for (DataType type : TYPES) {
      INDArray x = memory.of(values(shape).castTo(type));
      double[] all = rows(x, axis);
      Matrix matrix = NdChannels.of(x, axis);
      assertEquals(
          type == DataType.FLOAT ? Precision.SINGLE : Precision.DOUBLE, matrix.precision());
      assertEquals(all.length, matrix.length());
      for (int first = 0; first <= all.length; first++) {
        for (int length = 0; length <= all.length - first; length++) {
          double[] expected = outside(length + 2);
          System.arraycopy(all, first, expected, 0, length);
          double[] doubles = outside(length + 2);
          matrix.read(first, length, doubles);
          assertArrayEquals(expected, doubles);
          float[] floats = Matrices.floats(outside(length + 2));
          matrix.read(first, length, floats);
          assertArrayEquals(Matrices.floats(expected), floats);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void writesEveryStretchAndNothingElse(long[] shape, int axis, Memory memory) {
    for (DataType type : TYPES) {
      INDArray around = memory.surroundings(type, shape);
      INDArray x = memory.within(around, shape).assign(OUTSIDE);
      INDArray untouched = around.dup();
      Matrix matrix = NdChannels.of(x, axis);
      double[] from = rows(values(shape), axis);
      for (int first = 0; first <= from.length; first++) {
        for (int length = 0; length <= from.length - first; length++) {
          double[] expected = outside(from.length);
          System.arraycopy(from, 0, expected, first, length);
          matrix.write(from, first, length);
          assertArrayEquals(expected, rows(x, axis));
          matrix.write(outside(length), first, length);
          matrix.write(Matrices.floats(from), first, length);
          assertArrayEquals(expected, rows(x, axis));
          matrix.write(outside(length), first, length);
        }
      }
      assertEquals(untouched, around);
    }
  }

  @Test
  void roundsToFloatAndKeepsDouble() {
    double tenth = 0.1;
    Matrix doubles = NdChannels.of(values(2, 3, 4), 1);
    doubles.write(new double[] {tenth}, 5, 1);
    double[] back = new double[1];
    doubles.read(5, 1, back);
    assertEquals(tenth, back[0]);
    float[] rounded = new float[1];
    doubles.read(5, 1, rounded);
    assertEquals(0.1f, rounded[0]);
    Matrix floats = NdChannels.of(values(2, 3, 4).castTo(DataType.FLOAT), 1);
    floats.write(new double[] {tenth}, 5, 1);
    floats.read(5, 1, back);
    assertEquals(0.1f, back[0]);
  }

  @Test
  void refusesStretchesThatEndOutside() {
    for (DataType type : TYPES) {
      Matrix x = NdChannels.of(values(2, 3, 4).castTo(type), 1);
      double[] doubles = new double[30];
      float[] floats = new float[30];
      for (int[] stretch : new int[][] {{-1, 1}, {0, 25}, {24, 1}, {20, 5}, {3, -1}}) {
        Class<IndexOutOfBoundsException> refusal = IndexOutOfBoundsException.class;
        assertRefused(refusal, () -> x.read(stretch[0], stretch[1], doubles), "length 24");
        assertRefused(refusal, () -> x.read(stretch[0], stretch[1], floats), "length 24");
        assertRefused(refusal, () -> x.write(doubles, stretch[0], stretch[1]), "length 24");
        assertRefused(refusal, () -> x.write(floats, stretch[0], stretch[1]), "length 24");
      }
    }
  }

  @Test
  void anotherIsDenseAndOfTheSameType() {
    for (DataType type : TYPES) {
      NdMatrix another =
          assertInstanceOf(
              NdMatrix.class, NdChannels.of(values(2, 3, 4).castTo(type), 1).another(7, 2));
      assertEquals(type, another.array().dataType());
      assertArrayEquals(new long[] {7, 2}, another.array().shape());
    }
  }

  // Products, exactly: of whole numbers

  private static double[] wholeNumbers(Random random, int count) {
    return random.ints(count, -8, 9).asDoubleStream().toArray();
  }

  private static double[] product(double[] a, double[] b, int m, int k, int n) {
    double[] c = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int l = 0; l < k; l++) {
        for (int j = 0; j < n; j++) {
          c[i * n + j] += a[i * k + l] * b[l * n + j];
        }
      }
    }
    return c;
  }

  private static double[] transposed(double[] x, int rows, int columns) {
    double[] transposed = new double[x.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        transposed[j * rows + i] = x[i * columns + j];
      }
    }
    return transposed;
  }

  private static double[] read(Matrix x) {
    double[] values = new double[x.length()];
    x.read(0, values.length, values);
    return values;
  }

  /** The whole numbers as the rows of a sequence with its channels second. */
  private static Matrix sequence(double[] rows, int examples, int positions, DataType type) {
    int channels = rows.length / examples / positions;
    INDArray x = values(examples, channels, positions).castTo(type);
    Matrix matrix = NdChannels.of(x, 1);
    matrix.write(rows, 0, rows.length);
    return matrix;
  }

  /** The gradient of the weights, that of the input and the output: x'·dh, dh·W', x·W. */
  @Test
  void productsOutOfAndIntoSequences() {
    Random random = new Random(4);
    int n = 3;
    int t = 4;
    int c = 5;
    int H = 6;
    double[] x = wholeNumbers(random, n * t * c);
    double[] W = wholeNumbers(random, c * H);
    double[] dh = wholeNumbers(random, n * t * H);
    for (DataType type : TYPES) {
      Matrix sequence = sequence(x, n, t, type);
      Matrix gradient = sequence(dh, n, t, type);
      Matrix weights = NdMatrix.of(Matrices.matrix(W, type, c, H));
      Matrix h = sequence(new double[n * t * H], n, t, type);
      h.product(sequence, false, weights, false, false);
      double[] xW = product(x, W, n * t, c, H);
      assertArrayEquals(xW, read(h));
      h.product(sequence, false, weights, false, true);
      assertArrayEquals(Arrays.stream(xW).map(v -> 2 * v).toArray(), read(h));
      Matrix dx = sequence(x, n, t, type);
      dx.product(gradient, false, weights, true, false);
      assertArrayEquals(product(dh, transposed(W, c, H), n * t, H, c), read(dx));
      Matrix dW = NdMatrix.of(Matrices.matrix(W, type, c, H));
      dW.product(sequence, true, gradient, false, false);
      assertArrayEquals(product(transposed(x, n * t, c), dh, c, n * t, H), read(dW));
      assertArrayEquals(x, read(sequence));
      assertArrayEquals(dh, read(gradient));
    }
  }
}

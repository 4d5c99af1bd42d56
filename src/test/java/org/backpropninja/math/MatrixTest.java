package org.backpropninja.math;

import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Matrices in Java arrays: stretches, rows, products, and what is refused. */
class MatrixTest {

  private static final double[] THIRDS = {1 / 3.0, 2 / 3.0, 4 / 3.0, 5 / 3.0, 7 / 3.0, 8 / 3.0};

  private static Matrix matrix(Precision precision, int rows, int columns, double... values) {
    return precision == Precision.SINGLE
        ? Matrix.of(Numbers.rounded(values), rows, columns)
        : Matrix.of(values.clone(), rows, columns);
  }

  private static double[] elements(Matrix x) {
    double[] elements = new double[x.length()];
    x.read(0, elements.length, elements);
    return elements;
  }

  private static double[] rounded(Precision precision, double... values) {
    return precision == Precision.SINGLE
        ? Arrays.stream(values).map(value -> (float) value).toArray()
        : values;
  }

  @ParameterizedTest
  @EnumSource
  void readsAndWritesStretches(Precision precision) {
    Matrix x = matrix(precision, 2, 3, THIRDS);
    assertEquals(precision, x.precision());
    assertEquals(2, x.rows());
    assertEquals(3, x.columns());
    assertEquals(6, x.length());
    double[] doubles = {-5, -5, -5, -5};
    x.read(2, 3, doubles);
    double[] expected = rounded(precision, 4 / 3.0, 5 / 3.0, 7 / 3.0, -5);
    assertArrayEquals(expected, doubles);
    float[] floats = {-5, -5, -5, -5};
    x.read(2, 3, floats);
    assertArrayEquals(Numbers.rounded(expected), floats);
    x.write(new double[] {0.1, 0.2, 99}, 1, 2);
    x.write(new float[] {0.3f, 99}, 5, 1);
    assertArrayEquals(rounded(precision, 1 / 3.0, 0.1, 0.2, 5 / 3.0, 7 / 3.0, 0.3f), elements(x));
  }

  @Test
  void isTheArrayItselfWhichMayBeLonger() {
    float[] floats = {1, 2, 3, 4, 5, 6, 7};
    Matrix.of(floats, 2, 3).write(new double[] {-6}, 5, 1);
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, -6, 7}, floats);
    double[] doubles = {1, 2, 3, 4, 5, 6, 7};
    Matrix.of(doubles, 2, 3).write(new float[] {-6}, 5, 1);
    assertArrayEquals(new double[] {1, 2, 3, 4, 5, -6, 7}, doubles);
  }

  @ParameterizedTest
  @EnumSource
  void refusesWhatIsBeyondTheMatrix(Precision precision) {
    Matrix x = matrix(precision, 3, 4, new double[20]); // the array is longer
    for (int[] stretch : new int[][] {{0, 13}, {12, 1}, {-1, 2}, {5, 8}, {0, -1}}) {
      int first = stretch[0];
      int length = stretch[1];
      assertBeyond(() -> x.read(first, length, new float[20]));
      assertBeyond(() -> x.read(first, length, new double[20]));
      assertBeyond(() -> x.write(new float[20], first, length));
      assertBeyond(() -> x.write(new double[20], first, length));
    }
    for (int row : new int[] {-1, 3}) {
      assertBeyond(() -> x.readRows(new int[] {row}, 1, new float[20]));
      assertBeyond(() -> x.readRows(new int[] {row}, 1, new double[20]));
      assertBeyond(() -> x.writeRows(new double[20], new int[] {row}, 1));
    }
  }

  private static void assertBeyond(Executable call) {
    assertThrows(IndexOutOfBoundsException.class, call);
  }

  @Test
  void refusesArraysThatAreTooShortAndMatricesThatAreTooLarge() {
    assertRefused(
        IllegalArgumentException.class,
        () -> Matrix.of(new float[5], 2, 3),
        "values (5) must be at least [2, 3]");
    assertRefused(
        IllegalArgumentException.class,
        () -> Matrix.of(new double[5], 2, 3),
        "values (5) must be at least [2, 3]");
    assertRefused(
        IllegalArgumentException.class,
        () -> Matrix.of(new double[5], 65_536, 32_768),
        "matrix [65536, 32768] must hold at most 2147483647 elements");
  }

  @ParameterizedTest
  @EnumSource
  void someRows(Precision precision) {
    Matrix x = matrix(precision, 3, 2, THIRDS);
    int[] rows = {2, 0, 2, 99};
    double[] expected =
        rounded(precision, 7 / 3.0, 8 / 3.0, 1 / 3.0, 2 / 3.0, 7 / 3.0, 8 / 3.0, -5);
    double[] into = Numbers.filled(7, -5);
    x.readRows(rows, 3, into);
    assertArrayEquals(expected, into);
    float[] floats = Numbers.rounded(Numbers.filled(7, -5));
    x.readRows(rows, 3, floats);
    assertArrayEquals(Numbers.rounded(expected), floats);
    x.writeRows(new double[] {0.1, 0.2, 0.3, 0.4, 99}, new int[] {2, 0, 99}, 2);
    assertArrayEquals(rounded(precision, 0.3, 0.4, 0, 0, 0.1, 0.2), elements(x));
    x.writeRows(new double[0], new int[0], 0);
    assertArrayEquals(new double[6], elements(x));
  }

  /** Whole numbers, so that every sum is exact, in each mixture of types. */
  @ParameterizedTest
  @EnumSource
  void products(Precision precision) {
    Random random = new Random(1);
    for (int round = 0; round < 50; round++) {
      int m = 1 + random.nextInt(6);
      int k = 1 + random.nextInt(6);
      int n = 1 + random.nextInt(6);
      double[] a = random.ints((long) m * k, -8, 9).asDoubleStream().toArray();
      double[] b = random.ints((long) k * n, -8, 9).asDoubleStream().toArray();
      double[] expected = product(a, b, m, k, n);
      for (Precision other : Precision.values()) {
        for (boolean transposeA : new boolean[] {false, true}) {
          for (boolean transposeB : new boolean[] {false, true}) {
            Matrix left = operand(other, a, m, k, transposeA);
            Matrix right = operand(precision, b, k, n, transposeB);
            Matrix c = matrix(precision, m, n, Numbers.filled(m * n, Double.NaN));
            c.product(left, transposeA, right, transposeB, false);
            assertArrayEquals(expected, elements(c));
            c.product(left, transposeA, right, transposeB, true);
            assertArrayEquals(Arrays.stream(expected).map(x -> 2 * x).toArray(), elements(c));
          }
        }
      }
    }
  }

  private static double[] product(double[] a, double[] b, int m, int k, int n) {
    double[] c = new double[m * n];
    for (int i = 0; i < m * n; i++) {
      for (int l = 0; l < k; l++) {
        c[i] += a[i / n * k + l] * b[l * n + i % n];
      }
    }
    return c;
  }

  private static Matrix operand(
      Precision precision, double[] x, int rows, int columns, boolean transposed) {
    if (!transposed) {
      return matrix(precision, rows, columns, x);
    }
    double[] transpose = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      transpose[i % columns * rows + i / columns] = x[i];
    }
    return matrix(precision, columns, rows, transpose);
  }

  @Test
  void refusesProductsWhoseShapesDoNotFit() {
    Matrix a = Matrix.of(new double[6], 2, 3);
    Matrix b = Matrix.of(new float[12], 3, 4);
    Matrix c = Matrix.of(new double[8], 2, 4);
    c.product(a, false, b, false, false);
    assertRefused(
        IllegalArgumentException.class,
        () -> c.product(a, true, b, false, false),
        "product of [3, 2] and [3, 4] must be of shape [3, 4], was to go into [2, 4]");
    for (Executable wrong :
        new Executable[] {
          () -> c.product(a, false, b, true, false),
          () -> c.product(b, true, a, true, true),
          () -> a.product(a, false, b, false, false),
          () -> Matrix.of(new double[6], 2, 3).product(a, false, b, false, false),
          () -> Matrix.of(new double[12], 3, 4).product(a, false, b, false, false),
          () -> c.product(Matrix.of(new double[4], 2, 2), false, b, false, false)
        }) {
      assertRefused(IllegalArgumentException.class, wrong, "product of");
    }
  }

  @ParameterizedTest
  @EnumSource
  void anotherIsOfItsTypeAndHasMemoryOfItsOwn(Precision precision) {
    Matrix x = matrix(precision, 2, 3, THIRDS);
    Matrix another = x.another(3, 2);
    assertEquals(precision, another.precision());
    assertEquals(3, another.rows());
    assertEquals(2, another.columns());
    assertFalse(x.isOfShape(another));
    assertFalse(x.isOfShape(x.another(2, 4)));
    assertFalse(x.isOfShape(x.another(1, 3)));
    assertTrue(x.isOfShape(x.another(2, 3)));
    another.write(new double[6], 0, 6);
    assertArrayEquals(rounded(precision, THIRDS), elements(x));
  }
}

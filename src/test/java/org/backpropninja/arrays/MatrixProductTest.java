package org.backpropninja.arrays;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.backpropninja.testing.Layers.Layout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Products against a double loop, exactly: the elements are whole numbers so small that every sum
 * is exact in every type.
 */
class MatrixProductTest {

  /** m, k and n of op(a) [m, k] and op(b) [k, n]: vectors on every side, and matrices. */
  private static final int[][] SIZES = {
    {1, 1, 1}, {1, 5, 1}, {6, 1, 4}, {1, 4, 7}, {7, 3, 1}, {1, 1, 6}, {5, 1, 1}, {2, 2, 2},
    {3, 5, 8}
  };

  private static final List<DataType> BLAS = List.of(DataType.FLOAT, DataType.DOUBLE);

  static Stream<Arguments> layouts() {
    return Stream.of(Layout.values())
        .flatMap(
            a ->
                Stream.of(Layout.values())
                    .flatMap(b -> Stream.of(Layout.values()).map(c -> Arguments.of(a, b, c))));
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void everyLayoutAndTranspose(Layout a, Layout b, Layout c) {
    Random random = new Random(31 * (31 * a.ordinal() + b.ordinal()) + c.ordinal());
    for (DataType type : BLAS) {
      for (int[] size : SIZES) {
        assertProducts(Product.of(random, size), a, b, c, type, type, type);
      }
      for (int round = 0; round < 3; round++) {
        int[] size = random.ints(3, 1, 41).toArray();
        assertProducts(Product.of(random, size), a, b, c, type, type, type);
      }
    }
  }

  @Test
  void aLargeProduct() {
    Product product = Product.of(new Random(1), 130, 301, 67);
    for (DataType type : BLAS) {
      assertProducts(product, Layout.C, Layout.F_VIEW, Layout.C, type, type, type);
      assertProducts(product, Layout.F, Layout.C, Layout.F_VIEW, type, type, type);
    }
  }

  static Stream<Arguments> mixedTypes() {
    List<DataType> types = List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16);
    return types.stream()
        .flatMap(a -> types.stream().flatMap(b -> types.stream().map(c -> Arguments.of(a, b, c))));
  }

  @ParameterizedTest
  @MethodSource("mixedTypes")
  void everyMixtureOfTypes(DataType a, DataType b, DataType c) {
    Random random = new Random(2);
    for (Layout layout : Layout.values()) {
      for (int[] size : SIZES) {
        assertProducts(Product.of(random, size), layout, Layout.F_VIEW, layout, a, b, c);
      }
      assertProducts(Product.of(random, 9, 20, 13), layout, layout, layout, a, b, c);
    }
  }

  /** With each operand as it is and transposed in memory. */
  private static void assertProducts(
      Product product,
      Layout a,
      Layout b,
      Layout c,
      DataType typeA,
      DataType typeB,
      DataType typeC) {
    for (boolean transposeA : new boolean[] {false, true}) {
      for (boolean transposeB : new boolean[] {false, true}) {
        INDArray left = a.of(product.a(transposeA).castTo(typeA));
        INDArray right = b.of(product.b(transposeB).castTo(typeB));
        INDArray before = c.surroundings(typeC, product.m, product.n);
        INDArray after = before.dup();
        c.within(before, product.m, product.n).assign(product.c());
        INDArray result = c.within(after, product.m, product.n).assign(Double.NaN);
        MatrixProduct.multiply(left, transposeA, right, transposeB, result);
        String what = "%s, transposed %s and %s".formatted(product, transposeA, transposeB);
        assertClose(what, product.elements(), Crossing.read(result), 0);
        assertEquals(before, after, what + ": outside the view");
        result.assign(product.c().neg());
        MatrixProduct.multiplyAndAdd(left, transposeA, right, transposeB, result);
        assertClose(what + ": added", new double[product.m * product.n], Crossing.read(result), 0);
        assertEquals(product.a(transposeA).castTo(typeA), left, what + ": left operand");
        assertEquals(product.b(transposeB).castTo(typeB), right, what + ": right operand");
      }
    }
  }

  /** Two factors [m, k] and [k, n] and what they give. */
  private record Product(int m, int k, int n, double[] left, double[] right) {

    static Product of(Random random, int... size) {
      int m = size[0];
      int k = size[1];
      int n = size[2];
      return new Product(m, k, n, wholeNumbers(random, m * k), wholeNumbers(random, k * n));
    }

    private static double[] wholeNumbers(Random random, int count) {
      return random.ints(count, -8, 9).asDoubleStream().toArray();
    }

    INDArray a(boolean transposed) {
      return matrix(left, m, k, transposed);
    }

    INDArray b(boolean transposed) {
      return matrix(right, k, n, transposed);
    }

    INDArray c() {
      return Crossing.matrix(elements(), m, n);
    }

    private static INDArray matrix(double[] x, int rows, int columns, boolean transposed) {
      INDArray matrix = Crossing.matrix(x, rows, columns);
      return transposed ? matrix.transpose().dup('c') : matrix;
    }

    double[] elements() {
      double[] c = new double[m * n];
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          for (int l = 0; l < k; l++) {
            c[i * n + j] += left[i * k + l] * right[l * n + j];
          }
        }
      }
      return c;
    }

    @Override
    public String toString() {
      return "[%d, %d]·[%d, %d]".formatted(m, k, k, n);
    }
  }
}

package org.backpropninja.internal;

import static org.backpropninja.internal.Matrices.elements;
import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.backpropninja.math.Matrix;
import org.backpropninja.testing.Layers.Layout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Products against a double loop, exactly: the elements are whole numbers so small that every sum
 * is exact in every type.
 */
class NdProductTest {

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

  /** Those that are cut into parts, with parts that are left over in each direction. */
  static List<int[]> longSizes() {
    return List.of(
        new int[] {1000, 200, 30},
        new int[] {30, 200, 1001},
        new int[] {1003, 27, 64},
        new int[] {33, 65, 700},
        new int[] {30, 5000, 40},
        new int[] {5, 40_003, 7},
        new int[] {700, 100, 27},
        new int[] {257, 259, 261});
  }

  @ParameterizedTest
  @MethodSource("longSizes")
  void longProducts(int[] size) {
    Product product = Product.of(new Random(1), size);
    for (Layout operands : List.of(Layout.C, Layout.F, Layout.F_VIEW)) {
      for (Layout result : List.of(Layout.C_VIEW, Layout.F_VIEW)) {
        DataType type = DataType.FLOAT;
        assertProducts(product, operands, Layout.C, result, type, type, type);
        assertProducts(product, Layout.F_VIEW, operands, result, type, type, type);
      }
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
        multiply(left, transposeA, right, transposeB, result, false);
        String what = "%s, transposed %s and %s".formatted(product, transposeA, transposeB);
        assertClose(what, product.elements(), elements(result), 0);
        assertEquals(before, after, what + ": outside the view");
        result.assign(product.c().neg());
        multiply(left, transposeA, right, transposeB, result, true);
        assertClose(what + ": added", new double[product.m * product.n], elements(result), 0);
        assertEquals(product.a(transposeA).castTo(typeA), left, what + ": left operand");
        assertEquals(product.b(transposeB).castTo(typeB), right, what + ": right operand");
      }
    }
  }

  private static void multiply(
      INDArray a, boolean transposeA, INDArray b, boolean transposeB, INDArray c, boolean add) {
    NdArrays.Out out = NdArrays.out(c);
    NdArrays.assign(c, out.matrix()); // what is to be added to
    out.matrix().product(in(a), transposeA, in(b), transposeB, add);
    out.done();
  }

  private static Matrix in(INDArray x) {
    return NdArrays.in(x, NdArrays.workingType(x.dataType()));
  }

  /** As the stepwise way and other backends have them. */
  @Test
  void matricesInJavaArraysTakePartToo() {
    Product product = Product.of(new Random(3), 4, 5, 6);
    Matrix a = Matrix.of(product.left, 4, 5);
    Matrix b = Matrix.of(product.right, 5, 6);
    for (DataType type : BLAS) {
      for (Layout layout : Layout.values()) {
        INDArray left = layout.of(product.a(false).castTo(type));
        INDArray right = layout.of(product.b(true).castTo(type));
        INDArray c = Nd4j.valueArrayOf(new long[] {4, 6}, 3.0, type);
        NdMatrix.of(c).product(a, false, in(right), true, false);
        assertClose("a in Java", product.elements(), elements(c), 0);
        NdMatrix.of(c).product(in(left), false, b, false, true);
        assertClose("b in Java, added", elements(product.c().mul(2)), elements(c), 0);
        double[] values = new double[24];
        Matrix.of(values, 4, 6).product(in(left), false, in(right), true, false);
        assertClose("c in Java", product.elements(), values, 0);
      }
    }
  }

  @Test
  void refusesShapesThatDoNotFit() {
    for (DataType type : BLAS) {
      Matrix a = NdMatrix.of(Nd4j.zeros(type, 2, 3));
      Matrix b = NdMatrix.of(Nd4j.zeros(type, 3, 4));
      Matrix c = NdMatrix.of(Nd4j.zeros(type, 2, 4));
      c.product(a, false, b, false, false);
      assertRefused(
          IllegalArgumentException.class,
          () -> c.product(a, true, b, false, false),
          "product of [3, 2] and [3, 4] must be of shape [3, 4], was to go into [2, 4]");
      assertRefused(
          IllegalArgumentException.class, () -> c.product(b, false, a, false, false), "product of");
      assertRefused(
          IllegalArgumentException.class, () -> b.product(a, false, b, false, true), "product of");
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
      return Matrices.matrix(elements(), DataType.DOUBLE, m, n);
    }

    private static INDArray matrix(double[] x, int rows, int columns, boolean transposed) {
      INDArray matrix = Matrices.matrix(x, DataType.DOUBLE, rows, columns);
      return transposed ? matrix.transpose().dup('c') : matrix;
    }

    double[] elements() {
      double[] c = new double[m * n];
      for (int i = 0; i < m; i++) {
        for (int l = 0; l < k; l++) {
          for (int j = 0; j < n; j++) {
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

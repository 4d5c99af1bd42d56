package org.backpropninja.internal;

import static org.backpropninja.internal.Matrices.elements;
import static org.backpropninja.internal.Matrices.floats;
import static org.backpropninja.internal.Matrices.matrix;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.backpropninja.testing.Layers.Layout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Stretches of a dense matrix are read and written in its own memory, in either order. */
class NdMatrixTest {

  private static final List<DataType> REACHED = List.of(DataType.FLOAT, DataType.DOUBLE);

  private static final List<Layout> DENSE =
      List.of(Layout.C, Layout.C_VIEW, Layout.F, Layout.F_VIEW);

  private static final int OFTEN = 20;

  private static final long[][] SHAPES = {{3, 4}, {1, 5}, {5, 1}, {1, 1}, {200, 101}};

  static Stream<Arguments> dense() {
    return REACHED.stream()
        .flatMap(
            type ->
                DENSE.stream()
                    .flatMap(
                        layout ->
                            Stream.of(SHAPES).map(shape -> Arguments.of(type, layout, shape))));
  }

  static List<DataType> reached() {
    return REACHED;
  }

  private record Stretch(int first, int length) {

    /** Those that a matrix of so many elements has. */
    static List<Stretch> of(int count) {
      return Stream.of(
              new Stretch(0, count),
              new Stretch(1, count - 2),
              new Stretch(count - 1, 1),
              new Stretch(2, 0),
              new Stretch(3, 150),
              new Stretch(count - 16_389, 16_389))
          .filter(
              stretch ->
                  stretch.first >= 0
                      && stretch.length >= 0
                      && stretch.first + stretch.length <= count)
          .toList();
    }
  }

  /** Thirds, which FLOAT has to round; neighbours differ, and so do rows. */
  private static double[] values(DataType type, int count, int seed) {
    return IntStream.range(0, count)
        .mapToDouble(k -> (k * 37L + seed * 11L) % 2039 + 1 / 3.0)
        .map(x -> type == DataType.FLOAT ? (float) x : x)
        .toArray();
  }

  private static int count(long[] shape) {
    return (int) (shape[0] * shape[1]);
  }

  /** Often, because a matrix that is read often is read in another way. */
  private static void assertReads(double[] values, Matrix elements) {
    for (int time = 0; time < OFTEN; time++) {
      assertReadsOnce(values, elements);
    }
  }

  private static void assertReadsOnce(double[] values, Matrix elements) {
    for (Stretch stretch : Stretch.of(values.length)) {
      double[] into = new double[stretch.length + 2];
      Arrays.fill(into, -5);
      double[] expected = into.clone();
      System.arraycopy(values, stretch.first, expected, 0, stretch.length);
      float[] floats = floats(into);
      elements.read(stretch.first, stretch.length, into);
      assertArrayEquals(expected, into, () -> "double[] of " + stretch);
      elements.read(stretch.first, stretch.length, floats);
      assertArrayEquals(floats(expected), floats, () -> "float[] of " + stretch);
    }
  }

  @ParameterizedTest
  @MethodSource("dense")
  void reads(DataType type, Layout layout, long[] shape) {
    double[] values = values(type, count(shape), 1);
    INDArray x = layout.of(matrix(values, type, shape));
    assertTrue(NdMatrix.reaches(x));
    NdMatrix matrix = NdMatrix.of(x);
    assertSame(x, matrix.array());
    assertEquals(shape[0], matrix.rows());
    assertEquals(shape[1], matrix.columns());
    assertEquals(type == DataType.FLOAT ? Precision.SINGLE : Precision.DOUBLE, matrix.precision());
    assertReads(values, matrix);
  }

  @ParameterizedTest
  @MethodSource("dense")
  void writesIntoTheArrayItselfAndNothingBeside(DataType type, Layout layout, long[] shape) {
    INDArray surroundings = layout.surroundings(type, shape);
    INDArray expected = surroundings.dup();
    Matrix matrix = NdMatrix.of(layout.within(surroundings, shape));
    double[] values = new double[count(shape)];
    Arrays.fill(values, 7);
    int seed = 2;
    List<Stretch> stretches = Stretch.of(values.length);
    for (int time = 0; time < OFTEN + stretches.size(); time++) { // no whole number of rounds
      Stretch stretch = stretches.get(time % stretches.size());
      for (boolean asFloats : new boolean[] {false, true}) {
        double[] from = values(DataType.DOUBLE, stretch.length + 2, seed++); // two are bait
        if (asFloats) {
          matrix.write(floats(from), stretch.first, stretch.length);
        } else {
          matrix.write(from, stretch.first, stretch.length);
        }
        for (int k = 0; k < stretch.length; k++) {
          boolean rounded = asFloats || type == DataType.FLOAT;
          values[stretch.first + k] = rounded ? (float) from[k] : from[k];
        }
        layout.within(expected, shape).assign(matrix(values, type, shape));
        assertArrayEquals(
            elements(expected), elements(surroundings), () -> stretch + ", floats: " + asFloats);
      }
    }
  }

  /** As DL4J cuts a layer's parameters out of the network's. */
  @ParameterizedTest
  @MethodSource("reached")
  void aViewOfAViewOfAVector(DataType type) {
    for (char order : new char[] {'c', 'f'}) {
      INDArray flat = Nd4j.arange(40).castTo(type);
      INDArray x =
          flat.get(NDArrayIndex.interval(5, 35))
              .get(NDArrayIndex.interval(3, 15))
              .reshape(order, 3, 4);
      Matrix matrix = NdMatrix.of(x);
      double[] inOrder =
          order == 'c'
              ? IntStream.range(8, 20).asDoubleStream().toArray()
              : new double[] {8, 11, 14, 17, 9, 12, 15, 18, 10, 13, 16, 19};
      assertReads(inOrder, matrix);
      matrix.write(new double[] {-1, -2, 100}, 0, 2);
      matrix.write(new float[] {-3, 100}, 11, 1);
      double[] expected = IntStream.range(0, 40).asDoubleStream().toArray();
      expected[8] = -1;
      expected[order == 'c' ? 9 : 11] = -2;
      expected[19] = -3;
      assertArrayEquals(expected, elements(flat));
    }
  }

  /** What is dense is not told by the order that an array names. */
  @ParameterizedTest
  @MethodSource("reached")
  void vectorsRowsAndColumns(DataType type) {
    INDArray x = Nd4j.arange(12).castTo(type).reshape('c', 3, 4);
    INDArray columnMajor = x.dup('f');
    INDArray row = x.getRow(1);
    for (INDArray dense : List.of(row, x.getRow(1, true), columnMajor.getRow(1).dup())) {
      assertTrue(NdMatrix.reaches(dense));
      assertReads(new double[] {4, 5, 6, 7}, NdMatrix.of(dense));
      assertEquals(1, NdMatrix.of(dense).rows());
      assertEquals(4, NdMatrix.of(dense).columns());
    }
    assertReads(new double[] {5}, NdMatrix.of(Nd4j.scalar(type, 5)));
    INDArray partOfARow = x.get(NDArrayIndex.interval(1, 2), NDArrayIndex.interval(1, 3));
    assertReads(new double[] {5, 6}, NdMatrix.of(partOfARow));
    INDArray partOfAColumn =
        columnMajor.get(NDArrayIndex.interval(1, 3), NDArrayIndex.interval(2, 3));
    assertReads(new double[] {6, 10}, NdMatrix.of(partOfAColumn));
    INDArray column = columnMajor.getColumn(2, true);
    NdMatrix.of(column).write(new double[] {-1, -2, -3}, 0, 3);
    assertArrayEquals(new double[] {0, 1, -1, 3, 4, 5, -2, 7, 8, 9, -3, 11}, elements(columnMajor));
    assertReads(elements(columnMajor.transpose()), NdMatrix.of(columnMajor.transpose()));
  }

  @ParameterizedTest
  @MethodSource("reached")
  void doesNotReachWhatHasGaps(DataType type) {
    INDArray x = Nd4j.arange(12).castTo(type).reshape('c', 3, 4);
    for (INDArray gaps :
        List.of(
            x.getColumn(2),
            x.getColumn(2, true),
            x.dup('f').getRow(1, true),
            x.get(NDArrayIndex.all(), NDArrayIndex.interval(0, 2)),
            x.get(NDArrayIndex.interval(0, 2, 3), NDArrayIndex.all()))) {
      assertNotReached(gaps);
    }
    assertNotReached(Nd4j.zeros(type, 1, 2, 3));
    assertNotReached(Nd4j.zeros(type, 1, 6, 1));
  }

  private static void assertNotReached(INDArray x) {
    assertFalse(NdMatrix.reaches(x));
    assertRefused(
        IllegalArgumentException.class,
        () -> NdMatrix.of(x),
        "x (%s of rank %d) must be a FLOAT or DOUBLE matrix, dense in host memory"
            .formatted(x.dataType(), x.rank()));
  }

  @Test
  void doesNotReachOtherTypes() {
    for (DataType type : List.of(DataType.FLOAT16, DataType.INT32, DataType.INT64)) {
      assertNotReached(Nd4j.zeros(type, 3, 4));
    }
  }

  @Test
  void roundsToFloat() {
    INDArray x = Nd4j.zeros(DataType.FLOAT, 1, 2);
    NdMatrix.of(x).write(new double[] {0.1, 1e-50}, 0, 2);
    assertArrayEquals(new double[] {0.1f, 0}, elements(x));
  }

  /** Memory itself has no bounds, so nothing but this keeps a wrong number from reading beyond. */
  @ParameterizedTest
  @MethodSource("reached")
  void refusesWhatIsBeyondTheMatrix(DataType type) {
    for (Layout layout : DENSE) {
      Matrix matrix = NdMatrix.of(layout.within(layout.surroundings(type, 3, 4), 3, 4));
      for (int time = 0; time < OFTEN; time++) {
        matrix.read(0, 12, new float[12]);
      }
      for (int[] stretch : new int[][] {{0, 13}, {12, 1}, {-1, 2}, {5, 8}}) {
        int first = stretch[0];
        int length = stretch[1];
        assertBeyond(() -> matrix.read(first, length, new float[20]));
        assertBeyond(() -> matrix.read(first, length, new double[20]));
        assertBeyond(() -> matrix.write(new float[20], first, length));
        assertBeyond(() -> matrix.write(new double[20], first, length));
      }
      for (int row : new int[] {-1, 3}) {
        assertBeyond(() -> matrix.readRows(new int[] {row}, 1, new float[4]));
        assertBeyond(() -> matrix.readRows(new int[] {row}, 1, new double[4]));
        assertBeyond(() -> matrix.writeRows(new double[4], new int[] {row}, 1));
      }
    }
  }

  private static void assertBeyond(Executable call) {
    assertThrows(IndexOutOfBoundsException.class, call);
  }

  /** As the loops over a large matrix do, while the way of reading changes. */
  @ParameterizedTest
  @MethodSource("reached")
  void severalThreadsReadAndWriteAtOnce(DataType type) throws InterruptedException {
    double[] values = values(type, 40_000, 1);
    for (int round = 0; round < 20; round++) {
      Matrix from = NdMatrix.of(Layout.C_VIEW.of(matrix(values, type, 200, 200)));
      INDArray array = Layout.C_VIEW.of(Nd4j.zeros(type, 200, 200));
      Matrix to = NdMatrix.of(array);
      Thread[] threads = new Thread[4];
      for (int t = 0; t < 4; t++) {
        int first = t * 10_000;
        threads[t] =
            new Thread(
                () -> {
                  float[] some = new float[100];
                  for (int k = first; k < first + 10_000; k += 100) {
                    from.read(k, 100, some);
                    to.write(some, k, 100);
                  }
                });
        threads[t].start();
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertArrayEquals(floats(values), floats(elements(array)));
    }
  }

  /** Also where the caller's workspace ends before the matrix is used. */
  @ParameterizedTest
  @MethodSource("reached")
  void anotherOutlivesTheWorkspaceThatItIsMadeIn(DataType type) {
    WorkspaceConfiguration configuration =
        WorkspaceConfiguration.builder().initialSize(1 << 16).build();
    Matrix x = NdMatrix.of(Nd4j.zeros(type, 2, 3));
    Matrix another;
    try (MemoryWorkspace workspace =
        Nd4j.getWorkspaceManager().getAndActivateWorkspace(configuration, "ANOTHER")) {
      assertTrue(Nd4j.create(type, 1, 1).isAttached(), workspace.getId());
      another = x.another(3, 5);
    }
    INDArray array = ((NdMatrix) another).array();
    assertFalse(array.isAttached());
    assertEquals(type, array.dataType());
    assertArrayEquals(new long[] {3, 5}, array.shape());
    assertEquals(x.precision(), another.precision());
  }
}

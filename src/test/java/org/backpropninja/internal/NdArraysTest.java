package org.backpropninja.internal;

import static org.backpropninja.internal.Matrices.elements;
import static org.backpropninja.internal.Matrices.floats;
import static org.backpropninja.internal.Matrices.matrix;
import static org.backpropninja.internal.Matrices.wholeNumbers;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Precision;
import org.backpropninja.testing.Layers.Layout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.memory.MemoryWorkspace;
import org.nd4j.linalg.api.memory.conf.WorkspaceConfiguration;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Every type and memory layout crosses in both directions, and nothing beside a view changes. */
class NdArraysTest {

  private static final List<DataType> TYPES =
      List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16, DataType.INT32);

  /** 130 × 101 is longer than what is copied at a time, and no multiple of it. */
  private static final long[][] SHAPES = {{3, 4}, {1, 5}, {5, 1}, {1, 1}, {130, 101}};

  static List<DataType> types() {
    return TYPES;
  }

  static Stream<Arguments> arrays() {
    return TYPES.stream()
        .flatMap(
            type ->
                Arrays.stream(Layout.values())
                    .flatMap(
                        layout ->
                            Arrays.stream(SHAPES).map(shape -> Arguments.of(type, layout, shape))));
  }

  @Test
  void networksComputeInDoubleOnlyIfTheyAreDouble() {
    for (DataType type : TYPES) {
      boolean isDouble = type == DataType.DOUBLE;
      assertEquals(isDouble ? DataType.DOUBLE : DataType.FLOAT, NdArrays.workingType(type));
      assertEquals(isDouble ? Precision.DOUBLE : Precision.SINGLE, NdArrays.precision(type));
    }
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void values(DataType type, Layout layout, long[] shape) {
    double[] values = wholeNumbers(shape, 1);
    assertArrayEquals(values, NdArrays.values(layout.of(matrix(values, type, shape))));
  }

  /** In place where elements are reached and are of that type, otherwise by way of a copy. */
  @ParameterizedTest
  @MethodSource("arrays")
  void in(DataType type, Layout layout, long[] shape) {
    double[] values = wholeNumbers(shape, 1);
    for (DataType wanted : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
      INDArray x = layout.of(matrix(values, type, shape));
      INDArray before = x.dup();
      Matrix in = NdArrays.in(x, wanted);
      assertEquals(NdArrays.precision(wanted), in.precision());
      assertEquals(shape[0], in.rows());
      assertEquals(shape[1], in.columns());
      assertArrayEquals(values, read(in));
      boolean isInPlace = NdMatrix.reaches(x) && type == wanted;
      assertEquals(isInPlace, ((NdMatrix) in).array() == x);
      in.write(new double[] {5000}, in.length() - 1, 1);
      assertEquals(isInPlace, !before.equals(x), "a copy is written to alone");
    }
  }

  private static double[] read(Matrix x) {
    double[] values = new double[x.length()];
    x.read(0, values.length, values);
    return values;
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void outAndNothingOutside(DataType type, Layout layout, long[] shape) {
    INDArray after = layout.surroundings(type, shape);
    INDArray expected = after.dup();
    INDArray x = layout.within(after, shape);
    double[] values = wholeNumbers(shape, 3);
    NdArrays.Out out = NdArrays.out(x);
    assertSame(x, out.array());
    assertEquals(shape[0], out.matrix().rows());
    assertEquals(shape[1], out.matrix().columns());
    assertEquals(NdArrays.precision(type), out.matrix().precision());
    assertEquals(NdMatrix.reaches(x), ((NdMatrix) out.matrix()).array() == x);
    out.matrix().write(values, 0, values.length);
    out.done();
    layout.within(expected, shape).assign(matrix(values, type, shape));
    assertEquals(expected, after);
    out.matrix().write(new double[] {9}, 0, 1); // a gradient's, minibatch after minibatch
    out.done();
    layout.within(expected, shape).putScalar(0, 0, 9);
    assertEquals(expected, after);
  }

  /** As on a backend whose memory is not the host's. */
  @ParameterizedTest
  @MethodSource("arrays")
  void outOfAMatrixInAJavaArray(DataType type, Layout layout, long[] shape) {
    INDArray after = layout.surroundings(type, shape);
    INDArray expected = after.dup();
    double[] values = wholeNumbers(shape, 3);
    Matrix elsewhere = Matrix.of(values, (int) shape[0], (int) shape[1]);
    NdArrays.elsewhere(elsewhere, layout.within(after, shape)).done();
    layout.within(expected, shape).assign(matrix(values, type, shape));
    assertEquals(expected, after);
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void assignsAndTouchesNothingOutside(DataType type, Layout layout, long[] shape) {
    INDArray after = layout.surroundings(type, shape);
    INDArray expected = after.dup();
    INDArray x = layout.within(after, shape);
    double[] values = wholeNumbers(shape, 4);
    NdArrays.assign(values, x);
    layout.within(expected, shape).assign(matrix(values, type, shape));
    assertEquals(expected, after);
    double[] others = wholeNumbers(shape, 5);
    NdArrays.assign(floats(others), x);
    layout.within(expected, shape).assign(matrix(others, type, shape));
    assertEquals(expected, after);
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void assignsToMatrices(DataType type, Layout layout, long[] shape) {
    double[] values = wholeNumbers(shape, 6);
    INDArray from = layout.of(matrix(values, type, shape));
    int rows = (int) shape[0];
    int columns = (int) shape[1];
    for (Matrix to :
        new Matrix[] {
          Matrix.of(new float[rows * columns], rows, columns),
          Matrix.of(new double[rows * columns], rows, columns),
          NdMatrix.of(Layout.F_VIEW.of(Nd4j.zeros(DataType.FLOAT, shape))),
          NdMatrix.of(Layout.C_VIEW.of(Nd4j.zeros(DataType.DOUBLE, shape)))
        }) {
      NdArrays.assign(from, to);
      assertArrayEquals(values, read(to));
    }
    assertArrayEquals(values, elements(from));
  }

  /** 0.1 is no float, so a double must not go by way of one. */
  @Test
  void doublesStayDoubles() {
    for (Layout layout : Layout.values()) {
      INDArray x = layout.of(Nd4j.valueArrayOf(new long[] {3, 4}, 0.1, DataType.DOUBLE));
      double[] expected = new double[12];
      Arrays.fill(expected, 0.1);
      assertArrayEquals(expected, NdArrays.values(x));
      assertArrayEquals(expected, read(NdArrays.in(x, DataType.DOUBLE)));
      Matrix to = Matrix.of(new double[12], 3, 4);
      NdArrays.assign(x, to);
      assertArrayEquals(expected, read(to));
      assertArrayEquals(expected, elements(NdArrays.copy(to, DataType.DOUBLE)));
      assertArrayEquals(expected, elements(NdArrays.array(to, DataType.DOUBLE)));
      NdArrays.assign(expected, x.assign(0));
      assertArrayEquals(expected, elements(x));
    }
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void copies(DataType type, Layout layout, long[] shape) {
    double[] values = wholeNumbers(shape, 7);
    DataType working = NdArrays.workingType(type);
    Matrix x = NdArrays.in(layout.of(matrix(values, type, shape)), working);
    for (DataType wanted : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
      INDArray copy = NdArrays.copy(x, wanted);
      assertEquals(wanted, copy.dataType());
      assertEquals('c', copy.ordering());
      assertArrayEquals(shape, copy.shape());
      assertArrayEquals(values, elements(copy));
      copy.assign(-1);
      assertArrayEquals(values, read(x), "they share memory");
    }
  }

  @Test
  void copiesLieInTheCurrentWorkspaceAndWorkingMatricesOutside() {
    WorkspaceConfiguration configuration =
        WorkspaceConfiguration.builder().initialSize(1 << 16).build();
    Matrix x = Matrix.of(new float[6], 2, 3);
    INDArray halves = Nd4j.zeros(DataType.FLOAT16, 2, 3);
    try (MemoryWorkspace workspace =
        Nd4j.getWorkspaceManager().getAndActivateWorkspace(configuration, "COPIES")) {
      INDArray copy = NdArrays.copy(x, DataType.FLOAT);
      assertEquals(workspace.getId(), copy.data().getParentWorkspace().getId());
      NdMatrix in = (NdMatrix) NdArrays.in(halves, DataType.FLOAT);
      assertFalse(in.array().isAttached());
      NdMatrix out = (NdMatrix) NdArrays.out(halves).matrix();
      assertFalse(out.array().isAttached());
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void assignsNothingOutsideAView(DataType type) {
    INDArray flat = Nd4j.valueArrayOf(new long[] {60}, 7, type);
    double[] six = {1, 2, 3, 4, 5, 6};
    NdArrays.assign(six, interval(flat, 10, 16).reshape('f', 2, 3));
    NdArrays.assign(six, interval(flat, 20, 26).reshape('c', 2, 3));
    NdArrays.assign(six, interval(flat, 30, 36));
    double[] expected = new double[60];
    Arrays.fill(expected, 7);
    put(expected, 10, 1, 4, 2, 5, 3, 6);
    put(expected, 20, 1, 2, 3, 4, 5, 6);
    put(expected, 30, 1, 2, 3, 4, 5, 6);
    assertArrayEquals(expected, flat.castTo(DataType.DOUBLE).toDoubleVector());

    INDArray matrix = Nd4j.valueArrayOf(new long[] {3, 4}, 7, type);
    NdArrays.assign(new double[] {1, 2}, matrix.get(NDArrayIndex.interval(0, 2), at(3)));
    NdArrays.assign(new double[] {3, 4}, matrix.get(at(2), NDArrayIndex.interval(1, 3)));
    assertArrayEquals(
        new double[] {7, 7, 7, 1, 7, 7, 7, 2, 7, 3, 4, 7},
        matrix.castTo(DataType.DOUBLE).reshape(12).toDoubleVector());
  }

  private static void put(double[] into, int from, double... values) {
    System.arraycopy(values, 0, into, from, values.length);
  }

  private static INDArrayIndex at(int k) {
    return NDArrayIndex.point(k);
  }

  private static INDArray interval(INDArray flat, int from, int to) {
    return flat.get(NDArrayIndex.interval(from, to));
  }

  @ParameterizedTest
  @MethodSource("types")
  void valuesOfStridedRowsColumnsTransposesAndCubes(DataType type) {
    INDArray x = Nd4j.arange(12).castTo(type).reshape('c', 3, 4);
    assertValues(x.getColumn(2), 2, 6, 10);
    assertValues(x.getColumn(2, true), 2, 6, 10);
    assertValues(x.getRow(1), 4, 5, 6, 7);
    assertValues(x.getRow(1, true), 4, 5, 6, 7);
    assertValues(x.transpose(), 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
    assertValues(
        x.get(NDArrayIndex.interval(0, 2, 3), NDArrayIndex.interval(1, 2, 4)), 1, 3, 9, 11);
    assertValues(Nd4j.scalar(type, 5), 5);
    assertValues(x.getRow(1, true).broadcast(2, 4), 4, 5, 6, 7, 4, 5, 6, 7);
    assertValues(x.reshape('c', 1, 3, 4).permute(0, 2, 1), elements(x.transpose()));
  }

  private static void assertValues(INDArray x, double... expected) {
    assertArrayEquals(expected, NdArrays.values(x));
    if (x.rank() < 3) {
      assertArrayEquals(expected, read(NdArrays.in(x, DataType.DOUBLE)));
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void vectorsAreMatricesOfOneRow(DataType type) {
    INDArray x = Nd4j.arange(12).castTo(type).reshape('c', 3, 4);
    for (INDArray vector : List.of(x.getRow(1), x.getColumn(1), Nd4j.scalar(type, 5))) {
      Matrix in = NdArrays.in(vector, DataType.FLOAT);
      assertEquals(1, in.rows());
      assertEquals(vector.length(), in.columns());
      NdArrays.Out out = NdArrays.out(vector);
      assertTrue(out.matrix().isOfShape(in));
      out.matrix().write(new double[] {-1}, 0, 1);
      out.matrix().write(new double[] {-2}, in.columns() - 1, 1);
      out.done();
      assertEquals(-2, vector.getDouble(in.columns() - 1));
    }
    assertEquals(-1, x.getDouble(0, 1));
    assertEquals(-1, x.getDouble(1, 0));
    assertEquals(-2, x.getDouble(2, 1));
    assertEquals(-2, x.getDouble(1, 3));
  }

  @Test
  void roundsToFloat() {
    INDArray x = Nd4j.zeros(DataType.FLOAT, 1, 2);
    NdArrays.assign(new double[] {0.1, 1e-50}, x);
    assertArrayEquals(new double[] {0.1f, 0}, NdArrays.values(x));
  }

  @Test
  void refusesCubes() {
    INDArray cube = Nd4j.zeros(2, 2, 2);
    assertThrows(IllegalArgumentException.class, () -> NdArrays.in(cube, DataType.FLOAT));
  }
}

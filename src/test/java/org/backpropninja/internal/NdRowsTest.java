package org.backpropninja.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
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

/** Rows out of and into a matrix against whole copies of it, in every layout. */
class NdRowsTest {

  private static final long[][] SHAPES = {{9, 4}, {5, 5}, {7, 1}, {1, 6}, {1, 1}, {300, 31}};

  /** FLOAT goes directly where it is dense, DOUBLE by stretches, others by way of a copy. */
  private static final List<DataType> TYPES =
      List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16);

  static Stream<Arguments> matrices() {
    return TYPES.stream()
        .flatMap(
            type ->
                Stream.of(Layout.values())
                    .flatMap(
                        layout ->
                            Stream.of(SHAPES).map(shape -> Arguments.of(type, layout, shape))));
  }

  /** Whole numbers from 1 on: none is 0, and each type holds them. */
  private static double[] values(int count) {
    return IntStream.range(0, count).mapToDouble(k -> 1 + k * 37L % 2047).toArray();
  }

  /**
   * A few rows of V from the last one backwards, each once; those behind {@code count} are bait.
   */
  private static int[] someRows(int V, int count) {
    int[] rows = new int[count + 3];
    Arrays.fill(rows, 1_000_000);
    for (int k = 0; k < count; k++) {
      rows[k] = V - 1 - 2 * k;
    }
    return rows;
  }

  private static int half(long V) {
    return (int) (V + 1) / 2;
  }

  @ParameterizedTest
  @MethodSource("matrices")
  void reads(DataType type, Layout layout, long[] shape) {
    int V = (int) shape[0];
    int D = (int) shape[1];
    double[] values = values(V * D);
    INDArray matrix = layout.of(Nd4j.create(values, shape, 'c').castTo(type));
    int count = half(V) + 2;
    int[] rows = someRows(V, count);
    rows[count - 2] = V - 1; // for the second time
    rows[count - 1] = V - 1;
    double[] into = new double[count * D + 2];
    Arrays.fill(into, -5);
    double[] expected = into.clone();
    for (int k = 0; k < count; k++) {
      System.arraycopy(values, rows[k] * D, expected, k * D, D);
    }
    float[] floats = Matrices.floats(into);
    Matrix in = NdArrays.in(matrix, NdArrays.workingType(type));
    in.readRows(rows, count, into);
    assertArrayEquals(expected, into);
    in.readRows(rows, count, floats);
    assertArrayEquals(Matrices.floats(expected), floats);
  }

  @ParameterizedTest
  @MethodSource("matrices")
  void writesRowsAndZerosElsewhereButNothingOutside(DataType type, Layout layout, long[] shape) {
    int V = (int) shape[0];
    int D = (int) shape[1];
    INDArray after = layout.surroundings(type, shape);
    INDArray expected = after.dup();
    INDArray matrix = layout.within(after, shape);
    for (int count : new int[] {half(V), 0, 1}) { // fewer rows than the time before
      int[] rows = someRows(V, count);
      double[] from = values(count * D + 2);
      double[] all = new double[V * D];
      for (int k = 0; k < count; k++) {
        System.arraycopy(from, k * D, all, rows[k] * D, D);
      }
      matrix.assign(Double.NaN);
      NdArrays.Out out = NdArrays.out(matrix);
      out.matrix().writeRows(from, rows, count);
      out.done();
      assertArrayEquals(all, Matrices.elements(matrix));
      layout.within(expected, shape).assign(Nd4j.create(all, shape, 'c'));
      assertEquals(expected, after);
    }
  }

  @Test
  void aLargeTableInTheLayoutOfParameters() {
    int V = 50_000;
    int D = 64;
    long[] shape = {V, D};
    INDArray table = Layout.F_VIEW.of(Nd4j.valueArrayOf(shape, 3.0, DataType.FLOAT));
    int[] rows = {V - 1, 0, 31_234};
    double[] from = values(3 * D);
    NdMatrix.of(table).writeRows(from, rows, 3);
    double[] back = new double[3 * D];
    NdMatrix.of(table).readRows(rows, 3, back);
    assertArrayEquals(from, back);
    assertEquals(Arrays.stream(from).sum(), table.sumNumber().doubleValue(), "others are not 0");
  }

  @Test
  void roundsToFloat() {
    INDArray matrix = Nd4j.zeros(DataType.FLOAT, 2, 2);
    NdMatrix.of(matrix).writeRows(new double[] {0.1, 1e-50}, new int[] {1}, 1);
    assertArrayEquals(new double[] {0, 0, 0.1f, 0}, Matrices.elements(matrix));
  }
}

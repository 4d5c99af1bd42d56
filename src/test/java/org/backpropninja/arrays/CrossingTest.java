package org.backpropninja.arrays;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.testing.Layers.Layout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Every type and memory layout crosses in both directions, and nothing beside the view changes. */
class CrossingTest {

  private static final List<DataType> TYPES =
      List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16, DataType.INT32);

  /** 130 × 101 is longer than one block and no multiple of it. */
  private static final long[][] SHAPES = {{3, 4}, {1, 5}, {5, 1}, {1, 1}, {130, 101}};

  static List<DataType> types() {
    return TYPES;
  }

  static Stream<Arguments> arrays() {
    return inEveryLayout(SHAPES);
  }

  private static Stream<Arguments> inEveryLayout(long[][] shapes) {
    return TYPES.stream()
        .flatMap(
            type ->
                Arrays.stream(Layout.values())
                    .flatMap(
                        layout ->
                            Arrays.stream(shapes).map(shape -> Arguments.of(type, layout, shape))));
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void reads(DataType type, Layout layout, long[] shape) {
    double[] values = values(shape, 1);
    INDArray x = layout.of(Nd4j.create(values, shape, 'c').castTo(type));
    assertArrayEquals(values, Crossing.read(x));
    double[] longer = buffer(values, values.length + 3);
    Crossing.read(layout.of(Nd4j.create(values(shape, 2), shape, 'c').castTo(type)), longer);
    assertArrayEquals(buffer(values(shape, 2), longer.length), longer);
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void writes(DataType type, Layout layout, long[] shape) {
    INDArray x = layout.of(Nd4j.zeros(type, shape));
    double[] values = values(shape, 3);
    Crossing.write(values, x);
    assertEquals(Nd4j.create(values, shape, 'c').castTo(type), x);
    double[] other = values(shape, 4);
    Crossing.write(buffer(other, other.length + 3), x);
    assertEquals(Nd4j.create(other, shape, 'c').castTo(type), x);
  }

  @ParameterizedTest
  @MethodSource("arrays")
  void writesFloatsAndNothingOutside(DataType type, Layout layout, long[] shape) {
    INDArray after = layout.surroundings(type, shape);
    INDArray expected = after.dup();
    double[] values = values(shape, 5);
    float[] from = new float[values.length + 3];
    Arrays.fill(from, -5);
    for (int k = 0; k < values.length; k++) {
      from[k] = (float) values[k];
    }
    Crossing.write(from, layout.within(after, shape));
    layout.within(expected, shape).assign(Nd4j.create(values, shape, 'c'));
    assertEquals(expected, after);
  }

  /**
   * Many rows fit into a block, or all; one that is as long as a block; one that is longer. 300 is
   * no multiple of the 81 rows that go at a time, 162 is one.
   */
  private static final long[][] ROWS = {
    {3, 4},
    {1, 5},
    {5, 1},
    {1, 1},
    {81, 101},
    {82, 101},
    {162, 101},
    {300, 101},
    {3, 4096},
    {2, 8192},
    {3, 8193},
    {2, 20_000}
  };

  static Stream<Arguments> manyRows() {
    return inEveryLayout(ROWS);
  }

  @ParameterizedTest
  @MethodSource("manyRows")
  void writesARowIntoEveryRowAndNothingOutside(DataType type, Layout layout, long[] shape) {
    INDArray after = layout.surroundings(type, shape);
    INDArray expected = after.dup();
    double[] row = values(new long[] {1, shape[1]}, 6);
    Crossing.writeRows(row, layout.within(after, shape));
    INDArray rows = Nd4j.create(row, new long[] {1, shape[1]}, 'c').repeat(0, shape[0]);
    layout.within(expected, shape).assign(rows);
    assertEquals(expected, after);
  }

  /** Whole numbers up to 2047: exact in every one of the types. */
  private static double[] values(long[] shape, int seed) {
    return IntStream.range(0, (int) (shape[0] * shape[1]))
        .mapToDouble(k -> (k * 37L + seed * 11L) % 2048)
        .toArray();
  }

  private static double[] buffer(double[] values, int length) {
    double[] buffer = Arrays.copyOf(values, length);
    Arrays.fill(buffer, values.length, length, -5);
    return buffer;
  }

  @ParameterizedTest
  @MethodSource("types")
  void writesNothingOutsideAView(DataType type) {
    INDArray flat = Nd4j.valueArrayOf(new long[] {60}, 7, type);
    Crossing.write(new double[] {1, 2, 3, 4, 5, 6, -5}, interval(flat, 10, 16).reshape('f', 2, 3));
    Crossing.write(new double[] {1, 2, 3, 4, 5, 6, -5}, interval(flat, 20, 26).reshape('c', 2, 3));
    Crossing.write(new double[] {1, 2, 3, 4, 5, 6, -5}, interval(flat, 30, 36));
    double[] expected = new double[60];
    Arrays.fill(expected, 7);
    put(expected, 10, 1, 4, 2, 5, 3, 6);
    put(expected, 20, 1, 2, 3, 4, 5, 6);
    put(expected, 30, 1, 2, 3, 4, 5, 6);
    assertArrayEquals(expected, flat.castTo(DataType.DOUBLE).toDoubleVector());

    INDArray matrix = Nd4j.valueArrayOf(new long[] {3, 4}, 7, type);
    Crossing.write(new double[] {1, 2, -5}, matrix.get(NDArrayIndex.interval(0, 2), at(3)));
    Crossing.write(new double[] {3, 4, -5}, matrix.get(at(2), NDArrayIndex.interval(1, 3)));
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
  void readsStridedRowsColumnsAndTransposes(DataType type) {
    INDArray x = Nd4j.arange(12).castTo(type).reshape('c', 3, 4);
    assertArrayEquals(new double[] {2, 6, 10}, Crossing.read(x.getColumn(2)));
    assertArrayEquals(new double[] {2, 6, 10}, Crossing.read(x.getColumn(2, true)));
    assertArrayEquals(new double[] {4, 5, 6, 7}, Crossing.read(x.getRow(1)));
    assertArrayEquals(new double[] {4, 5, 6, 7}, Crossing.read(x.getRow(1, true)));
    assertArrayEquals(
        new double[] {0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}, Crossing.read(x.transpose()));
    INDArray everySecond = x.get(NDArrayIndex.interval(0, 2, 3), NDArrayIndex.interval(1, 2, 4));
    assertArrayEquals(new double[] {1, 3, 9, 11}, Crossing.read(everySecond));
    assertArrayEquals(new double[] {5}, Crossing.read(Nd4j.scalar(type, 5)));
    INDArray repeated = x.getRow(1, true).broadcast(2, 4);
    assertArrayEquals(new double[] {4, 5, 6, 7, 4, 5, 6, 7}, Crossing.read(repeated));
  }

  @Test
  void roundsToFloat() {
    INDArray x = Nd4j.zeros(DataType.FLOAT, 1, 2);
    Crossing.write(new double[] {0.1, 1e-50}, x);
    assertArrayEquals(new double[] {0.1f, 0}, Crossing.read(x));
    Crossing.writeRows(new double[] {1e-50, 0.2}, x);
    assertArrayEquals(new double[] {0, 0.2f}, Crossing.read(x));
  }

  @Test
  void refusesCubes() {
    INDArray cube = Nd4j.zeros(2, 2, 2);
    assertThrows(IllegalArgumentException.class, () -> Crossing.read(cube));
    assertThrows(IllegalArgumentException.class, () -> Crossing.write(new double[8], cube));
  }
}

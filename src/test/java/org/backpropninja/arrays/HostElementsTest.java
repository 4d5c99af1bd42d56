package org.backpropninja.arrays;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.math.Elements;
import org.backpropninja.testing.Layers.Layout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** Stretches of a dense matrix are read and written in its own memory, of any other in a copy. */
class HostElementsTest {

  private static final List<DataType> REACHED = List.of(DataType.FLOAT, DataType.DOUBLE);

  /** 200 × 101 is longer than two blocks. */
  private static final long[][] SHAPES = {{3, 4}, {1, 5}, {5, 1}, {200, 101}};

  static Stream<Arguments> dense() {
    return REACHED.stream()
        .flatMap(
            type ->
                Stream.of(Layout.C, Layout.C_VIEW)
                    .flatMap(
                        layout ->
                            Stream.of(SHAPES).map(shape -> Arguments.of(type, layout, shape))));
  }

  static Stream<Arguments> others() {
    return Stream.concat(
        REACHED.stream()
            .flatMap(
                type ->
                    Stream.of(Layout.F, Layout.VIEW, Layout.F_VIEW)
                        .map(layout -> Arguments.of(type, layout))),
        Stream.of(DataType.FLOAT16, DataType.INT32)
            .flatMap(type -> Stream.of(Layout.values()).map(layout -> Arguments.of(type, layout))));
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
              new Stretch(3, Crossing.BLOCK),
              new Stretch(4, Crossing.BLOCK + 1),
              new Stretch(count - 2 * Crossing.BLOCK - 5, 2 * Crossing.BLOCK + 5))
          .filter(stretch -> stretch.first >= 0 && stretch.first + stretch.length <= count)
          .toList();
    }
  }

  /** Thirds, which FLOAT has to round; neighbours differ, and so do blocks. */
  private static double[] values(DataType type, int count, int seed) {
    return IntStream.range(0, count)
        .mapToDouble(k -> (k * 37L + seed * 11L) % 2039 + 1 / 3.0)
        .map(x -> type == DataType.FLOAT ? (float) x : x)
        .toArray();
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int k = 0; k < values.length; k++) {
      floats[k] = (float) values[k];
    }
    return floats;
  }

  private static int count(long[] shape) {
    return (int) (shape[0] * shape[1]);
  }

  private static INDArray matrix(double[] values, DataType type, long... shape) {
    return Nd4j.create(values, shape, 'c').castTo(type);
  }

  private static double[] elements(INDArray x) {
    return x.dup('c').data().asDouble();
  }

  private static void assertReads(double[] values, Elements elements) {
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
    assertTrue(HostElements.reaches(x));
    assertReads(values, HostElements.of(x));
  }

  @ParameterizedTest
  @MethodSource("dense")
  void writesIntoTheArrayItselfAndNothingBeside(DataType type, Layout layout, long[] shape) {
    INDArray surroundings = layout.surroundings(type, shape);
    INDArray expected = surroundings.dup();
    Elements elements = HostElements.of(layout.within(surroundings, shape));
    double[] values = new double[count(shape)];
    Arrays.fill(values, 7);
    int seed = 2;
    for (Stretch stretch : Stretch.of(values.length)) {
      for (boolean asFloats : new boolean[] {false, true}) {
        double[] from = values(DataType.DOUBLE, stretch.length + 2, seed++); // two are bait
        if (asFloats) {
          elements.write(floats(from), stretch.first, stretch.length);
        } else {
          elements.write(from, stretch.first, stretch.length);
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

  @ParameterizedTest
  @MethodSource("others")
  void anythingElseIsCopied(DataType type, Layout layout) {
    double[] values = IntStream.range(1, 13).asDoubleStream().toArray(); // exact in every type
    INDArray x = layout.of(matrix(values, type, 3, 4));
    assertFalse(HostElements.reaches(x));
    Elements elements = HostElements.of(x);
    assertReads(values, elements);
    elements.write(new double[] {-1, -2}, 2, 2);
    elements.write(new float[] {-3}, 11, 1);
    assertReads(new double[] {1, 2, -1, -2, 5, 6, 7, 8, 9, 10, 11, -3}, elements);
    assertArrayEquals(values, elements(x), "the array itself");
  }

  /** As DL4J cuts a layer's parameters out of the network's. */
  @ParameterizedTest
  @MethodSource("reached")
  void aViewOfAViewOfAVector(DataType type) {
    INDArray flat = Nd4j.arange(40).castTo(type);
    INDArray x =
        flat.get(NDArrayIndex.interval(5, 35)).get(NDArrayIndex.interval(3, 15)).reshape('c', 3, 4);
    assertTrue(HostElements.reaches(x));
    Elements elements = HostElements.of(x);
    assertReads(IntStream.range(8, 20).asDoubleStream().toArray(), elements);
    elements.write(new double[] {-1, -2, 100}, 0, 2);
    elements.write(new float[] {-3, 100}, 11, 1);
    double[] expected = IntStream.range(0, 40).asDoubleStream().toArray();
    expected[8] = -1;
    expected[9] = -2;
    expected[19] = -3;
    assertArrayEquals(expected, elements(flat));
  }

  /** What is dense is not told by the order that an array names. */
  @ParameterizedTest
  @MethodSource("reached")
  void vectorsRowsAndColumns(DataType type) {
    INDArray x = Nd4j.arange(12).castTo(type).reshape('c', 3, 4);
    INDArray columnMajor = x.dup('f');
    for (INDArray dense : List.of(x.getRow(1), x.getRow(1, true), columnMajor.getRow(1).dup())) {
      assertTrue(HostElements.reaches(dense));
      assertReads(new double[] {4, 5, 6, 7}, HostElements.of(dense));
    }
    INDArray column = columnMajor.getColumn(2, true);
    assertTrue(HostElements.reaches(column));
    HostElements.of(column).write(new double[] {-1, -2, -3}, 0, 3);
    assertArrayEquals(new double[] {0, 1, -1, 3, 4, 5, -2, 7, 8, 9, -3, 11}, elements(columnMajor));
    for (INDArray sparse : List.of(x.getColumn(2), x.getColumn(2, true))) {
      assertFalse(HostElements.reaches(sparse));
      assertReads(new double[] {2, 6, 10}, HostElements.of(sparse));
    }
    assertFalse(HostElements.reaches(columnMajor.getRow(1, true)));
  }

  @Test
  void roundsToFloat() {
    INDArray x = Nd4j.zeros(DataType.FLOAT, 1, 2);
    HostElements.of(x).write(new double[] {0.1, 1e-50}, 0, 2);
    assertArrayEquals(new double[] {0.1f, 0}, elements(x));
  }

  @Test
  void refusesWhatIsBeyondTheMatrix() {
    for (DataType type : REACHED) {
      Elements elements = HostElements.of(Nd4j.zeros(type, 3, 4));
      for (int[] stretch : new int[][] {{0, 13}, {12, 1}, {-1, 2}, {5, 8}}) {
        int first = stretch[0];
        int length = stretch[1];
        assertBeyond(() -> elements.read(first, length, new float[20]));
        assertBeyond(() -> elements.read(first, length, new double[20]));
        assertBeyond(() -> elements.write(new float[20], first, length));
        assertBeyond(() -> elements.write(new double[20], first, length));
      }
    }
  }

  private static void assertBeyond(Executable call) {
    assertThrows(IndexOutOfBoundsException.class, call);
  }
}

package org.backpropninja.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.backpropninja.math.Matrix;
import org.backpropninja.testing.Memory;
import org.deeplearning4j.nn.workspace.ArrayType;
import org.deeplearning4j.nn.workspace.LayerWorkspaceMgr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Arrays of every rank and format as matrices, against loops over their indices. */
class LayoutTest {

  private static final List<DataType> TYPES =
      List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16);

  private static final long[][] SHAPES = {
    {5, 3},
    {1, 4},
    {4, 1},
    {4, 3, 6},
    {1, 3, 4},
    {4, 1, 3},
    {3, 4, 1},
    {1, 1, 1},
    {2, 3, 4, 5},
    {1, 3, 2, 4},
    {2, 1, 1, 3},
    {2, 3, 1, 4},
    {2, 3, 4, 1},
    {2, 1, 3, 4},
    {2, 3, 2, 4, 3},
    {1, 2, 1, 3, 1},
    {2, 2, 3, 1, 2},
    {1, 1, 1, 1, 1}
  };

  static Stream<Arguments> layouts() {
    return Stream.of(SHAPES)
        .flatMap(shape -> Stream.of(false, true).map(last -> Arguments.of(shape, last)));
  }

  /** All indices of an array, the last one fastest. */
  private static List<long[]> indices(long[] shape) {
    List<long[]> all = List.of(new long[0]);
    for (long size : shape) {
      all =
          all.stream()
              .flatMap(
                  some ->
                      LongStream.range(0, size)
                          .mapToObj(k -> LongStream.concat(Arrays.stream(some), LongStream.of(k)))
                          .map(LongStream::toArray))
              .toList();
    }
    return all;
  }

  /** The indices of the elements, row by row: examples, then positions, then channels. */
  private static List<long[]> places(long[] shape, boolean last) {
    int axis = last ? shape.length - 1 : 1;
    long[] others =
        IntStream.range(0, shape.length).filter(k -> k != axis).mapToLong(k -> shape[k]).toArray();
    List<long[]> places = new ArrayList<>();
    for (long[] position : indices(others)) {
      for (long channel = 0; channel < shape[axis]; channel++) {
        long[] place = new long[shape.length];
        System.arraycopy(position, 0, place, 0, axis);
        place[axis] = channel;
        System.arraycopy(position, axis, place, axis + 1, shape.length - axis - 1);
        places.add(place);
      }
    }
    return places;
  }

  /** Whole numbers that half precision holds, another one for each element. */
  private static INDArray numbered(DataType type, long... shape) {
    return Nd4j.arange(1, 1 + Nd4j.zeros(shape).length()).reshape('c', shape).castTo(type);
  }

  private static double[] rowByRow(INDArray x, boolean last) {
    return places(x.shape(), last).stream().mapToDouble(x::getDouble).toArray();
  }

  private static double[] read(Matrix x) {
    double[] values = new double[x.length()];
    x.read(0, values.length, values);
    return values;
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void counts(long[] shape, boolean last) {
    Layout layout = Layout.of(shape, last);
    long channels = shape[last ? shape.length - 1 : 1];
    long all = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    assertEquals(channels, layout.columns());
    assertEquals(shape[0], layout.examples());
    assertEquals(all / channels, layout.rows());
    assertEquals(all / channels / shape[0], layout.positions());
    assertTrue(layout.fits(Nd4j.zeros(shape)));
    assertFalse(layout.fits(Nd4j.zeros(all)));
    Layout wider = layout.withColumns(channels + 2);
    assertEquals(channels + 2, wider.columns());
    assertEquals(layout.rows(), wider.rows());
    assertFalse(wider.fits(Nd4j.zeros(shape)));
    assertArrayEquals(shape, layout.shape(), "and this one stays");
    layout.shape()[0] = 99;
    assertArrayEquals(shape, layout.shape());
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void namesPlaces(long[] shape, boolean last) {
    Layout layout = Layout.of(shape, last);
    int channels = (int) layout.columns();
    List<long[]> places = places(shape, last);
    for (int k = 0; k < places.size(); k++) {
      String indices =
          Arrays.stream(places.get(k)).mapToObj(Long::toString).collect(Collectors.joining(", "));
      assertEquals(indices, layout.place(k / channels, k % channels));
    }
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void readsEveryTypeInEveryMemory(long[] shape, boolean last) {
    Layout layout = Layout.of(shape, last);
    for (DataType type : TYPES) {
      for (Memory memory : Memory.values()) {
        INDArray x = memory.of(numbered(type, shape));
        INDArray before = x.dup();
        double[] expected = rowByRow(x, last);
        for (DataType wanted : List.of(DataType.FLOAT, DataType.DOUBLE)) {
          Matrix in = layout.in(x, wanted);
          String what = type + " as " + wanted + " in " + memory;
          assertEquals(NdArrays.precision(wanted), in.precision());
          assertEquals(layout.rows(), in.rows());
          assertEquals(layout.columns(), in.columns());
          assertArrayEquals(expected, read(in), what);
          in.write(new double[] {500}, in.length() - 1, 1);
          assertEquals(layout.reaches(x, wanted), !before.equals(x), what + ": in place");
          x.assign(before);
        }
        assertArrayEquals(expected, read(layout.copy(x)), "in a Java array");
        layout.copy(x).write(new double[] {500}, 0, 1);
        assertEquals(before, x);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void writesWhatItReadsAndNothingAround(long[] shape, boolean last) {
    Layout layout = Layout.of(shape, last);
    for (DataType type : TYPES) {
      for (Memory memory : Memory.values()) {
        INDArray values = numbered(type, shape);
        INDArray before = memory.surroundings(type, shape);
        INDArray after = before.dup();
        memory.within(before, shape).assign(values);
        INDArray x = memory.within(after, shape);
        NdArrays.Out out = layout.out(x);
        assertSame(x, out.array());
        assertEquals(NdArrays.precision(type), out.matrix().precision());
        double[] rows = rowByRow(values, last);
        out.matrix().write(rows, 0, rows.length);
        out.done();
        assertEquals(before, after, type + " in " + memory);
        NdArrays.Out elsewhere = layout.elsewhere(x.assign(9));
        elsewhere.matrix().write(rows, 0, rows.length);
        elsewhere.done();
        assertEquals(before, after, type + " in " + memory + " by way of a Java array");
      }
    }
  }

  /** What is common must not be copied. */
  @Test
  void reachesWhatIsCommon() {
    for (DataType type : List.of(DataType.FLOAT, DataType.DOUBLE)) {
      for (long[] shape : new long[][] {{4, 3, 6}, {2, 3, 4, 5}, {2, 3, 2, 4, 3}}) {
        INDArray x = numbered(type, shape);
        assertReaches(Memory.C.of(x), false, true);
        assertReaches(Memory.C.of(x), true, true);
        assertReaches(Memory.EXAMPLES.of(x), false, true);
        assertReaches(Memory.EXAMPLES.of(x), true, true);
        assertReaches(Memory.SOME_OF_SECOND.of(x), false, true);
        assertReaches(Memory.SOME_OF_LAST.of(x), true, true);
        assertReaches(Memory.SECOND_INNERMOST.of(x), false, true);
        assertReaches(Memory.LAST_SECOND.of(x), true, true);
        boolean isSequence = shape.length == 3; // any stride will do for one axis
        assertReaches(Memory.GAPS.of(x), false, isSequence);
        assertReaches(Memory.F.of(x), true, isSequence);
      }
    }
    assertFalse(
        Layout.of(new long[] {4, 3, 6}, false)
            .reaches(numbered(DataType.FLOAT16, 4, 3, 6), DataType.FLOAT16));
  }

  private static void assertReaches(INDArray x, boolean last, boolean expected) {
    Layout layout = Layout.of(x.shape(), last);
    assertEquals(expected, layout.reaches(x, x.dataType()), last + " " + x.shapeInfoToString());
    assertFalse(
        layout.reaches(x, x.dataType() == DataType.FLOAT ? DataType.DOUBLE : DataType.FLOAT));
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void makesAFreshArray(long[] shape, boolean last) {
    for (DataType type : TYPES) {
      INDArray made =
          Layout.of(shape, last)
              .make(LayerWorkspaceMgr.noWorkspaces(), ArrayType.ACTIVATIONS, type);
      assertArrayEquals(shape, made.shape());
      assertEquals(type, made.dataType());
      assertEquals(0, made.offset());
    }
  }

  // Masks

  /** A mask of every shape that is allowed: all axes but the channels', or 1, or only examples. */
  private static List<long[]> masks(long[] shape, boolean last) {
    int axis = last ? shape.length - 1 : 1;
    long[] positions =
        IntStream.range(1, shape.length).filter(k -> k != axis).mapToLong(k -> shape[k]).toArray();
    List<long[]> masks = new ArrayList<>(List.of(new long[] {shape[0]}, new long[] {shape[0], 1}));
    for (long[] whole : indices(LongStream.range(0, positions.length).map(k -> 2).toArray())) {
      long[] mask = new long[positions.length + 1];
      mask[0] = shape[0];
      for (int k = 0; k < positions.length; k++) {
        mask[k + 1] = whole[k] == 1 ? positions[k] : 1;
      }
      masks.add(mask);
      masks.add(
          LongStream.concat(LongStream.of(shape[0], 1), Arrays.stream(mask).skip(1)).toArray());
    }
    return masks;
  }

  /** The element of a mask for a place: at the same index of each axis, or at 0 of what is 1. */
  private static double at(INDArray mask, long[] place, boolean last) {
    int axis = last ? place.length - 1 : 1;
    long[] position =
        IntStream.range(0, place.length).filter(k -> k != axis).mapToLong(k -> place[k]).toArray();
    int extra = mask.rank() > position.length ? 1 : 0;
    long[] index = new long[mask.rank()];
    for (int k = 0; k < index.length; k++) {
      int of = k == 0 ? 0 : k - extra;
      index[k] = extra == 1 && k == 1 || mask.size(k) == 1 ? 0 : position[of];
    }
    return mask.getDouble(index);
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void spreadsMasks(long[] shape, boolean last) {
    Layout layout = Layout.of(shape, last);
    List<long[]> rows =
        places(shape, last).stream()
            .filter(place -> place[last ? shape.length - 1 : 1] == 0)
            .toList();
    for (long[] of : masks(shape, last)) {
      for (DataType type : List.of(DataType.DOUBLE, DataType.FLOAT, DataType.INT32)) {
        INDArray mask = numbered(type, of);
        double[] expected = rows.stream().mapToDouble(row -> at(mask, row, last)).toArray();
        String what = Arrays.toString(of) + " over " + Arrays.toString(shape);
        assertArrayEquals(expected, layout.rowsOf(mask), what);
        if (of.length > 1) {
          assertArrayEquals(expected, layout.rowsOf(Memory.F.of(mask)), what);
          assertArrayEquals(expected, layout.rowsOf(Memory.GAPS.of(mask)), what);
        }
      }
    }
  }

  static Stream<Arguments> otherMasks() {
    return Stream.of(
        Arguments.of(
            new long[] {5, 3}, false, new long[][] {{4}, {4, 1}, {5, 3}, {1, 5}, {5, 1, 1}, {1}}),
        Arguments.of(
            new long[] {4, 3, 6},
            false,
            new long[][] {
              {3},
              {6},
              {24},
              {24, 1},
              {6, 4},
              {4, 3},
              {4, 5},
              {1, 6},
              {4, 3, 6},
              {4, 6, 1},
              {4, 1, 5},
              {1, 1, 6},
              {4, 1, 1, 6}
            }),
        Arguments.of(
            new long[] {4, 6, 3},
            true,
            new long[][] {{4, 3}, {6, 4}, {4, 6, 1}, {4, 6, 3}, {24, 1}}),
        Arguments.of(
            new long[] {2, 3, 4, 5},
            false,
            new long[][] {
              {2, 4},
              {2, 5},
              {2, 3},
              {2, 20},
              {2, 5, 4},
              {2, 3, 4, 5},
              {2, 1, 5, 4},
              {2, 4, 5, 1},
              {1, 1, 4, 5},
              {2, 1, 1, 4},
              {2, 1, 5, 1},
              {2, 1, 1, 4, 5}
            }),
        Arguments.of(
            new long[] {2, 4, 5, 3},
            true,
            new long[][] {{2, 4}, {2, 4, 5, 1}, {2, 4, 5, 3}, {2, 1, 5, 3}, {2, 1, 5, 4}}),
        Arguments.of(
            new long[] {2, 3, 2, 4, 5},
            false,
            new long[][] {{2, 2}, {2, 4, 5}, {2, 1, 2, 4, 4}, {2, 3, 2, 4, 5}, {2, 2, 4, 5, 1}}));
  }

  @ParameterizedTest
  @MethodSource("otherMasks")
  void knowsNoOtherMasks(long[] shape, boolean last, long[][] masks) {
    Layout layout = Layout.of(shape, last);
    for (long[] mask : masks) {
      assertNull(layout.rowsOf(Nd4j.ones(mask)), Arrays.toString(mask));
    }
    assertNull(layout.rowsOf(Nd4j.scalar(1.0)), "a scalar");
    assertNotEquals(0, masks.length);
  }
}

package org.backpropninja.arrays;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

/** A snapshot equals what has its type, shape and elements to the last bit, and nothing else. */
class SnapshotTest {

  private static final List<DataType> TYPES =
      List.of(DataType.FLOAT, DataType.DOUBLE, DataType.FLOAT16);

  private final Snapshot snapshot = new Snapshot();

  static List<DataType> types() {
    return TYPES;
  }

  static Stream<Arguments> typesAndLayouts() {
    return TYPES.stream()
        .flatMap(type -> Stream.of(Layout.values()).map(layout -> Arguments.of(type, layout)));
  }

  /** Whole numbers that each type holds, as a matrix of that shape. */
  private static INDArray matrix(DataType type, int seed, long... shape) {
    double[] values =
        IntStream.range(0, (int) (shape[0] * shape[1]))
            .mapToDouble(k -> (k * 37L + seed * 11L) % 2039)
            .toArray();
    return Nd4j.create(values, shape, 'c').castTo(type);
  }

  @ParameterizedTest
  @MethodSource("typesAndLayouts")
  void equalsTheSameContentHoweverItLies(DataType type, Layout layout) {
    for (Layout other : Layout.values()) {
      snapshot.take(layout.of(matrix(type, 1, 130, 101)));
      assertTrue(snapshot.equalsMatrix(other.of(matrix(type, 1, 130, 101))), () -> "as " + other);
      assertFalse(snapshot.equalsMatrix(other.of(matrix(type, 2, 130, 101))), () -> "as " + other);
    }
  }

  /** Only the last copy counts, also where the one before lay differently. */
  @ParameterizedTest
  @MethodSource("typesAndLayouts")
  void forgetsTheCopyBefore(DataType type, Layout layout) {
    for (Layout other : Layout.values()) {
      INDArray before = layout.of(matrix(type, 1, 3, 4));
      snapshot.take(before);
      INDArray last = other.of(matrix(type, 2, 3, 4));
      snapshot.take(last);
      assertFalse(snapshot.equalsMatrix(before), () -> "then " + other);
      assertTrue(snapshot.equalsMatrix(last), () -> "then " + other);
    }
  }

  @ParameterizedTest
  @MethodSource("typesAndLayouts")
  void noticesEveryChangedElement(DataType type, Layout layout) {
    INDArray x = layout.of(matrix(type, 1, 5, 5000));
    snapshot.take(x);
    for (int k : new int[] {0, 1, 8191, 8192, 16_383, 16_384, 24_998, 24_999}) {
      double before = x.getDouble(k / 5000, k % 5000);
      x.putScalar(k / 5000, k % 5000, before + 1);
      assertFalse(snapshot.equalsMatrix(x), () -> "element " + k);
      x.putScalar(k / 5000, k % 5000, before);
      assertTrue(snapshot.equalsMatrix(x), () -> "element " + k);
    }
  }

  @Test
  void noticesTheLastBit() {
    snapshot.take(Nd4j.createFromArray(new float[][] {{1, 2}}));
    INDArray floats = Nd4j.createFromArray(new float[][] {{1, Math.nextUp(2f)}});
    assertFalse(snapshot.equalsMatrix(floats));
    snapshot.take(Nd4j.createFromArray(new double[][] {{1, 2}}));
    INDArray doubles = Nd4j.createFromArray(new double[][] {{1, Math.nextUp(2.0)}});
    assertFalse(snapshot.equalsMatrix(doubles));
  }

  @Test
  void noticesAnotherType() {
    for (DataType type : TYPES) {
      snapshot.take(matrix(type, 1, 2, 3));
      for (DataType other : TYPES) {
        assertEquals(type == other, snapshot.equalsMatrix(matrix(other, 1, 2, 3)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void noticesAnotherShape(DataType type) {
    INDArray x = matrix(type, 1, 2, 3);
    snapshot.take(x);
    assertFalse(snapshot.equalsMatrix(x.reshape(3, 2)));
    assertFalse(snapshot.equalsMatrix(x.reshape(1, 6)));
    assertFalse(snapshot.equalsMatrix(x.reshape(6)));
    assertTrue(snapshot.equalsMatrix(x.reshape(3, 2).reshape(2, 3)));
  }

  @ParameterizedTest
  @MethodSource("types")
  void zerosOfBothSignsDifferAndNaNEqualsItself(DataType type) {
    INDArray zero = Nd4j.createFromArray(new double[][] {{0.0, 1}}).castTo(type);
    INDArray negative = Nd4j.createFromArray(new double[][] {{-0.0, 1}}).castTo(type);
    snapshot.take(zero);
    assertFalse(snapshot.equalsMatrix(negative));
    snapshot.take(negative);
    assertFalse(snapshot.equalsMatrix(zero));
    assertTrue(snapshot.equalsMatrix(negative.dup()));
    INDArray notANumber = Nd4j.createFromArray(new double[][] {{Double.NaN, 1}}).castTo(type);
    snapshot.take(notANumber);
    assertTrue(snapshot.equalsMatrix(notANumber.dup()));
    assertFalse(snapshot.equalsMatrix(zero));
  }

  @ParameterizedTest
  @MethodSource("types")
  void equalsNothingBeforeTheFirstCopy(DataType type) {
    assertFalse(snapshot.equalsMatrix(Nd4j.zeros(type, 1, 1)));
    assertFalse(snapshot.equalsMatrix(Nd4j.zeros(type, 2, 3)));
  }

  @ParameterizedTest
  @MethodSource("typesAndLayouts")
  void smallerAndLargerMatricesInTurn(DataType type, Layout layout) {
    INDArray large = layout.of(matrix(type, 1, 130, 101));
    INDArray small = layout.of(matrix(type, 2, 3, 4));
    for (int time = 0; time < 2; time++) {
      snapshot.take(small);
      assertTrue(snapshot.equalsMatrix(small));
      assertFalse(snapshot.equalsMatrix(large));
      snapshot.take(large);
      assertTrue(snapshot.equalsMatrix(large));
      assertFalse(snapshot.equalsMatrix(small));
    }
  }

  @ParameterizedTest
  @MethodSource("typesAndLayouts")
  void isACopy(DataType type, Layout layout) {
    INDArray x = layout.of(matrix(type, 1, 3, 4));
    INDArray before = x.dup();
    snapshot.take(x);
    x.addi(1);
    assertFalse(snapshot.equalsMatrix(x));
    assertTrue(snapshot.equalsMatrix(before));
  }
}

package org.backpropninja.arrays;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/** The operations against ND4J's, bit for bit, and nothing beside a view changes. */
class InPlaceTest {

  private static INDArray vector(int seed, int length) {
    Random random = new Random(seed);
    float[] values = new float[length];
    for (int k = 0; k < length; k++) {
      values[k] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(7) - 3));
    }
    return Nd4j.createFromArray(values);
  }

  private static INDArray stretch(INDArray vector, int from, int length) {
    return vector.get(NDArrayIndex.interval(from, from + length));
  }

  private static void assertSameBits(INDArray expected, INDArray actual) {
    assertArrayEquals(expected.data().asFloat(), actual.data().asFloat());
  }

  /** Operates on stretches of equal vectors, from number 3 on. */
  private static void assertAsNd4j(int length, Consumer<INDArray> ours, Consumer<INDArray> theirs) {
    INDArray actual = vector(1, length + 7);
    INDArray expected = actual.dup();
    ours.accept(stretch(actual, 3, length));
    theirs.accept(stretch(expected, 3, length));
    assertSameBits(expected, actual);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 100, 8191, 8192, 8193, 16_384, 20_001})
  void subtracts(int length) {
    INDArray y = vector(2, length + 9);
    INDArray before = y.dup();
    assertAsNd4j(
        length,
        x -> InPlace.subtract(x, stretch(y, 5, length)),
        x -> x.subi(stretch(before, 5, length)));
    assertSameBits(before, y);
  }

  /** As the parameters [1, N], or all of a matrix, less a vector. */
  @ParameterizedTest
  @ValueSource(ints = {6, 8190, 8196, 30_000})
  void subtractsAVectorFromMatrices(int length) {
    INDArray y = vector(2, length);
    for (int rows : new int[] {1, 2, 6, length}) {
      INDArray x = vector(1, length).reshape('c', rows, length / rows);
      INDArray expected = x.dup().subi(y.reshape('c', rows, length / rows));
      InPlace.subtract(x, y);
      assertSameBits(expected, x);
    }
    INDArray vector = vector(1, length);
    INDArray expected = vector.sub(y);
    InPlace.subtract(vector, y.reshape(1, length));
    assertSameBits(expected, vector);
  }

  @Test
  void subtractsAnArrayFromItself() {
    INDArray x = vector(1, 10_000);
    InPlace.subtract(x, x);
    assertArrayEquals(new float[10_000], x.toFloatVector());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 100, 8191, 8192, 8193, 16_384, 20_001})
  void multipliesAndDivides(int length) {
    assertAsNd4j(length, x -> InPlace.multiply(x, 0.1), x -> x.muli(0.1));
    assertAsNd4j(length, x -> InPlace.divide(x, 7), x -> x.divi(7));
  }

  @Test
  void handlesWhatIsDenseRowByRow() {
    INDArray x = Nd4j.zeros(DataType.FLOAT, 4, 3);
    INDArray columnMajor = x.dup('f');
    assertTrue(InPlace.handles(x));
    assertTrue(InPlace.handles(x.getRow(1)));
    assertTrue(InPlace.handles(x.getRow(1, true)));
    assertTrue(InPlace.handles(x.get(NDArrayIndex.interval(1, 3), NDArrayIndex.all())));
    assertTrue(InPlace.handles(x.reshape(12)));
    assertTrue(InPlace.handles(columnMajor.getColumn(1)));
    assertTrue(InPlace.handles(columnMajor.getColumn(1, true)));
    assertTrue(InPlace.handles(columnMajor.transpose()));

    assertFalse(InPlace.handles(columnMajor));
    assertFalse(InPlace.handles(x.transpose()));
    assertFalse(InPlace.handles(x.getColumn(1)));
    assertFalse(InPlace.handles(x.getColumn(1, true)));
    assertFalse(InPlace.handles(x.get(NDArrayIndex.all(), NDArrayIndex.interval(0, 2))));
    assertFalse(InPlace.handles(x.get(NDArrayIndex.interval(0, 2, 4), NDArrayIndex.all())));
    assertFalse(InPlace.handles(Nd4j.zeros(DataType.FLOAT, 1, 2, 3)));
    assertFalse(InPlace.handles(Nd4j.zeros(DataType.FLOAT, 1, 6, 1)));
    assertFalse(InPlace.handles(x.castTo(DataType.DOUBLE)));
    assertFalse(InPlace.handles(x.castTo(DataType.FLOAT16)));
  }
}

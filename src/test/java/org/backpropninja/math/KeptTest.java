package org.backpropninja.math;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory is used again while it suits, and given back when it is four times too large. */
class KeptTest {

  @ParameterizedTest
  @CsvSource({
    "0, 0, true",
    "0, 1, false",
    "99, 100, false",
    "100, 100, true",
    "4096, 0, true", // so little is never given back
    "4096, 1, true",
    "4097, 1024, false",
    "4097, 1025, true",
    "8000, 2000, false",
    "7999, 2000, true",
    "8000, 2001, true",
    "2000000000, 500000000, false",
    "2000000000, 500000001, true"
  })
  void suits(int present, int needed, boolean expected) {
    assertEquals(expected, Kept.suits(present, needed));
  }

  /** Whether the memory of both is the same, because what one writes the other reads. */
  private static boolean shareMemory(Matrix a, Matrix b) {
    double[] value = new double[1];
    b.write(new double[] {1}, 0, 1);
    a.write(new double[] {2}, 0, 1);
    b.read(0, 1, value);
    return value[0] == 2;
  }

  @ParameterizedTest
  @EnumSource
  void growsIsUsedAgainAndShrinks(Precision precision) {
    Kept kept = new Kept(precision);
    Matrix small = kept.matrix(3, 2);
    assertEquals(precision, small.precision());
    assertEquals(3, small.rows());
    assertEquals(2, small.columns());
    Matrix large = kept.matrix(100, 200);
    assertEquals(20_000, large.length());
    assertFalse(shareMemory(small, large));
    Matrix half = kept.matrix(100, 100);
    assertEquals(10_000, half.length());
    assertTrue(shareMemory(large, half));
    assertTrue(shareMemory(large, kept.matrix(5001, 1)));
    Matrix quarter = kept.matrix(5000, 1);
    assertFalse(shareMemory(large, quarter));
    assertTrue(shareMemory(quarter, kept.matrix(1, 5000)));
    Matrix tiny = kept.matrix(1, 1);
    assertFalse(shareMemory(quarter, tiny));
    assertFalse(shareMemory(tiny, kept.matrix(64, 64)));
    assertTrue(shareMemory(kept.matrix(64, 64), kept.matrix(1, 1)));
  }

  @Test
  void reusesAMatrixOfTheShapeOnly() {
    Matrix example = Matrix.of(new float[6], 2, 3);
    Matrix made = Kept.reuse(null, example);
    assertNotSame(example, made);
    assertTrue(made.isOfShape(example));
    assertEquals(Precision.SINGLE, made.precision());
    assertSame(made, Kept.reuse(made, example));
    for (int[] shape : new int[][] {{3, 2}, {2, 4}, {1, 3}}) {
      Matrix other = Matrix.of(new float[shape[0] * shape[1]], shape[0], shape[1]);
      assertNotSame(made, Kept.reuse(made, other));
      assertTrue(Kept.reuse(made, other).isOfShape(other));
    }
  }

  /** One array for each stripe, kept while there are not four times too many. */
  @Test
  void sumsOfStripesAreKeptToo() {
    SumsOfStripes sums = new SumsOfStripes(2);
    sums.prepare(4);
    double[] first = sums.of(0);
    double[] last = sums.of(3);
    for (int stripe = 0; stripe < 4; stripe++) {
      sums.of(stripe)[0] = stripe + 1;
      sums.of(stripe)[1] = -2 * stripe;
    }
    double[] total = {Double.NaN, Double.NaN};
    sums.total(4, total);
    assertArrayEquals(new double[] {10, -12}, total);
    sums.total(3, total);
    assertArrayEquals(new double[] {6, -6}, total);
    sums.prepare(2);
    assertSame(last, sums.of(3));
    sums.prepare(9);
    assertSame(first, sums.of(0));
    assertSame(last, sums.of(3));
    double[] ninth = sums.of(8);
    assertEquals(2, ninth.length);
    sums.prepare(3);
    assertSame(ninth, sums.of(8));
    sums.prepare(2);
    assertSame(first, sums.of(0));
    assertThrows(ArrayIndexOutOfBoundsException.class, () -> sums.of(2), "nothing is given back");
  }
}

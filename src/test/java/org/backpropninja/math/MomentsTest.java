package org.backpropninja.math;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Mean and variance to the last digits, however the rows are cut and however far off 0 they lie.
 */
class MomentsTest {

  private static final int ROWS = 1000;
  private static final int COLUMNS = 3;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 32, 333, 999, 1000})
  void blocksOfAnySizeAgree(int size) {
    for (double offset : new double[] {0, 3, -1e3}) {
      double[] x = values(5, ROWS * COLUMNS, offset, 1);
      Moments whole = moments(x, ROWS);
      Moments blocks = moments(x, size);
      assertEquals(ROWS, blocks.count());
      for (int j = 0; j < COLUMNS; j++) {
        assertEquals(whole.mean(j), blocks.mean(j), 1e-13 * Math.max(1, Math.abs(offset)));
        for (Variance v : Variance.values()) {
          assertEquals(whole.variance(j, v), blocks.variance(j, v), 1e-13);
        }
      }
    }
  }

  private static double[] values(long seed, int length, double offset, double width) {
    return new Random(seed).doubles(length, -width, width).map(d -> offset + d).toArray();
  }

  private static Moments moments(double[] x, int blockRows) {
    Moments moments = new Moments(COLUMNS);
    for (int row = 0; row < ROWS; row += blockRows) {
      int rows = Math.min(blockRows, ROWS - row);
      double[] block = Arrays.copyOfRange(x, row * COLUMNS, (row + rows) * COLUMNS);
      moments.add(Elements.of(block), rows);
    }
    return moments;
  }

  /** The exact values of the same doubles, as {@link BigDecimal} computes them. */
  @ParameterizedTest
  @CsvSource({"1e6, 1", "1000, 1e-4", "-1e9, 1e-3", "0, 1"})
  void keepsTheDigitsOfOffsetColumns(double offset, double width) {
    double[] x = values(3, 20001, offset, width);
    Moments whole = new Moments(1);
    whole.add(Elements.of(x), x.length);
    Moments single = new Moments(1);
    DoubleStream.of(x).forEach(value -> single.add(Elements.of(new double[] {value}), 1));
    double mean = exactMean(x).doubleValue();
    double ulp = Math.ulp(Math.abs(offset) + width);
    assertEquals(mean, whole.mean(0), ulp);
    assertEquals(mean, single.mean(0), 100 * ulp);
    for (Variance v : Variance.values()) {
      double exact = exactSquares(x) / v.divisor(x.length);
      assertEquals(exact, whole.variance(0, v), 1e-14 * exact);
      // Running means are rounded at the size of x, one by one.
      double rounding = 100 * Math.ulp(offset) / width;
      assertEquals(exact, single.variance(0, v), (1e-13 + rounding) * exact);
    }
  }

  private static BigDecimal exactMean(double[] x) {
    return DoubleStream.of(x)
        .mapToObj(BigDecimal::new)
        .reduce(BigDecimal.ZERO, BigDecimal::add)
        .divide(BigDecimal.valueOf(x.length), new MathContext(60));
  }

  private static double exactSquares(double[] x) {
    BigDecimal mean = exactMean(x);
    return DoubleStream.of(x)
        .mapToObj(value -> new BigDecimal(value).subtract(mean))
        .map(deviation -> deviation.multiply(deviation))
        .reduce(BigDecimal.ZERO, BigDecimal::add)
        .doubleValue();
  }

  @Test
  void startsAfresh() {
    Moments moments = new Moments(2);
    moments.add(Elements.of(new double[] {7, 8, 9, 10}), 2);
    moments.reset();
    assertEquals(0, moments.count());
    assertTrue(Double.isNaN(moments.variance(0, Variance.BIASED)));
    moments.add(Elements.of(new double[0]), 0);
    moments.add(Elements.of(new double[] {1, 2, 3, 6, -1, -1}), 2); // the buffer is longer
    assertEquals(2, moments.count());
    assertClose(
        "mean and variance",
        new double[] {2, 4, 2, 4},
        new double[] {
          moments.mean(0),
          moments.mean(1),
          moments.variance(0, Variance.UNBIASED),
          moments.variance(1, Variance.BIASED)
        },
        0);
  }

  @ParameterizedTest
  @EnumSource
  void oneValueHasNoUnbiasedVariance(Variance variance) {
    Moments moments = new Moments(1);
    moments.add(Elements.of(new double[] {5}), 1);
    double value = moments.variance(0, variance);
    assertTrue(variance == Variance.BIASED ? value == 0 : Double.isNaN(value));
  }

  @Test
  void refusesNoColumns() {
    var refusal = assertThrows(IllegalArgumentException.class, () -> new Moments(0));
    assertEquals("columns (0) must be at least 1", refusal.getMessage());
  }
}

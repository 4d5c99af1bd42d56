package org.backpropninja.math;

import static org.backpropninja.math.Numbers.doubles;
import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.List;
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

  private static MomentsAccumulator inDouble(int columns) {
    return new MomentsAccumulator(columns, Precision.DOUBLE);
  }

  private static Matrix column(double... x) {
    return Matrix.of(x, x.length, 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 32, 333, 999, 1000})
  void piecesOfAnySizeAgree(int size) {
    for (double offset : new double[] {0, 3, -1e3}) {
      double[] x = doubles(5, ROWS * COLUMNS, offset, 1);
      Moments whole = moments(x, ROWS);
      Moments pieces = moments(x, size);
      assertEquals(ROWS, pieces.n());
      for (int j = 0; j < COLUMNS; j++) {
        assertEquals(whole.mean()[j], pieces.mean()[j], 1e-13 * Math.max(1, Math.abs(offset)));
        for (Variance v : Variance.values()) {
          assertEquals(whole.variance(j, v), pieces.variance(j, v), 1e-13);
        }
      }
    }
  }

  private static Moments moments(double[] x, int rowsOfPiece) {
    MomentsAccumulator moments = inDouble(COLUMNS);
    for (int row = 0; row < ROWS; row += rowsOfPiece) {
      int rows = Math.min(rowsOfPiece, ROWS - row);
      double[] piece = Arrays.copyOfRange(x, row * COLUMNS, (row + rows) * COLUMNS);
      moments.add(Matrix.of(piece, rows, COLUMNS));
    }
    return moments.moments();
  }

  /** In any order, and with a part of no rows among them. */
  @Test
  void momentsOfPartsMerge() {
    double[] x = doubles(9, 1000, 1e3, 1);
    Moments none = moments(x, 0, 0);
    Moments left = moments(x, 0, 7);
    Moments middle = moments(x, 7, 600);
    Moments right = moments(x, 600, 1000);
    Moments whole = moments(x, 0, 1000);
    for (Moments merged :
        List.of(
            none.merge(left).merge(middle).merge(right),
            right.merge(none).merge(left.merge(middle)))) {
      assertEquals(1000, merged.n());
      assertEquals(whole.mean()[0], merged.mean()[0], 1e-12);
      assertEquals(whole.squares()[0], merged.squares()[0], 1e-10);
    }
    assertEquals(0, none.merge(none).n());
    assertArrayEquals(new double[1], none.merge(none).mean());
    assertEquals(7, left.n(), "merging changes neither");
    assertArrayEquals(moments(x, 0, 7).mean(), left.mean());
    assertRefused(
        IllegalArgumentException.class,
        () -> left.merge(inDouble(2).moments()),
        "others (of 2 columns) must be of 1 columns");
  }

  private static Moments moments(double[] column, int from, int to) {
    MomentsAccumulator moments = inDouble(1);
    moments.add(column(Arrays.copyOfRange(column, from, to)));
    return moments.moments();
  }

  /**
   * The exact values of the same doubles, as {@link BigDecimal} computes them. The last case has
   * four stripes, whose means are rounded at the size of x before they are merged.
   */
  @ParameterizedTest
  @CsvSource({
    "1e6, 1, 20001, 1e-14",
    "1000, 1e-4, 20001, 1e-14",
    "-1e9, 1e-3, 20001, 1e-14",
    "0, 1, 20001, 1e-14",
    "1e6, 1, 200001, 1e-13"
  })
  void keepsTheDigitsOfOffsetColumns(double offset, double width, int n, double relative) {
    double[] x = doubles(3, n, offset, width);
    MomentsAccumulator whole = inDouble(1);
    whole.add(column(x));
    MomentsAccumulator single = inDouble(1);
    DoubleStream.of(x).forEach(value -> single.add(column(value)));
    double mean = exactMean(x).doubleValue();
    double ulp = Math.ulp(Math.abs(offset) + width);
    assertEquals(mean, whole.moments().mean()[0], ulp);
    assertEquals(mean, single.moments().mean()[0], 100 * ulp);
    double squares = exactSquares(x);
    for (Variance v : Variance.values()) {
      double exact = squares / v.divisor(x.length);
      assertEquals(exact, whole.moments().variance(0, v), relative * exact);
      // Running means are rounded at the size of x, one by one.
      double rounding = 100 * Math.ulp(offset) / width;
      assertEquals(exact, single.moments().variance(0, v), (1e-13 + rounding) * exact);
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
    MomentsAccumulator moments = inDouble(2);
    moments.add(Matrix.of(new double[] {7, 8, 9, 10}, 2, 2));
    moments.reset();
    assertEquals(0, moments.moments().n());
    assertTrue(Double.isNaN(moments.moments().variance(0, Variance.BIASED)));
    moments.add(Matrix.of(new double[0], 0, 2));
    moments.add(Matrix.of(new double[] {1, 2, 3, 6, -1, -1}, 2, 2)); // the array is longer
    Moments taken = moments.moments();
    assertEquals(2, taken.n());
    assertClose(
        "mean and variance",
        new double[] {2, 4, 2, 4},
        new double[] {
          taken.mean()[0],
          taken.mean()[1],
          taken.variance(0, Variance.UNBIASED),
          taken.variance(1, Variance.BIASED)
        },
        0);
  }

  @ParameterizedTest
  @EnumSource
  void oneValueHasNoUnbiasedVariance(Variance variance) {
    MomentsAccumulator moments = inDouble(1);
    moments.add(column(5));
    double value = moments.moments().variance(0, variance);
    assertTrue(variance == Variance.BIASED ? value == 0 : Double.isNaN(value));
  }

  /** What batch norm takes over: the variances by the divisor, which goes along. */
  @Test
  void statisticsDivideByTheirDivisor() {
    MomentsAccumulator moments = inDouble(2);
    moments.add(Matrix.of(new double[] {1, 10, 2, 30, 6, 20}, 3, 2));
    for (Variance variance : Variance.values()) {
      Statistics statistics = moments.moments().statistics(variance);
      long divisor = variance == Variance.UNBIASED ? 2 : 3;
      assertArrayEquals(new double[] {3, 20}, statistics.mean());
      double[] variances = {14.0 / divisor, 200.0 / divisor};
      assertClose("variance", variances, statistics.variance(), 1e-15);
      assertEquals(3, statistics.n());
      assertEquals(divisor, statistics.divisor());
      assertTrue(statistics.areOfTheInput());
    }
    Statistics constant = Statistics.constant(new double[] {3}, new double[] {2});
    assertEquals(0, constant.n());
    assertEquals(0, constant.divisor());
  }

  @Test
  void statisticsOfTooFewRowsAreRefused() {
    MomentsAccumulator moments = inDouble(1);
    assertRefused(
        IllegalStateException.class,
        () -> moments.moments().statistics(Variance.BIASED),
        "n (0) is too small: the BIASED variance");
    moments.add(column(5));
    assertRefused(
        IllegalStateException.class,
        () -> moments.moments().statistics(Variance.UNBIASED),
        "n (1) is too small: the UNBIASED variance of so few rows has no value");
    assertArrayEquals(new double[] {0}, moments.moments().statistics(Variance.BIASED).variance());
  }

  @Test
  void refusesNoColumnsAndOthers() {
    assertRefused(
        IllegalArgumentException.class, () -> inDouble(0), "columns (0) must be at least 1");
    assertEquals(3, inDouble(3).columns());
    assertRefused(
        IllegalArgumentException.class,
        () -> inDouble(3).add(Matrix.of(new double[4], 2, 2)),
        "x must be [2, 3], was [2, 2]");
  }
}

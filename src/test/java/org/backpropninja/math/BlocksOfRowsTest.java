package org.backpropninja.math;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What goes through in blocks of rows against the formulas in plain loops over the whole matrix, at
 * sizes below, at and above a block's, in double and in float.
 */
class BlocksOfRowsTest {

  private static final double EPSILON = 1e-5;

  /** Of float: some hundred roundings of numbers near 1. */
  private static final double SINGLE = 2e-6;

  @ParameterizedTest
  @CsvSource({
    "2, 1",
    "3, 5",
    "32, 200",
    "14, 200",
    "15, 200",
    "2960, 1",
    "2961, 1",
    "5000, 3",
    "1001, 200",
    "3, 2960",
    "3, 2961",
    "70, 1024",
    "2, 70000"
  })
  void batchNorm(int n, int H) {
    double[] x = floats(1, n * H, 0.3, 2);
    double[] dh = floats(2, n * H, 0, 1);
    double[] gain = floats(3, H, 1, 0.5);
    double[] bias = floats(4, H, 0, 0.5);
    for (Variance variance : Variance.values()) {
      for (Nonlinearity nonlinearity : Nonlinearity.values()) {
        boolean tanh = nonlinearity == Nonlinearity.TANH;
        Naive naive = new Naive(x, n, gain, bias, variance, tanh, dh);
        for (Precision precision : Precision.values()) {
          BatchNorm batchNorm = new BatchNorm(H, EPSILON, variance, nonlinearity, precision);
          double[] h = new double[n * H];
          assertTrue(batchNorm.forward(Elements.of(x), n, gain, bias, Elements.of(h)));
          double[] dx = dh.clone(); // in place, as dhprebn may be dh
          double[] dgain = new double[H];
          double[] dbias = new double[H];
          Elements both = Elements.of(dx);
          batchNorm.backward(Elements.of(x), both, gain, both, dgain, dbias);
          double relative = precision == Precision.DOUBLE ? 1e-11 : SINGLE;
          // At n = 2 what is left of dx is ε's doing: it is compared with what cancels.
          assertWithin("h", naive.h, h, relative * 4);
          assertWithin("dx", naive.dx, dx, relative * 100);
          assertWithin("dgain", naive.dgain, dgain, relative * Math.sqrt(n) * 4);
          assertWithin("dbias", naive.dbias, dbias, relative * Math.sqrt(n) * 4);
        }
      }
    }
  }

  /** All of batch norm's formulas, whole columns at a time. */
  private static final class Naive {
    final double[] h;
    final double[] dx;
    final double[] dgain;
    final double[] dbias;

    Naive(
        double[] x,
        int n,
        double[] gain,
        double[] bias,
        Variance variance,
        boolean tanh,
        double[] dh) {
      int H = gain.length;
      h = new double[n * H];
      dx = new double[n * H];
      dgain = new double[H];
      dbias = new double[H];
      for (int j = 0; j < H; j++) {
        double mean = 0;
        for (int k = j; k < n * H; k += H) {
          mean += x[k] / n;
        }
        double var = 0;
        for (int k = j; k < n * H; k += H) {
          var += (x[k] - mean) * (x[k] - mean) / variance.divisor(n);
        }
        double inv = 1 / Math.sqrt(var + EPSILON);
        double[] d = new double[n];
        for (int i = 0; i < n; i++) {
          double hpreact = gain[j] * (x[i * H + j] - mean) * inv + bias[j];
          h[i * H + j] = tanh ? Math.tanh(hpreact) : hpreact;
          double slope = tanh ? 1 - h[i * H + j] * h[i * H + j] : 1;
          d[i] = slope * dh[i * H + j];
          dbias[j] += d[i];
          dgain[j] += d[i] * (x[i * H + j] - mean) * inv;
        }
        for (int i = 0; i < n; i++) {
          double bnraw = (x[i * H + j] - mean) * inv;
          double through = dbias[j] / n + bnraw * dgain[j] / variance.divisor(n);
          dx[i * H + j] = gain[j] * inv * (d[i] - through);
        }
      }
    }
  }

  /** Numbers that float has too, around an offset. */
  private static double[] floats(long seed, int length, double offset, double width) {
    return new Random(seed)
        .doubles(length, -width, width)
        .map(value -> (float) (offset + value))
        .toArray();
  }

  /** The means are no floats here: what is left when they are rounded is most of a deviation. */
  @ParameterizedTest
  @CsvSource({"1e6, 1", "-3e4, 0.1", "1e3, 1e-2"})
  void floatKeepsWhatColumnsFarFromZeroHold(double offset, double width) {
    int n = 300;
    int H = 7;
    double[] x = floats(5, n * H, offset, width);
    double[] dh = floats(6, n * H, 0, 1);
    double[] gain = floats(7, H, 1, 0.5);
    double[] bias = floats(8, H, 0, 0.5);
    Naive naive = new Naive(x, n, gain, bias, Variance.UNBIASED, true, dh);
    BatchNorm single =
        new BatchNorm(H, EPSILON, Variance.UNBIASED, Nonlinearity.TANH, Precision.SINGLE);
    double[] h = new double[n * H];
    assertTrue(single.forward(Elements.of(x), n, gain, bias, Elements.of(h)));
    assertWithin("h", naive.h, h, 1e-5);
    double[] dx = new double[n * H];
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    single.backward(Elements.of(x), Elements.of(dh), gain, Elements.of(dx), dgain, dbias);
    assertClose("dx", naive.dx, dx, 1e-5);
    assertClose("dgain", naive.dgain, dgain, 1e-5);
    assertClose("dbias", naive.dbias, dbias, 1e-5);
  }

  /** Their squares, or what the gradient makes of them, are beyond float's range. */
  @ParameterizedTest
  @ValueSource(doubles = {1e-30, 1e-21, 1e-16, 1e16, 1e20, 1e25, 1e37})
  void floatTakesNumbersWhoseSquaresItCannotHold(double width) {
    int n = 50;
    double[] x = floats(9, n, 0, width);
    double[] dh = floats(6, n, 0, 1);
    BatchNorm single = new BatchNorm(1, 0, Variance.BIASED, Nonlinearity.TANH, Precision.SINGLE);
    BatchNorm inDouble = new BatchNorm(1, 0, Variance.BIASED, Nonlinearity.TANH, Precision.DOUBLE);
    double[] dgain = new double[1];
    double[] expectedDgain = new double[1];
    double[] h = passes(single, x, dh, dgain);
    double[] expected = passes(inDouble, x, dh, expectedDgain);
    assertWithin("h", Arrays.copyOf(expected, n), Arrays.copyOf(h, n), SINGLE);
    assertClose(
        "dx",
        Arrays.stream(expected, n, 2 * n).toArray(),
        Arrays.stream(h, n, 2 * n).toArray(),
        1e-5);
    assertClose("dgain", expectedDgain, dgain, 1e-5);
    assertEquals(
        1,
        single.moments().variance(0, Variance.BIASED)
            / inDouble.moments().variance(0, Variance.BIASED),
        1e-6);

    // And what comes next is as if nothing had been.
    double[] ordinary = floats(20, n, 3, 1);
    BatchNorm fresh = new BatchNorm(1, 0, Variance.BIASED, Nonlinearity.TANH, Precision.SINGLE);
    assertArrayEquals(
        passes(fresh, ordinary, dh, expectedDgain), passes(single, ordinary, dh, dgain));
    assertEquals(fresh.moments().mean(0), single.moments().mean(0));
  }

  /** h and then dx, gain and bias being 1. */
  private static double[] passes(BatchNorm batchNorm, double[] x, double[] dh, double[] dgain) {
    int n = x.length;
    double[] one = {1};
    double[] h = new double[n];
    double[] dx = new double[n];
    assertTrue(batchNorm.forward(Elements.of(x), n, one, one, Elements.of(h)));
    batchNorm.backward(Elements.of(x), Elements.of(dh), one, Elements.of(dx), dgain, new double[1]);
    return DoubleStream.concat(Arrays.stream(h), Arrays.stream(dx)).toArray();
  }

  @ParameterizedTest
  @EnumSource
  void tellsWhereverANumberIsNotFinite(Precision precision) {
    int n = 40;
    int H = 100; // two blocks
    double[] column = new double[H];
    Arrays.fill(column, 0.5);
    BatchNorm batchNorm =
        new BatchNorm(H, EPSILON, Variance.UNBIASED, Nonlinearity.TANH, precision);
    FiniteCheck check = new FiniteCheck(precision);
    Elements h = Elements.of(new double[n * H]);
    for (double wrong : new double[] {Double.NaN, 1 / 0.0, -1 / 0.0}) {
      for (int at : new int[] {0, 57, 2960, n * H - 1}) {
        double[] x = floats(10, n * H, 0, 1);
        assertTrue(check.passes(Elements.of(x), n * H));
        assertTrue(batchNorm.forward(Elements.of(x), n, column, column, h));
        assertTrue(batchNorm.forward(Elements.of(x), n, column, column, column, column, h));
        x[at] = wrong;
        assertFalse(check.passes(Elements.of(x), n * H));
        assertTrue(check.passes(Elements.of(x), at)); // what comes before
        assertFalse(batchNorm.forward(Elements.of(x), n, column, column, h));
        assertFalse(batchNorm.forward(Elements.of(x), n, column, column, column, column, h));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 2000", "2960, 1", "1000000, 1", "5, 3", "40000, 3", "9, 741"})
  void columnSums(int n, int H) {
    double[] x = floats(11, n * H, 0.1, 1);
    double[] expected = new double[H];
    double[] size = new double[H];
    for (int k = 0; k < n * H; k++) {
      expected[k % H] += x[k];
      size[k % H] += Math.abs(x[k]);
    }
    for (Precision precision : Precision.values()) {
      double[] sum = new double[H];
      Arrays.fill(sum, Double.NaN);
      new Columns(H, precision).sum(Elements.of(x), n, sum);
      double relative = precision == Precision.DOUBLE ? 1e-14 : 1e-6;
      assertWithin("sum", expected, sum, relative * Arrays.stream(size).max().orElseThrow());
    }
  }

  /** What they had summed up until the matrix ended too early must not be in the next sums. */
  @ParameterizedTest
  @EnumSource
  void aPassThatFailedLeavesNothing(Precision precision) {
    int n = 9000;
    double[] one = {1};
    double[] x = floats(18, n, 0, 1);
    Elements tooShort = Elements.of(Arrays.copyOf(x, 7000));
    Elements whole = Elements.of(x);
    Elements h = Elements.of(new double[n]);

    Columns columns = new Columns(1, precision);
    assertThrows(RuntimeException.class, () -> columns.sum(tooShort, n, new double[1]));
    double[] sum = new double[1];
    columns.sum(whole, n, sum);
    assertEquals(Arrays.stream(x).sum(), sum[0], 1e-2);

    Moments moments = new Moments(1, precision);
    assertThrows(RuntimeException.class, () -> moments.add(tooShort, n));
    moments.reset();
    moments.add(whole, n);
    Moments fresh = new Moments(1, precision);
    fresh.add(whole, n);
    assertEquals(fresh.mean(0), moments.mean(0));
    assertEquals(fresh.variance(0, Variance.BIASED), moments.variance(0, Variance.BIASED));

    BatchNorm batchNorm = new BatchNorm(1, EPSILON, Variance.BIASED, Nonlinearity.TANH, precision);
    batchNorm.forward(whole, n, one, one, h);
    double[] dgain = new double[1];
    double[] dbias = new double[1];
    Elements dx = Elements.of(new double[n]);
    assertThrows(
        RuntimeException.class, () -> batchNorm.backward(whole, tooShort, one, dx, dgain, dbias));
    batchNorm.backward(whole, whole, one, dx, dgain, dbias);
    double[] dgainAgain = new double[1];
    double[] dbiasAgain = new double[1];
    batchNorm.backward(whole, whole, one, dx, dgainAgain, dbiasAgain);
    assertArrayEquals(dgain, dgainAgain);
    assertArrayEquals(dbias, dbiasAgain);
  }

  /** The first rows say the least about the others. */
  @Test
  void momentsInFloatOfSortedColumns() {
    double[] x = floats(19, 70001, 5, 1);
    Arrays.sort(x);
    x[x.length - 1] = 1000;
    for (double[] column : new double[][] {x, reversed(x)}) {
      Moments inDouble = new Moments(1);
      inDouble.add(Elements.of(column), column.length);
      Moments single = new Moments(1, Precision.SINGLE);
      single.add(Elements.of(column), column.length);
      double variance = inDouble.variance(0, Variance.UNBIASED);
      assertEquals(inDouble.mean(0), single.mean(0), 1e-6 * Math.sqrt(variance));
      assertEquals(variance, single.variance(0, Variance.UNBIASED), 1e-5 * variance);
    }
  }

  private static double[] reversed(double[] x) {
    return IntStream.range(0, x.length).mapToDouble(k -> x[x.length - 1 - k]).toArray();
  }

  @ParameterizedTest
  @CsvSource({"1e6, 1", "1e3, 1e-2", "0, 1"})
  void momentsInFloat(double offset, double width) {
    int n = 70001;
    double[] x = floats(12, n * 2, offset, width);
    Moments inDouble = new Moments(2);
    inDouble.add(Elements.of(x), n);
    Moments single = new Moments(2, Precision.SINGLE);
    single.add(Elements.of(x), n);
    for (int j = 0; j < 2; j++) {
      double variance = inDouble.variance(j, Variance.UNBIASED);
      assertEquals(inDouble.mean(j), single.mean(j), 1e-6 * Math.sqrt(variance));
      assertEquals(variance, single.variance(j, Variance.UNBIASED), 1e-6 * variance);
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "5, 2", "75, 27", "76, 27", "200, 27", "2, 2040", "2, 2041", "3, 5000"})
  void crossEntropy(int n, int V) {
    double[] logits = floats(13, n * V, 0, 9);
    double[] y = floats(14, n * V, 0.5, 0.5);
    double[] weight = floats(15, n, 0.6, 0.5);
    int[] Yb = new Random(16).ints(n, 0, V).toArray();
    weight[n / 2] = 0;
    Arrays.fill(y, n / 2 * V, (n / 2 + 1) * V, 0);
    logits[n / 2 * V] = Double.NaN; // left out, whatever stands there
    double[] oneHot = new double[n * V];
    IntStream.range(0, n).forEach(i -> oneHot[i * V + Yb[i]] = weight[i]);
    CrossEntropy crossEntropy = new CrossEntropy(V);
    double[] loss = new double[n];
    double[] both = new double[n];
    double[] dlogits = new double[n * V];
    assertTrue(crossEntropy.forward(Elements.of(logits), Yb, weight, loss));
    assertTrue(
        crossEntropy.forwardAndBackward(
            Elements.of(logits), Yb, weight, both, Elements.of(dlogits)));
    assertArrayEquals(loss, both);
    assertCrossEntropy(logits, oneHot, V, loss, dlogits);
    assertTrue(crossEntropy.forward(Elements.of(logits), Elements.of(y), loss));
    assertTrue(
        crossEntropy.forwardAndBackward(
            Elements.of(logits), Elements.of(y), both, Elements.of(dlogits)));
    assertArrayEquals(loss, both);
    assertCrossEntropy(logits, y, V, loss, dlogits);
  }

  private static void assertCrossEntropy(
      double[] logits, double[] y, int V, double[] loss, double[] dlogits) {
    double[] expectedLoss = new double[loss.length];
    double[] expected = new double[dlogits.length];
    for (int i = 0; i < loss.length; i++) {
      double[] row = Arrays.copyOfRange(logits, i * V, (i + 1) * V);
      double[] target = Arrays.copyOfRange(y, i * V, (i + 1) * V);
      double sum = Arrays.stream(target).sum();
      double counts = Arrays.stream(row).map(Math::exp).sum();
      for (int j = 0; sum != 0 && j < V; j++) {
        expectedLoss[i] += target[j] * (Math.log(counts) - row[j]);
        expected[i * V + j] = sum * Math.exp(row[j]) / counts - target[j];
      }
    }
    assertClose("loss", expectedLoss, loss, 1e-13);
    assertClose("dlogits", expected, dlogits, 1e-13);
  }

  @Test
  void crossEntropyTellsWhereverALogitIsNotFinite() {
    int n = 200;
    int V = 27;
    CrossEntropy crossEntropy = new CrossEntropy(V);
    double[] weight = new double[n];
    Arrays.fill(weight, 1);
    double[] y = new double[n * V];
    Arrays.fill(y, 0.1);
    for (double wrong : new double[] {Double.NaN, 1 / 0.0, -1 / 0.0}) {
      for (int at : new int[] {0, 26, 27 * 75, n * V - 1}) {
        double[] logits = floats(17, n * V, 0, 9);
        logits[at] = wrong;
        Elements x = Elements.of(logits);
        assertFalse(crossEntropy.forward(x, new int[n], weight, new double[n]));
        assertFalse(crossEntropy.forward(x, Elements.of(y), new double[n]));
      }
    }
  }
}

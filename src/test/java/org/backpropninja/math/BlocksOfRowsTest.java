package org.backpropninja.math;

import static org.backpropninja.math.Numbers.floats;
import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What goes through in blocks and stripes of rows against the formulas in plain loops over the
 * whole matrix, at sizes below, at and above a block's and a stripe's, in double and in float.
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
    "2, 70000",
    "1480, 1",
    "1481, 1",
    "65120, 1", // one stripe
    "65121, 1",
    "300, 741" // a row a block, as many blocks in a stripe as there can be
  })
  void batchNorm(int n, int H) {
    double[] x = floats(1, n * H, 0.3, 2);
    double[] dh = floats(2, n * H, 0, 1);
    double[] gain = floats(3, H, 1, 0.5);
    double[] bias = floats(4, H, 0, 0.5);
    for (Variance variance : Variance.values()) {
      for (Activation activation : Activation.values()) {
        boolean tanh = activation == Activation.TANH;
        Naive naive = new Naive(x, n, gain, bias, variance, tanh, dh, EPSILON);
        for (Precision precision : Precision.values()) {
          Passes passes = new Passes(n, H);
          BatchNorm batchNorm = new BatchNorm(H, EPSILON, activation, precision);
          passes.dx = dh.clone(); // in place, as dhprebn may be dh
          passes.run(batchNorm, x, passes.dx, gain, bias, variance);
          double relative = precision == Precision.DOUBLE ? 1e-11 : SINGLE;
          // At n = 2 what is left of dx is ε's doing: it is compared with what cancels.
          assertWithin("h", naive.h, passes.h, relative * 4);
          assertWithin("dx", naive.dx, passes.dx, relative * 100);
          assertWithin("dgain", naive.dgain, passes.dgain, relative * Math.sqrt(n) * 4);
          assertWithin("dbias", naive.dbias, passes.dbias, relative * Math.sqrt(n) * 4);
        }
      }
    }
  }

  /** What a forward and a backward pass of a batch norm give. */
  private static final class Passes {
    final int n;
    final int H;
    final double[] h;
    double[] dx;
    final double[] dgain;
    final double[] dbias;

    Passes(int n, int H) {
      this.n = n;
      this.H = H;
      h = new double[n * H];
      dx = new double[n * H];
      dgain = new double[H];
      dbias = new double[H];
    }

    /** Returns the statistics on the way. */
    Statistics run(
        BatchNorm batchNorm,
        double[] x,
        double[] dh,
        double[] gain,
        double[] bias,
        Variance variance) {
      Matrix hprebn = Matrix.of(x, n, H);
      Statistics statistics = batchNorm.measure(hprebn).statistics(variance);
      batchNorm.forward(
          hprebn,
          statistics,
          Matrix.of(gain, 1, H),
          Matrix.of(bias, 1, H),
          Matrix.of(h, n, H),
          true);
      batchNorm.backward(
          Matrix.of(dh, n, H), Matrix.of(dx, n, H), Matrix.of(dgain, 1, H), Matrix.of(dbias, 1, H));
      return statistics;
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
        double[] dh,
        double epsilon) {
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
        double inv = 1 / Math.sqrt(var + epsilon);
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
    Naive naive = new Naive(x, n, gain, bias, Variance.UNBIASED, true, dh, EPSILON);
    Passes single = new Passes(n, H);
    single.run(
        new BatchNorm(H, EPSILON, Activation.TANH, Precision.SINGLE),
        x,
        dh,
        gain,
        bias,
        Variance.UNBIASED);
    assertWithin("h", naive.h, single.h, 1e-5);
    assertClose("dx", naive.dx, single.dx, 1e-5);
    assertClose("dgain", naive.dgain, single.dgain, 1e-5);
    assertClose("dbias", naive.dbias, single.dbias, 1e-5);
  }

  /** Their squares, or what the gradient makes of them, are beyond float's range. */
  @ParameterizedTest
  @ValueSource(doubles = {1e-30, 1e-21, 1e-16, 1e16, 1e20, 1e25, 1e37})
  void floatTakesNumbersWhoseSquaresItCannotHold(double width) {
    int n = 50;
    double[] x = floats(9, n, 0, width);
    double[] dh = floats(6, n, 0, 1);
    double[] gain = {1.3};
    double[] bias = {-0.2};
    BatchNorm single = new BatchNorm(1, 0, Activation.TANH, Precision.SINGLE);
    Passes passes = new Passes(n, 1);
    Statistics statistics = passes.run(single, x, dh, gain, bias, Variance.BIASED);
    double variance = statistics.variance()[0];
    Naive naive = new Naive(x, n, gain, bias, Variance.BIASED, true, dh, 0);
    assertWithin("h", naive.h, passes.h, SINGLE);
    assertClose("dx", naive.dx, passes.dx, 1e-5);
    assertClose("dgain", naive.dgain, passes.dgain, 1e-5);
    assertEquals(1, variance / exactVariance(x), 1e-6);

    // And what comes next is as if nothing had been.
    double[] ordinary = floats(20, n, 3, 1);
    BatchNorm fresh = new BatchNorm(1, 0, Activation.TANH, Precision.SINGLE);
    Passes expected = new Passes(n, 1);
    Statistics expectedStatistics = expected.run(fresh, ordinary, dh, gain, bias, Variance.BIASED);
    statistics = passes.run(single, ordinary, dh, gain, bias, Variance.BIASED);
    assertArrayEquals(expected.h, passes.h);
    assertArrayEquals(expected.dx, passes.dx);
    assertArrayEquals(expected.dgain, passes.dgain);
    assertArrayEquals(expectedStatistics.mean(), statistics.mean());
    assertArrayEquals(expectedStatistics.variance(), statistics.variance());
  }

  private static double exactVariance(double[] x) {
    double mean = Arrays.stream(x).average().orElseThrow();
    return Arrays.stream(x).map(value -> (value - mean) * (value - mean)).average().orElseThrow();
  }

  /** Where a column does not vary there is nothing to normalise, and no gradient but ε's. */
  @ParameterizedTest
  @EnumSource
  void aColumnThatDoesNotVary(Precision precision) {
    int n = 40;
    Passes passes = new Passes(n, 2);
    double[] x = new double[2 * n];
    Arrays.setAll(x, k -> k % 2 == 0 ? 0.1f : k);
    double[] dh = floats(6, 2 * n, 0, 1);
    double[] gain = {1.3, 0.7};
    double[] bias = {-0.2, 0.4};
    Statistics statistics =
        passes.run(
            new BatchNorm(2, EPSILON, Activation.IDENTITY, precision),
            x,
            dh,
            gain,
            bias,
            Variance.UNBIASED);
    assertEquals(0.1f, statistics.mean()[0], 1e-16);
    assertEquals(0, statistics.variance()[0], 1e-30);
    Naive naive = new Naive(x, n, gain, bias, Variance.UNBIASED, false, dh, EPSILON);
    double relative = precision == Precision.DOUBLE ? 1e-11 : SINGLE;
    assertWithin("h", naive.h, passes.h, relative * 4);
    assertClose("dx", naive.dx, passes.dx, relative);
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "32, 200", "15, 200", "2961, 1", "1001, 200", "3, 2961", "2, 70000"})
  void dense(int n, int H) {
    NaiveDense naive = new NaiveDense(n, H);
    for (Precision precision : Precision.values()) {
      Dense dense = new Dense(H, Activation.TANH, precision);
      double[] h = Numbers.filled(n * H, Double.NaN);
      double[] dx = Numbers.filled(2 * n, Double.NaN);
      double[] dW = Numbers.filled(2 * H, Double.NaN);
      double[] db = Numbers.filled(H, Double.NaN);
      Matrix x = Matrix.of(naive.x, n, 2);
      Matrix W = Matrix.of(naive.W, 2, H);
      dense.forward(x, W, Matrix.of(naive.b, 1, H), Matrix.of(h, n, H), true);
      dense.backward(
          Matrix.of(naive.dh, n, H),
          x,
          W,
          Matrix.of(dx, n, 2),
          Matrix.of(dW, 2, H),
          Matrix.of(db, 1, H));
      double relative = precision == Precision.DOUBLE ? 1e-13 : SINGLE;
      assertClose("h", naive.h, h, relative);
      assertClose("dx", naive.dx, dx, relative);
      assertClose("dW", naive.dW, dW, relative);
      assertClose("db", naive.db, db, relative);
    }
  }

  /** A dense layer of two inputs and tanh, element by element. */
  private static final class NaiveDense {
    final double[] x;
    final double[] W;
    final double[] b;
    final double[] dh;
    final double[] h;
    final double[] dx;
    final double[] dW;
    final double[] db;

    NaiveDense(int n, int H) {
      x = floats(1, 2 * n, 0, 1);
      W = floats(2, 2 * H, 0.1, 1);
      b = floats(3, H, 0.3, 1);
      dh = floats(4, n * H, 0, 1);
      h = new double[n * H];
      dx = new double[2 * n];
      dW = new double[2 * H];
      db = new double[H];
      for (int k = 0; k < n * H; k++) {
        int i = k / H * 2;
        int j = k % H;
        h[k] = Math.tanh(x[i] * W[j] + x[i + 1] * W[H + j] + b[j]);
        double dz = (1 - h[k] * h[k]) * dh[k];
        dx[i] += dz * W[j];
        dx[i + 1] += dz * W[H + j];
        dW[j] += x[i] * dz;
        dW[H + j] += x[i + 1] * dz;
        db[j] += dz;
      }
    }
  }

  /** Indices that are named again and again, in one block and across stripes. */
  @ParameterizedTest
  @CsvSource({"1, 1, 1", "32, 3, 10", "50, 2, 200", "1000, 8, 64", "20, 1, 2961", "2, 70000, 1"})
  void embedding(int n, int T, int D) {
    int V = 27;
    int[] Xb = new Random(1).ints((long) n * T, 0, V - 2).toArray(); // the last two never
    double[] C = floats(2, V * D, 0.1, 1);
    double[] dembcat = floats(3, n * T * D, 0.1, 1);
    double[] embcat = new double[n * T * D];
    double[] dC = new double[V * D];
    for (int k = 0; k < n * T * D; k++) {
      int from = Xb[k / D] * D + k % D;
      embcat[k] = C[from];
      dC[from] += dembcat[k];
    }
    for (Precision precision : Precision.values()) {
      Embedding embedding = new Embedding(D, precision);
      double[] actual = new double[n * T * D];
      embedding.forward(Matrix.of(C, V, D), Xb, Matrix.of(actual, n, T * D));
      assertArrayEquals(embcat, actual);
      double[] actualdC = Numbers.filled(V * D, Double.NaN);
      embedding.backward(Matrix.of(dembcat, n, T * D), Matrix.of(actualdC, V, D));
      assertClose("dC", dC, actualdC, 1e-13); // in double in either
    }
  }

  @ParameterizedTest
  @EnumSource
  void finiteCheckTellsWhereverANumberIsNot(Precision precision) {
    int n = 70_000; // two stripes
    FiniteCheck check = new FiniteCheck(precision);
    for (double wrong : new double[] {Double.NaN, 1 / 0.0, -1 / 0.0}) {
      for (int at : new int[] {0, 57, 2960, 65_120, n - 1}) {
        double[] x = floats(10, n, 0, 1);
        assertTrue(check.passes(Matrix.of(x, n / 100, 100)));
        x[at] = wrong;
        assertFalse(check.passes(Matrix.of(x, n / 100, 100)));
        assertTrue(check.passes(Matrix.of(x, 1, at)), "what comes before");
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
      new Columns(H, precision, Threads.ofAll()).sum(Matrix.of(x, n, H), sum);
      double relative = precision == Precision.DOUBLE ? 1e-14 : 1e-6;
      assertWithin("sum", expected, sum, relative * Arrays.stream(size).max().orElseThrow());
    }
  }

  /** The first rows say the least about the others. */
  @Test
  void momentsInFloatOfSortedColumns() {
    double[] x = floats(19, 70001, 5, 1);
    Arrays.sort(x);
    x[x.length - 1] = 1000;
    for (double[] column : new double[][] {x, reversed(x)}) {
      assertMomentsInFloat(column, 1, 1e-5);
    }
  }

  private static double[] reversed(double[] x) {
    return IntStream.range(0, x.length).mapToDouble(k -> x[x.length - 1 - k]).toArray();
  }

  @ParameterizedTest
  @CsvSource({"1e6, 1", "1e3, 1e-2", "0, 1"})
  void momentsInFloat(double offset, double width) {
    assertMomentsInFloat(floats(12, 70001 * 2, offset, width), 2, 1e-6);
  }

  /** One stripe of three has squares that are beyond float's range. */
  @ParameterizedTest
  @CsvSource({"0", "1", "2"})
  void momentsInFloatOfOneWideStripe(int wide) {
    int rows = 65_120;
    double[] x = floats(22, 3 * rows, 0, 1);
    for (int k = wide * rows; k < (wide + 1) * rows; k++) {
      x[k] = (float) (1e25 * x[k] + 2e25);
    }
    assertMomentsInFloat(x, 1, 1e-6);
  }

  private static void assertMomentsInFloat(double[] x, int columns, double relative) {
    Matrix matrix = Matrix.of(x, x.length / columns, columns);
    MomentsAccumulator inDouble = new MomentsAccumulator(columns, Precision.DOUBLE);
    inDouble.add(matrix);
    MomentsAccumulator single = new MomentsAccumulator(columns, Precision.SINGLE);
    single.add(matrix);
    for (int j = 0; j < columns; j++) {
      double variance = inDouble.moments().variance(j, Variance.UNBIASED);
      double mean = inDouble.moments().mean()[j];
      assertEquals(mean, single.moments().mean()[j], 1e-6 * Math.sqrt(variance));
      double variance32 = single.moments().variance(j, Variance.UNBIASED);
      assertEquals(variance, variance32, relative * variance);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "5, 2",
    "75, 27",
    "76, 27",
    "200, 27",
    "2, 2040",
    "2, 2041",
    "3, 5000",
    "5000, 27" // three stripes
  })
  void crossEntropy(int n, int V) {
    double[] logits = floats(13, n * V, 0, 9);
    double[] y = floats(14, n * V, 0.5, 0.5);
    double[] weight = floats(15, n, 0.6, 0.5);
    int[] Yb = new Random(16).ints(n, 0, V).toArray();
    weight[n / 2] = 0;
    Yb[n / 2] = -100;
    Arrays.fill(y, n / 2 * V, (n / 2 + 1) * V, 0);
    logits[n / 2 * V] = Double.NaN; // left out, whatever stands there
    double[] oneHot = new double[n * V];
    for (int i = 0; i < n; i++) {
      oneHot[i * V + Math.max(0, Yb[i])] = weight[i];
    }
    Matrix x = Matrix.of(logits, n, V);
    for (Precision precision : Precision.values()) {
      CrossEntropy crossEntropy = new CrossEntropy(V, precision);
      double[] loss = new double[n];
      double[] dlogits = new double[n * V];
      Matrix out = Matrix.of(dlogits, n, V);
      assertTrue(crossEntropy.forwardAndBackward(x, Yb, weight, loss, out));
      assertCrossEntropy(logits, oneHot, V, loss, dlogits, precision);
      assertAloneAsWell(loss, only -> crossEntropy.forwardAndBackward(x, Yb, weight, only, null));
      Matrix targets = Matrix.of(y, n, V);
      assertTrue(crossEntropy.forwardAndBackward(x, targets, loss, out));
      assertCrossEntropy(logits, y, V, loss, dlogits, precision);
      assertAloneAsWell(loss, only -> crossEntropy.forwardAndBackward(x, targets, only, null));
    }
  }

  /** A way to compute the losses without the gradient. */
  private interface Forward {
    boolean run(double[] loss);
  }

  private static void assertAloneAsWell(double[] loss, Forward forward) {
    double[] alone = new double[loss.length];
    assertTrue(forward.run(alone));
    assertArrayEquals(loss, alone);
  }

  private static void assertCrossEntropy(
      double[] logits, double[] y, int V, double[] loss, double[] dlogits, Precision precision) {
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
    double relative = precision == Precision.DOUBLE ? 1e-13 : 1e-6;
    assertClose("loss", expectedLoss, loss, relative);
    assertClose("dlogits", expected, dlogits, relative);
  }

  @ParameterizedTest
  @EnumSource
  void crossEntropyTellsWhereverALogitIsNotFinite(Precision precision) {
    int n = 5000; // three stripes
    int V = 27;
    CrossEntropy crossEntropy = new CrossEntropy(V, precision);
    double[] weight = Numbers.filled(n, 1.5);
    Matrix y = Matrix.of(Numbers.filled(n * V, 0.1), n, V);
    double[] logits = floats(17, n * V, 0, 9);
    Matrix x = Matrix.of(logits, n, V);
    for (double wrong : new double[] {Double.NaN, 1 / 0.0, -1 / 0.0}) {
      for (int at : new int[] {0, 26, 27 * 75, 27 * 2500 + 3, n * V - 1}) {
        double right = logits[at];
        assertTrue(crossEntropy.forwardAndBackward(x, new int[n], weight, new double[n], null));
        logits[at] = wrong;
        assertFalse(crossEntropy.forwardAndBackward(x, new int[n], weight, new double[n], null));
        assertFalse(crossEntropy.forwardAndBackward(x, y, new double[n], null));
        logits[at] = right;
      }
    }
  }
}

package org.backpropninja.math;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What PyTorch's single-layer figures leave open: the affine map, tanh, refusals, buffers. */
class MathTest {

  @ParameterizedTest
  @CsvSource({"1, 1, 1", "2, 3, 4", "5, 1, 3", "4, 6, 1", "32, 30, 8"})
  void affine(int n, int I, int H) {
    double[] x = values(1, n * I);
    double[] W = values(2, I * H);
    double[] b = values(3, H);
    double[] dy = values(4, n * H);
    double[] y = new double[n * H + 2];
    Affine.forward(x, n, W, b, y);
    assertClose("y", product(x, W, b, n, I, H), Arrays.copyOf(y, n * H), 1e-14);
    double[] dx = filled(n * I, Double.NaN);
    double[] dW = filled(I * H, Double.NaN);
    double[] db = filled(H, Double.NaN);
    Affine.backward(x, n, W, dy, dx, dW, db);
    // The map is linear in each of the three, so central differences are exact but for rounding.
    assertWithin("dx", numerical(x, v -> weighted(v, n, W, b, dy)), dx, 1e-9);
    assertWithin("dW", numerical(W, v -> weighted(x, n, v, b, dy)), dW, 1e-9);
    assertWithin("db", numerical(b, v -> weighted(x, n, W, v, dy)), db, 1e-9);
  }

  private static double[] values(long seed, int length) {
    return new Random(seed).doubles(length, -2, 2).toArray();
  }

  /** Gradients are overwritten, whatever stood there. */
  private static double[] filled(int length, double value) {
    double[] x = new double[length];
    Arrays.fill(x, value);
    return x;
  }

  private static double[] product(double[] x, double[] W, double[] b, int n, int I, int H) {
    return IntStream.range(0, n * H)
        .mapToDouble(
            k ->
                b[k % H]
                    + IntStream.range(0, I)
                        .mapToDouble(l -> x[k / H * I + l] * W[l * H + k % H])
                        .sum())
        .toArray();
  }

  private static double weighted(double[] x, int n, double[] W, double[] b, double[] dy) {
    double[] y = new double[dy.length];
    Affine.forward(x, n, W, b, y);
    return IntStream.range(0, y.length).mapToDouble(k -> dy[k] * y[k]).sum();
  }

  private static double[] numerical(double[] at, ToDoubleFunction<double[]> f) {
    return IntStream.range(0, at.length)
        .mapToDouble(
            k ->
                (f.applyAsDouble(moved(at, k, 1e-4)) - f.applyAsDouble(moved(at, k, -1e-4))) / 2e-4)
        .toArray();
  }

  private static double[] moved(double[] x, int k, double step) {
    double[] moved = x.clone();
    moved[k] += step;
    return moved;
  }

  @Test
  void tanh() {
    double[] z = values(1, 20);
    double[] h = z.clone();
    Tanh.forwardInPlace(h, 19);
    double[] tanh = Arrays.stream(z, 0, 19).map(Math::tanh).toArray();
    assertClose("h", tanh, Arrays.copyOf(h, 19), 4e-15);
    assertArrayEquals(new double[] {z[19]}, new double[] {h[19]}); // beyond the length
    double[] dh = values(2, 20);
    double[] dz = dh.clone();
    Tanh.backwardInPlace(h, dz, 19);
    double[] derivative = new double[20];
    Arrays.setAll(derivative, k -> k == 19 ? dh[k] : dh[k] / Math.pow(Math.cosh(z[k]), 2));
    assertClose("dz", derivative, dz, 1e-14);
  }

  /** A layer keeps its buffers, and the next minibatch may be smaller. */
  @Test
  void batchNormForgetsTheMinibatchBefore() {
    double[] gain = {0.7, -1.3};
    double[] bias = {0.2, 0.4};
    BatchNorm used = batchNorm(2, 1e-5, Variance.UNBIASED);
    Elements before = Elements.of(values(1, 20));
    Elements dx = Elements.of(new double[20]);
    used.forward(before, 10, gain, bias, Elements.of(new double[20]));
    used.backward(before, Elements.of(values(2, 20)), gain, dx, new double[2], new double[2]);
    BatchNorm fresh = batchNorm(2, 1e-5, Variance.UNBIASED);
    assertArrayEquals(passes(fresh, gain, bias, 0), passes(used, gain, bias, Double.NaN));
  }

  private static BatchNorm batchNorm(int H, double epsilon, Variance variance) {
    return new BatchNorm(H, epsilon, variance, Nonlinearity.IDENTITY, Precision.DOUBLE);
  }

  /** y, dx, dgain and dbias one after the other. */
  private static double[] passes(BatchNorm batchNorm, double[] gain, double[] bias, double fill) {
    double[] y = filled(6, fill);
    Elements x = Elements.of(values(3, 6));
    batchNorm.forward(x, 3, gain, bias, Elements.of(y));
    double[] dx = filled(6, fill);
    double[] dgain = filled(2, fill);
    double[] dbias = filled(2, fill);
    batchNorm.backward(x, Elements.of(values(4, 6)), gain, Elements.of(dx), dgain, dbias);
    return IntStream.range(0, 16)
        .mapToDouble(
            k -> k < 6 ? y[k] : k < 12 ? dx[k - 6] : k < 14 ? dgain[k - 12] : dbias[k - 14])
        .toArray();
  }

  @Test
  void batchNormRefusesOneRowUnbiased() {
    double[] one = {5};
    Elements x = Elements.of(one);
    BatchNorm unbiased = batchNorm(1, 1e-5, Variance.UNBIASED);
    assertRefused(
        IllegalArgumentException.class,
        () -> unbiased.forward(x, 1, one, one, Elements.of(new double[1])),
        "n (1) is too small: the unbiased variance of so few rows has no value");
    BatchNorm biased = batchNorm(1, 1e-5, Variance.BIASED);
    double[] y = new double[1];
    biased.forward(x, 1, one, one, Elements.of(y));
    assertArrayEquals(one, y); // the bias is left
    assertRefused(
        IllegalArgumentException.class,
        () -> biased.forward(x, 0, one, one, Elements.of(y)),
        "n (0) is too small: the biased variance");
  }

  @Test
  void batchNormRefusesEpsilon() {
    for (double epsilon : new double[] {-1, Double.NaN}) {
      assertRefused(
          IllegalArgumentException.class,
          () -> batchNorm(1, epsilon, Variance.BIASED),
          "epsilon (" + epsilon + ") must be at least 0");
    }
  }
}

package org.backpropninja.math;

import static org.backpropninja.math.Numbers.doubles;
import static org.backpropninja.math.Numbers.filled;
import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Refusals.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.backpropninja.stepwise.StepwiseCores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What both implementations of the cores promise, where PyTorch's figures leave it open. */
class CoresTest {

  /** The implementations, in double. */
  enum Way {
    FUSED {
      @Override
      Cores cores() {
        return new FusedCores(Precision.DOUBLE);
      }
    },
    STEPWISE {
      @Override
      Cores cores() {
        return new StepwiseCores();
      }
    };

    abstract Cores cores();
  }

  /** Central differences of a function that is smooth or linear. */
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

  private static double product(double[] a, double[] b) {
    return IntStream.range(0, a.length).mapToDouble(k -> a[k] * b[k]).sum();
  }

  // Dense

  /** The numbers of one affine map. */
  private record Affine(int n, int I, int H, double[] x, double[] W, double[] b) {

    static Affine of(int n, int I, int H) {
      return new Affine(
          n, I, H, doubles(1, n * I, 0, 2), doubles(2, I * H, 0, 2), doubles(3, H, 0, 2));
    }

    double[] z() {
      return IntStream.range(0, n * H)
          .mapToDouble(
              k ->
                  b[k % H]
                      + IntStream.range(0, I)
                          .mapToDouble(l -> x[k / H * I + l] * W[l * H + k % H])
                          .sum())
          .toArray();
    }

    /** What the core gives. */
    double[] forward(Cores.Dense dense, boolean hasBias, boolean keep) {
      double[] h = filled(n * H, Double.NaN);
      Matrix bias = hasBias ? Matrix.of(b, 1, H) : null;
      dense.forward(Matrix.of(x, n, I), Matrix.of(W, I, H), bias, Matrix.of(h, n, H), keep);
      return h;
    }

    double weighted(Cores.Dense dense, double[] x, double[] W, double[] b, double[] dh) {
      return product(new Affine(n, I, H, x, W, b).forward(dense, true, false), dh);
    }
  }

  static List<int[]> sizes() {
    return List.of(
        new int[] {1, 1, 1},
        new int[] {2, 3, 4},
        new int[] {5, 1, 3},
        new int[] {4, 6, 1},
        new int[] {32, 30, 8});
  }

  /** The map is linear in each of the three, so central differences are exact but for rounding. */
  @ParameterizedTest
  @EnumSource
  void affine(Way way) {
    for (int[] size : sizes()) {
      Affine a = Affine.of(size[0], size[1], size[2]);
      Cores.Dense dense = way.cores().dense(a.H, Activation.IDENTITY);
      double[] dh = doubles(4, a.n * a.H, 0, 2);
      assertClose("h", a.z(), a.forward(dense, true, true), 1e-14);
      double[][] gradients = backward(dense, a, dh, true);
      Cores.Dense other = way.cores().dense(a.H, Activation.IDENTITY);
      assertWithin(
          "dx", numerical(a.x, v -> a.weighted(other, v, a.W, a.b, dh)), gradients[0], 1e-9);
      assertWithin(
          "dW", numerical(a.W, v -> a.weighted(other, a.x, v, a.b, dh)), gradients[1], 1e-9);
      assertWithin(
          "db", numerical(a.b, v -> a.weighted(other, a.x, a.W, v, dh)), gradients[2], 1e-9);
    }
  }

  /** dx, dW and db. */
  private static double[][] backward(Cores.Dense dense, Affine a, double[] dh, boolean hasBias) {
    double[] dx = filled(a.n * a.I, Double.NaN);
    double[] dW = filled(a.I * a.H, Double.NaN);
    double[] db = filled(a.H, Double.NaN);
    Matrix dhs = Matrix.of(dh.clone(), a.n, a.H);
    dense.backward(
        dhs,
        Matrix.of(a.x, a.n, a.I),
        Matrix.of(a.W, a.I, a.H),
        Matrix.of(dx, a.n, a.I),
        Matrix.of(dW, a.I, a.H),
        hasBias ? Matrix.of(db, 1, a.H) : null);
    double[] after = new double[dh.length];
    dhs.read(0, after.length, after);
    assertArrayEquals(dh, after, "dh is the caller's");
    return new double[][] {dx, dW, db};
  }

  @ParameterizedTest
  @EnumSource
  void affineAndTanh(Way way) {
    for (int[] size : sizes()) {
      Affine a = Affine.of(size[0], size[1], size[2]);
      Cores.Dense dense = way.cores().dense(a.H, Activation.TANH);
      double[] h = Arrays.stream(a.z()).map(Math::tanh).toArray();
      assertClose("h", h, a.forward(dense, true, true), 1e-13);
      double[] dh = doubles(4, a.n * a.H, 0, 2);
      double[] dz = new double[dh.length];
      Arrays.setAll(dz, k -> (1 - h[k] * h[k]) * dh[k]);
      Cores.Dense identity = way.cores().dense(a.H, Activation.IDENTITY);
      a.forward(identity, true, true);
      double[][] expected = backward(identity, a, dz, true);
      double[][] gradients = backward(dense, a, dh, true);
      for (int k = 0; k < 3; k++) {
        assertClose("gradient " + k, expected[k], gradients[k], 1e-12);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aDenseCoreWithoutABiasAndWithoutAGradientOfItsInput(Way way) {
    for (Activation activation : Activation.values()) {
      Affine without = Affine.of(5, 3, 4);
      Affine zero = new Affine(5, 3, 4, without.x, without.W, new double[4]);
      Cores.Dense expected = way.cores().dense(4, activation);
      Cores.Dense dense = way.cores().dense(4, activation);
      without.forward(dense, true, true); // a pass with a bias leaves nothing
      assertClose(
          "h", zero.forward(expected, true, true), without.forward(dense, false, true), 1e-15);
      double[] dh = doubles(4, 20, 0, 2);
      double[][] gradients = backward(expected, zero, dh, true);
      double[][] some = backward(dense, without, dh, false);
      assertArrayEquals(gradients[0], some[0]);
      assertArrayEquals(gradients[1], some[1]);
      assertArrayEquals(filled(4, Double.NaN), some[2]);
      double[] dW = new double[12];
      Matrix x = Matrix.of(without.x, 5, 3);
      Matrix W = Matrix.of(without.W, 3, 4);
      dense.backward(Matrix.of(dh, 5, 4), x, W, null, Matrix.of(dW, 3, 4), null);
      assertArrayEquals(gradients[1], dW);
    }
  }

  // Batch norm

  /** Gain and bias are never neutral. */
  private static final Matrix GAIN = Matrix.of(new double[] {0.7, -1.3}, 1, 2);

  private static final Matrix BIAS = Matrix.of(new double[] {0.2, 0.4}, 1, 2);

  private static double[] forward(
      Cores.BatchNorm batchNorm, double[] x, Variance variance, boolean keep) {
    Matrix hprebn = Matrix.of(x, x.length / 2, 2);
    Statistics statistics =
        variance == null
            ? Statistics.constant(new double[] {0.3, -0.1}, new double[] {2, 0.5})
            : batchNorm.measure(hprebn).statistics(variance);
    double[] h = filled(x.length, Double.NaN);
    batchNorm.forward(hprebn, statistics, GAIN, BIAS, Matrix.of(h, x.length / 2, 2), keep);
    return h;
  }

  /** dx, dgain and dbias. */
  private static double[][] backward(Cores.BatchNorm batchNorm, double[] dh) {
    double[] dx = filled(dh.length, Double.NaN);
    double[] dgain = filled(2, Double.NaN);
    double[] dbias = filled(2, Double.NaN);
    batchNorm.backward(
        Matrix.of(dh, dh.length / 2, 2),
        Matrix.of(dx, dh.length / 2, 2),
        Matrix.of(dgain, 1, 2),
        Matrix.of(dbias, 1, 2));
    return new double[][] {dx, dgain, dbias};
  }

  /** By the minibatch's own statistics, both variances, and by constant ones. */
  @ParameterizedTest
  @EnumSource
  void batchNormsGradientIsThatOfItsForwardPass(Way way) {
    double[] x = doubles(1, 14, 0.3, 2);
    double[] dh = doubles(2, 14, 0, 1);
    for (Activation activation : Activation.values()) {
      Cores.BatchNorm batchNorm = way.cores().batchNorm(2, 0.1, activation);
      for (Variance variance : new Variance[] {Variance.UNBIASED, null, Variance.BIASED}) {
        forward(batchNorm, x, variance, true);
        double[][] gradients = backward(batchNorm, dh);
        assertWithin(
            "dx",
            numerical(x, moved -> product(forward(batchNorm, moved, variance, false), dh)),
            gradients[0],
            1e-7);
        if (activation == Activation.IDENTITY) {
          double[] h = forward(batchNorm, x, variance, false);
          double[] dgain = new double[2];
          double[] dbias = new double[2];
          for (int k = 0; k < 14; k++) {
            double bnraw = (h[k] - BIAS_VALUES[k % 2]) / GAIN_VALUES[k % 2];
            dgain[k % 2] += bnraw * dh[k];
            dbias[k % 2] += dh[k];
          }
          assertClose("dgain", dgain, gradients[1], 1e-13);
          assertClose("dbias", dbias, gradients[2], 1e-13);
        }
      }
    }
  }

  private static final double[] GAIN_VALUES = {0.7, -1.3};
  private static final double[] BIAS_VALUES = {0.2, 0.4};

  /** A layer keeps its buffers, and the next minibatch may be smaller. */
  @ParameterizedTest
  @EnumSource
  void batchNormForgetsTheMinibatchBefore(Way way) {
    for (Activation activation : Activation.values()) {
      Cores.BatchNorm used = way.cores().batchNorm(2, 1e-5, activation);
      forward(used, doubles(1, 20, 0, 2), Variance.UNBIASED, true);
      backward(used, doubles(2, 20, 0, 2));
      Cores.BatchNorm fresh = way.cores().batchNorm(2, 1e-5, activation);
      double[] x = doubles(3, 6, 0, 2);
      double[] dh = doubles(4, 6, 0, 2);
      assertArrayEquals(
          forward(fresh, x, Variance.UNBIASED, true), forward(used, x, Variance.UNBIASED, true));
      assertArrayEquals(backward(fresh, dh), backward(used, dh));
    }
  }

  /** One row less its mean is 0, and the bias is left. */
  @ParameterizedTest
  @EnumSource
  void batchNormOfOneRow(Way way) {
    Cores.BatchNorm batchNorm = way.cores().batchNorm(2, 1e-5, Activation.IDENTITY);
    assertArrayEquals(BIAS_VALUES, forward(batchNorm, new double[] {5, 7}, Variance.BIASED, true));
    assertArrayEquals(new double[2], backward(batchNorm, new double[] {3, -2})[0]);
    assertThrows(
        RuntimeException.class,
        () -> forward(batchNorm, new double[] {5, 7}, Variance.UNBIASED, true));
  }

  @Test
  void batchNormRefusesEpsilonAndNoColumns() {
    for (double epsilon : new double[] {-1, Double.NaN}) {
      refused(
          () -> new BatchNorm(1, epsilon, Activation.TANH, Precision.DOUBLE),
          "epsilon (" + epsilon + ") must be at least 0");
    }
    refused(
        () -> new BatchNorm(0, 1, Activation.TANH, Precision.DOUBLE),
        "columns (0) must be at least 1");
  }

  // All of them

  @ParameterizedTest
  @EnumSource
  void nothingGoesBackThroughAPassThatKeptNothing(Way way) {
    Class<IllegalStateException> illegal = IllegalStateException.class;
    String message = "backward needs a forward pass that keeps its values";
    Affine a = Affine.of(5, 3, 2);
    double[] dh = doubles(4, 10, 0, 2);
    Cores.Dense dense = way.cores().dense(2, Activation.TANH);
    assertRefused(illegal, () -> backward(dense, a, dh, true), message);
    a.forward(dense, true, true);
    backward(dense, a, dh, true);
    a.forward(dense, true, false);
    assertRefused(illegal, () -> backward(dense, a, dh, true), message);
    for (Activation activation : Activation.values()) {
      Cores.BatchNorm batchNorm = way.cores().batchNorm(2, 1e-5, activation);
      assertRefused(illegal, () -> backward(batchNorm, dh), message);
      forward(batchNorm, doubles(1, 10, 0, 2), Variance.BIASED, true);
      backward(batchNorm, dh);
      for (Variance variance : new Variance[] {Variance.UNBIASED, null}) {
        forward(batchNorm, doubles(1, 10, 0, 2), variance, false);
        assertRefused(illegal, () -> backward(batchNorm, dh), message);
      }
    }
  }

  private static Matrix zeros(int rows, int columns) {
    return Matrix.of(new double[rows * columns], rows, columns);
  }

  private static void refused(Executable call, String... parts) {
    assertRefused(IllegalArgumentException.class, call, parts);
  }

  @ParameterizedTest
  @EnumSource
  void denseRefusesOtherShapes(Way way) {
    Cores.Dense dense = way.cores().dense(3, Activation.TANH);
    Matrix x = zeros(5, 2);
    Matrix W = zeros(2, 3);
    Matrix b = zeros(1, 3);
    Matrix h = zeros(5, 3);
    refused(() -> dense.forward(zeros(5, 3), W, b, h, true));
    refused(() -> dense.forward(x, zeros(3, 2), b, h, true));
    for (Matrix wrong : List.of(zeros(1, 2), zeros(1, 4), zeros(3, 1))) {
      refused(() -> dense.forward(x, W, wrong, h, true));
    }
    for (Matrix wrong : List.of(zeros(4, 3), zeros(6, 3), zeros(3, 5))) {
      refused(() -> dense.forward(x, W, b, wrong, true));
    }
    dense.forward(x, W, b, h, true);
    refused(() -> dense.backward(zeros(5, 4), x, W, x, W, b));
    refused(() -> dense.backward(zeros(4, 3), x, W, x, W, b));
    refused(() -> dense.backward(h, x, W, zeros(5, 3), W, b));
    refused(() -> dense.backward(h, x, W, x, zeros(3, 2), b));
    for (Matrix wrong : List.of(zeros(1, 2), zeros(1, 4), zeros(3, 1))) {
      refused(() -> dense.backward(h, x, W, x, W, wrong));
    }
  }

  @ParameterizedTest
  @EnumSource
  void batchNormRefusesOtherShapes(Way way) {
    Cores.BatchNorm batchNorm = way.cores().batchNorm(2, 1e-5, Activation.TANH);
    Matrix x = Matrix.of(doubles(1, 10, 0, 2), 5, 2);
    Matrix h = zeros(5, 2);
    Statistics statistics = batchNorm.measure(x).statistics(Variance.BIASED);
    refused(() -> batchNorm.forward(zeros(2, 5), statistics, GAIN, BIAS, h, true));
    List<Matrix> wrongRows = List.of(zeros(1, 1), zeros(1, 3), zeros(2, 1));
    for (Matrix wrong : wrongRows) {
      refused(() -> batchNorm.forward(x, statistics, wrong, BIAS, h, true));
      refused(() -> batchNorm.forward(x, statistics, GAIN, wrong, h, true));
    }
    List<Matrix> wrongMatrices = List.of(zeros(4, 2), zeros(6, 2), zeros(2, 5));
    for (Matrix wrong : wrongMatrices) {
      refused(() -> batchNorm.forward(x, statistics, GAIN, BIAS, wrong, true));
    }
    batchNorm.forward(x, statistics, GAIN, BIAS, h, true);
    for (Matrix wrong : wrongMatrices) {
      refused(() -> batchNorm.backward(wrong, h, zeros(1, 2), zeros(1, 2)));
      refused(() -> batchNorm.backward(h, wrong, zeros(1, 2), zeros(1, 2)));
    }
    for (Matrix wrong : wrongRows) {
      refused(() -> batchNorm.backward(h, zeros(5, 2), wrong, zeros(1, 2)));
      refused(() -> batchNorm.backward(h, zeros(5, 2), zeros(1, 2), wrong));
    }
  }

  @ParameterizedTest
  @EnumSource
  void embeddingRefusesOtherShapes(Way way) {
    Cores.Embedding embedding = way.cores().embedding(3);
    Matrix C = zeros(4, 3);
    int[] Xb = {0, 3, 2, 2};
    Matrix embcat = zeros(2, 6);
    refused(() -> embedding.forward(zeros(4, 2), Xb, embcat));
    for (Matrix wrong : List.of(zeros(2, 3), zeros(3, 6), zeros(2, 5), zeros(6, 2))) {
      refused(() -> embedding.forward(C, Xb, wrong));
    }
    embedding.forward(C, Xb, embcat);
    for (Matrix wrong : List.of(zeros(2, 3), zeros(3, 6), zeros(2, 5), zeros(6, 2))) {
      refused(() -> embedding.backward(wrong, C));
    }
    for (Matrix wrong : List.of(zeros(4, 2), zeros(3, 4), zeros(3, 3), zeros(5, 3))) {
      refused(() -> embedding.backward(embcat, wrong));
    }
  }

  @ParameterizedTest
  @EnumSource
  void crossEntropyRefusesOtherShapes(Way way) {
    Cores.CrossEntropy crossEntropy = way.cores().crossEntropy(3);
    Matrix logits = zeros(2, 3);
    int[] Yb = {0, 2};
    double[] weight = {1, 1};
    double[] loss = new double[2];
    for (Matrix wrong : List.of(zeros(3, 2), zeros(1, 3), zeros(3, 3), zeros(2, 4))) {
      refused(() -> crossEntropy.forwardAndBackward(wrong, Yb, weight, loss, null));
      refused(() -> crossEntropy.forwardAndBackward(logits, Yb, weight, loss, wrong));
      refused(() -> crossEntropy.forwardAndBackward(logits, wrong, loss, null));
      refused(() -> crossEntropy.forwardAndBackward(logits, zeros(2, 3), loss, wrong));
    }
    refused(() -> crossEntropy.forwardAndBackward(logits, new int[3], weight, loss, null));
    refused(() -> crossEntropy.forwardAndBackward(logits, Yb, new double[3], loss, null));
  }

  /** Whatever their logits are, and whatever class they name. */
  @ParameterizedTest
  @EnumSource
  void examplesOfWeightZeroAreLeftOut(Way way) {
    Cores.CrossEntropy crossEntropy = way.cores().crossEntropy(3);
    double[] values = doubles(1, 9, 0, 2);
    values[3] = Double.NaN;
    values[4] = Double.POSITIVE_INFINITY;
    Matrix logits = Matrix.of(values, 3, 3);
    double[] loss = filled(3, Double.NaN);
    double[] dlogits = filled(9, Double.NaN);
    double[] weight = {0.5, 0, 2};
    int[] Yb = {2, 99, 0};
    assertTrue(crossEntropy.forwardAndBackward(logits, Yb, weight, loss, Matrix.of(dlogits, 3, 3)));
    assertLeftOut(loss, dlogits);
    double[] y = {0, 0, 0.5, 0, 0, 0, 2, 0, 0};
    double[] lossOfRows = filled(3, Double.NaN);
    double[] dlogitsOfRows = filled(9, Double.NaN);
    assertTrue(
        crossEntropy.forwardAndBackward(
            logits, Matrix.of(y, 3, 3), lossOfRows, Matrix.of(dlogitsOfRows, 3, 3)));
    assertLeftOut(lossOfRows, dlogitsOfRows);
    assertClose("loss", loss, lossOfRows, 1e-14);
    assertClose("dlogits", dlogits, dlogitsOfRows, 1e-14);
    weight[1] = 1e-9;
    Yb[1] = 1;
    assertFalse(crossEntropy.forwardAndBackward(logits, Yb, weight, loss, null));
  }

  private static void assertLeftOut(double[] loss, double[] dlogits) {
    assertArrayEquals(new double[] {0}, new double[] {Math.abs(loss[1])});
    for (int k = 3; k < 6; k++) {
      assertArrayEquals(new double[] {0}, new double[] {Math.abs(dlogits[k])});
    }
    assertTrue(loss[0] > 0 && loss[2] > 0);
  }
}

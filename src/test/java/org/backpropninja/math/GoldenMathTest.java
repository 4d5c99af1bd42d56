package org.backpropninja.math;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Golden.integers;
import static org.backpropninja.testing.Golden.numbers;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.backpropninja.stepwise.StepwiseCores;
import org.backpropninja.testing.Golden;
import org.backpropninja.testing.GoldenBatchNorm;
import org.backpropninja.testing.GoldenCrossEntropy;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.JsonNode;

/** Every single-layer figure of PyTorch in float64 against both implementations of the cores. */
class GoldenMathTest {

  private static final List<Cores> IMPLEMENTATIONS =
      List.of(new FusedCores(Precision.DOUBLE), new StepwiseCores());

  static Stream<GoldenBatchNorm> batchNorm() {
    return Golden.layerCases("batch_norm").stream().map(GoldenBatchNorm::new);
  }

  static Stream<GoldenCrossEntropy> crossEntropy() {
    return Golden.layerCases("cross_entropy").stream().map(GoldenCrossEntropy::new);
  }

  static List<JsonNode> embedding() {
    return Golden.layerCases("embedding_concat");
  }

  @ParameterizedTest
  @MethodSource
  void batchNorm(GoldenBatchNorm golden) {
    IMPLEMENTATIONS.forEach(cores -> assertBatchNorm(golden, cores));
  }

  private static void assertBatchNorm(GoldenBatchNorm golden, Cores cores) {
    int n = golden.n();
    int H = golden.H();
    Variance variance = golden.unbiased() ? Variance.UNBIASED : Variance.BIASED;
    Cores.BatchNorm batchNorm = cores.batchNorm(H, golden.eps(), Activation.IDENTITY);
    Matrix x = Matrix.of(golden.get("x"), n, H);
    Matrix gain = Matrix.of(golden.get("gain"), 1, H);
    Matrix bias = Matrix.of(golden.get("bias"), 1, H);
    double[] y = new double[n * H];
    Moments moments = batchNorm.measure(x);
    batchNorm.forward(x, moments.statistics(variance), gain, bias, Matrix.of(y, n, H), true);
    double[] dx = new double[n * H];
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    batchNorm.backward(
        Matrix.of(golden.get("dy"), n, H),
        Matrix.of(dx, n, H),
        Matrix.of(dgain, 1, H),
        Matrix.of(dbias, 1, H));

    golden.assertMean(moments.mean());
    golden.assertVar("var_biased", columns(H, j -> moments.variance(j, Variance.BIASED)));
    golden.assertVar("var_unbiased", columns(H, j -> moments.variance(j, Variance.UNBIASED)));
    golden.assertForward(y);
    golden.assertBackward(dx, dgain, dbias);
  }

  private static double[] columns(int H, IntToDoubleFunction f) {
    return IntStream.range(0, H).mapToDouble(f).toArray();
  }

  @ParameterizedTest
  @MethodSource
  void crossEntropy(GoldenCrossEntropy golden) {
    IMPLEMENTATIONS.forEach(cores -> assertCrossEntropy(golden, cores));
  }

  private static void assertCrossEntropy(GoldenCrossEntropy golden, Cores cores) {
    int n = golden.n();
    int V = golden.V();
    double[] loss = new double[n];
    double[] dlogits = new double[n * V];
    Cores.CrossEntropy crossEntropy = cores.crossEntropy(V);
    Matrix logits = Matrix.of(golden.logits(), n, V);
    Matrix y = Matrix.of(golden.targets(), n, V);
    assertTrue(crossEntropy.forwardAndBackward(logits, y, loss, Matrix.of(dlogits, n, V)));
    golden.assertLoss(Arrays.stream(loss).sum(), 1e-12);
    golden.assertGradient(dlogits, 1e-12);
    if (golden.hasClasses()) {
      int[] Yb = golden.labels();
      double[] weight = golden.weights();
      Arrays.fill(dlogits, Double.NaN);
      assertTrue(
          crossEntropy.forwardAndBackward(logits, Yb, weight, loss, Matrix.of(dlogits, n, V)));
      golden.assertLoss(Arrays.stream(loss).sum(), 1e-12);
      golden.assertGradient(dlogits, 1e-12);
    }
  }

  @ParameterizedTest
  @MethodSource
  void embedding(JsonNode c) {
    IMPLEMENTATIONS.forEach(cores -> assertEmbedding(c, cores));
  }

  private static void assertEmbedding(JsonNode c, Cores cores) {
    int n = c.get("X").size();
    int V = c.get("v").asInt();
    int D = c.get("d").asInt();
    int[] Xb = integers(c.get("X"));
    int width = Xb.length / n * D;
    Cores.Embedding embedding = cores.embedding(D);
    double[] y = new double[n * width];
    embedding.forward(Matrix.of(numbers(c.get("C")), V, D), Xb, Matrix.of(y, n, width));
    assertClose("y", numbers(c.get("y")), y, 0);
    double[] dC = new double[V * D];
    embedding.backward(Matrix.of(numbers(c.get("dy")), n, width), Matrix.of(dC, V, D));
    assertClose("dC", numbers(c.get("dC")), dC, 1e-12);
  }
}

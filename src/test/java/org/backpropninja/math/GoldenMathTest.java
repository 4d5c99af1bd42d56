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
import org.backpropninja.testing.Golden;
import org.backpropninja.testing.GoldenBatchNorm;
import org.backpropninja.testing.GoldenCrossEntropy;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.JsonNode;

/** Every single-layer figure of PyTorch in float64 against {@code math}. */
class GoldenMathTest {

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
    int n = golden.n();
    int H = golden.H();
    Variance variance = golden.unbiased() ? Variance.UNBIASED : Variance.BIASED;
    BatchNorm batchNorm =
        new BatchNorm(H, golden.eps(), variance, Nonlinearity.IDENTITY, Precision.DOUBLE);
    double[] y = new double[n * H];
    Elements x = Elements.of(golden.get("x"));
    batchNorm.forward(x, n, golden.get("gain"), golden.get("bias"), Elements.of(y));
    double[] dx = new double[n * H];
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    Elements dy = Elements.of(golden.get("dy"));
    batchNorm.backward(x, dy, golden.get("gain"), Elements.of(dx), dgain, dbias);

    Moments moments = batchNorm.moments();
    golden.assertMean(columns(H, moments::mean));
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
    int n = golden.n();
    int V = golden.V();
    double[] loss = new double[n];
    double[] dlogits = new double[n * V];
    CrossEntropy crossEntropy = new CrossEntropy(V);
    Elements logits = Elements.of(golden.logits());
    Elements y = Elements.of(golden.targets());
    assertTrue(crossEntropy.forward(logits, y, loss));
    assertTrue(crossEntropy.forwardAndBackward(logits, y, loss, Elements.of(dlogits)));
    golden.assertLoss(Arrays.stream(loss).sum(), 1e-12);
    golden.assertGradient(dlogits, 1e-12);
    if (golden.hasClasses()) {
      int[] Yb = golden.labels();
      assertTrue(crossEntropy.forward(logits, Yb, golden.weights(), loss));
      assertTrue(
          crossEntropy.forwardAndBackward(
              logits, Yb, golden.weights(), loss, Elements.of(dlogits)));
      golden.assertLoss(Arrays.stream(loss).sum(), 1e-12);
      golden.assertGradient(dlogits, 1e-12);
    }
  }

  @ParameterizedTest
  @MethodSource
  void embedding(JsonNode c) {
    int D = c.get("d").asInt();
    int[] Xb = integers(c.get("X"));
    double[] y = new double[Xb.length * D];
    Embedding.forward(numbers(c.get("C")), Xb, D, y);
    assertClose("y", numbers(c.get("y")), y, 0);
    double[] dC = new double[c.get("v").asInt() * D];
    Embedding.backward(numbers(c.get("dy")), Xb, D, dC);
    assertClose("dC", numbers(c.get("dC")), dC, 1e-12);
  }
}

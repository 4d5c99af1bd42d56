package org.backpropninja.math;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Golden.integers;
import static org.backpropninja.testing.Golden.numbers;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.backpropninja.testing.Golden;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.nd4j.shade.jackson.databind.JsonNode;

/** Every single-layer figure of PyTorch in float64 against {@code math}. */
class GoldenMathTest {

  static List<JsonNode> batchNorm() {
    return Golden.layerCases("batch_norm");
  }

  static List<JsonNode> crossEntropy() {
    return Golden.layerCases("cross_entropy");
  }

  static List<JsonNode> embedding() {
    return Golden.layerCases("embedding_concat");
  }

  @ParameterizedTest
  @MethodSource
  void batchNorm(JsonNode c) {
    int n = c.get("n").asInt();
    int H = c.get("h").asInt();
    Variance variance = c.get("unbiased").asBoolean() ? Variance.UNBIASED : Variance.BIASED;
    BatchNorm batchNorm = new BatchNorm(H, c.get("eps").asDouble(), variance);
    double[] gain = numbers(c.get("gain"));
    double[] y = new double[n * H];
    batchNorm.forward(numbers(c.get("x")), n, gain, numbers(c.get("bias")), y);
    double[] dx = new double[n * H];
    double[] dgain = new double[H];
    double[] dbias = new double[H];
    batchNorm.backward(numbers(c.get("dy")), gain, dx, dgain, dbias);

    // x carries |mean|/σ times more rounding than its deviations from the mean do, and PyTorch's
    // figures
    // have it too (their variance of x = 1000 ± 0.0001 is off by 5.6e-10). Elsewhere this is 1e-12.
    double[] std = columns(H, j -> Math.sqrt(batchNorm.moments().variance(j, Variance.BIASED)));
    double[] offset = columns(H, j -> batchNorm.moments().mean(j) / std[j]);
    double relative = 1e-12 + 4 * Math.ulp(1.0) * largest(offset);
    assertClose("mean", numbers(c.get("mean")), columns(H, batchNorm.moments()::mean), 1e-12);
    for (Variance v : Variance.values()) {
      String name = "var_" + v.name().toLowerCase(Locale.ROOT);
      double[] var = columns(H, j -> batchNorm.moments().variance(j, v));
      assertClose(name, numbers(c.get(name)), var, relative);
    }
    assertClose("y", numbers(c.get("y")), y, relative);
    assertClose("dgain", numbers(c.get("dgain")), dgain, relative * Math.max(1, largest(offset)));
    assertClose("dbias", numbers(c.get("dbias")), dbias, 1e-12);
    // With two rows all but ε cancels in dx: what is left has the rounding of the terms, in PyTorch
    // too.
    double term = largest(numbers(c.get("dy"))) * largest(gain) / least(std);
    assertWithin("dx", numbers(c.get("dx")), dx, 1e-12 * Math.max(term, largest(dx)));
  }

  private static double least(double[] x) {
    return Arrays.stream(x).min().orElseThrow();
  }

  private static double[] columns(int H, IntToDoubleFunction f) {
    return IntStream.range(0, H).mapToDouble(f).toArray();
  }

  @ParameterizedTest
  @MethodSource
  void crossEntropy(JsonNode c) {
    int n = c.get("n").asInt();
    int V = c.get("v").asInt();
    double[] logits = numbers(c.get("logits"));
    double[] targets = targets(c, n, V);
    double[] loss = new double[n];
    double[] dlogits = new double[n * V];
    CrossEntropy.forward(logits, V, targets, loss);
    CrossEntropy.backward(logits, V, targets, n, dlogits);
    assertClose("loss", sum(c.get("loss_sum").asDouble()), sum(loss), 1e-12);
    assertClose("dlogits", numbers(c.get("dlogits_of_sum")), dlogits, 1e-12);
    if (c.get("label_smoothing").asDouble() == 0) {
      int[] Yb = integers(c.get("labels"));
      double[] weight = new double[n];
      for (int i = 0; i < n; i++) {
        weight[i] = Yb[i] == c.get("ignore_index").asInt() ? 0 : targets[i * V + Yb[i]];
      }
      CrossEntropy.forward(logits, V, Yb, weight, loss);
      CrossEntropy.backward(logits, V, Yb, weight, dlogits);
      assertClose("loss", sum(c.get("loss_sum").asDouble()), sum(loss), 1e-12);
      assertClose("dlogits", numbers(c.get("dlogits_of_sum")), dlogits, 1e-12);
    }
  }

  /** Label smoothing, class weights and ignored rows, as rows of targets. */
  private static double[] targets(JsonNode c, int n, int V) {
    double smoothing = c.get("label_smoothing").asDouble();
    double[] weight = c.get("weight").isArray() ? numbers(c.get("weight")) : null;
    int[] labels = integers(c.get("labels"));
    double[] y = new double[n * V];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < V && labels[i] != c.get("ignore_index").asInt(); j++) {
        double target = smoothing / V + (j == labels[i] ? 1 - smoothing : 0);
        y[i * V + j] = target * (weight == null ? 1 : weight[j]);
      }
    }
    return y;
  }

  private static double[] sum(double... x) {
    return new double[] {Arrays.stream(x).sum()};
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

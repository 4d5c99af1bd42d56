package org.backpropninja.testing;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Golden.integers;
import static org.backpropninja.testing.Golden.numbers;

import org.nd4j.shade.jackson.databind.JsonNode;

/** One of PyTorch's cross-entropy cases. */
public record GoldenCrossEntropy(JsonNode figures) {

  public int n() {
    return figures.get("n").asInt();
  }

  public int V() {
    return figures.get("v").asInt();
  }

  public double[] logits() {
    return numbers(figures.get("logits"));
  }

  /** Whether class indices and one weight per example say it all. */
  public boolean hasClasses() {
    return smoothing() == 0;
  }

  private double smoothing() {
    return figures.get("label_smoothing").asDouble();
  }

  /** The class of each example, {@code ignore_index} for those that are left out. */
  public int[] labels() {
    return integers(figures.get("labels"));
  }

  /** The weight of each example with its class, 0 for those that are left out. */
  public double[] weights() {
    int[] labels = labels();
    double[] targets = targets();
    double[] weights = new double[n()];
    for (int i = 0; i < n(); i++) {
      weights[i] = isIgnored(labels[i]) ? 0 : targets[i * V() + labels[i]];
    }
    return weights;
  }

  private boolean isIgnored(int label) {
    return label == figures.get("ignore_index").asInt();
  }

  /** Label smoothing, class weights and ignored rows, as rows of targets. */
  public double[] targets() {
    int[] labels = labels();
    double[] weight = figures.get("weight").isArray() ? numbers(figures.get("weight")) : null;
    double[] y = new double[n() * V()];
    for (int i = 0; i < n(); i++) {
      for (int j = 0; j < V() && !isIgnored(labels[i]); j++) {
        double target = smoothing() / V() + (j == labels[i] ? 1 - smoothing() : 0);
        y[i * V() + j] = target * (weight == null ? 1 : weight[j]);
      }
    }
    return y;
  }

  public void assertLoss(double sum, double relative) {
    double[] expected = {figures.get("loss_sum").asDouble()};
    assertClose("loss", expected, new double[] {sum}, relative);
  }

  public void assertGradient(double[] dlogits, double relative) {
    assertClose("dlogits", numbers(figures.get("dlogits_of_sum")), dlogits, relative);
  }

  @Override
  public String toString() {
    return "n=%d, V=%d, smoothing=%s".formatted(n(), V(), smoothing());
  }
}

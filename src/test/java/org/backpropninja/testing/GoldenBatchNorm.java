package org.backpropninja.testing;

import static org.backpropninja.testing.Close.assertClose;
import static org.backpropninja.testing.Close.assertWithin;
import static org.backpropninja.testing.Close.largest;
import static org.backpropninja.testing.Golden.numbers;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.nd4j.shade.jackson.databind.JsonNode;

/**
 * One of PyTorch's batch-norm cases and how far from it a right result may be.
 *
 * <p>x carries |mean|/σ times more rounding than its deviations from the mean do, and PyTorch's
 * figures have it too (their variance of x = 1000 ± 0.0001 is off by 5.6e-10). With two rows all of
 * dx but ε cancels: what is left has the rounding of the terms, in PyTorch too. Everywhere else the
 * tolerance is 1e-12 of the largest element.
 */
public record GoldenBatchNorm(JsonNode figures) {

  public int n() {
    return figures.get("n").asInt();
  }

  public int H() {
    return figures.get("h").asInt();
  }

  public boolean unbiased() {
    return figures.get("unbiased").asBoolean();
  }

  public double eps() {
    return figures.get("eps").asDouble();
  }

  public double[] get(String name) {
    return numbers(figures.get(name));
  }

  private double[] std() {
    return Arrays.stream(get("var_biased")).map(Math::sqrt).toArray();
  }

  private double offset() {
    double[] mean = get("mean");
    double[] std = std();
    return IntStream.range(0, H()).mapToDouble(j -> Math.abs(mean[j]) / std[j]).max().orElse(0);
  }

  private double relative() {
    return 1e-12 + 4 * Math.ulp(1.0) * offset();
  }

  public void assertMean(double[] mean) {
    assertClose("mean", get("mean"), mean, 1e-12);
  }

  /** Asserts {@code "var_biased"} or {@code "var_unbiased"}. */
  public void assertVar(String name, double[] var) {
    assertClose(name, get(name), var, relative());
  }

  public void assertForward(double[] y) {
    assertClose("y", get("y"), y, relative());
  }

  public void assertBackward(double[] dx, double[] dgain, double[] dbias) {
    assertClose("dgain", get("dgain"), dgain, relative() * Math.max(1, offset()));
    assertClose("dbias", get("dbias"), dbias, 1e-12);
    double least = Arrays.stream(std()).min().orElseThrow();
    double term = largest(get("dy")) * largest(get("gain")) / least;
    assertWithin("dx", get("dx"), dx, 1e-12 * Math.max(term, largest(dx)));
  }

  @Override
  public String toString() {
    return "n=%d, H=%d, unbiased=%s".formatted(n(), H(), unbiased());
  }
}

package org.backpropninja.stepwise;

import static org.backpropninja.testing.Close.assertClose;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.backpropninja.math.Activation;
import org.backpropninja.math.Cores;
import org.backpropninja.math.FusedCores;
import org.backpropninja.math.Matrix;
import org.backpropninja.math.Moments;
import org.backpropninja.math.Precision;
import org.backpropninja.math.Statistics;
import org.backpropninja.math.Variance;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The small steps are an opinion of their own: nothing in them comes from the closed forms. */
class StepwiseCoresTest {

  /** What both ways have in common: what is asked, and in which form it is given and returned. */
  private static final Set<String> COMMON =
      Set.of("Activation", "Cores", "Matrix", "Moments", "Statistics");

  private static final Pattern MATH = Pattern.compile("org/backpropninja/math/(\\w+)");

  @Test
  void takeNothingFromTheClosedForms() throws IOException, URISyntaxException {
    Path classes =
        Path.of(StepwiseCores.class.getResource("StepwiseCores.class").toURI()).getParent();
    try (Stream<Path> files = Files.list(classes)) {
      List<Path> all = files.filter(file -> file.toString().endsWith(".class")).toList();
      assertTrue(all.size() > 10, "no classes in " + classes);
      Set<String> used =
          all.stream().flatMap(StepwiseCoresTest::usedOfMath).collect(Collectors.toSet());
      assertEquals(COMMON, used);
    }
  }

  private static Stream<String> usedOfMath(Path file) {
    try {
      String constants = Files.readString(file, StandardCharsets.ISO_8859_1);
      return MATH.matcher(constants).results().map(match -> match.group(1));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static double[] normal(long seed, int length, double offset) {
    Random random = new Random(seed);
    double[] x = new double[length];
    Arrays.setAll(x, k -> offset + random.nextGaussian());
    return x;
  }

  /** Whatever it is told the statistics of its input are, it takes its own. */
  @ParameterizedTest
  @EnumSource
  void batchNormTakesItsStatisticsFromItsInput(Variance variance) {
    Matrix hprebn = Matrix.of(normal(1, 20, 0.5), 10, 2);
    double[] mean = new double[2];
    double[] squares = new double[2];
    measure(normal(1, 20, 0.5), mean, squares);
    Statistics right = new Moments(10, mean, squares).statistics(variance);
    Statistics wrong =
        new Statistics(new double[] {7, -7}, new double[] {3, 0.1}, 10, variance.divisor(10));
    double[] expected = passes(new FusedCores(Precision.DOUBLE), hprebn, right);
    assertClose("right", expected, passes(new StepwiseCores(), hprebn, right), 1e-13);
    assertArrayEquals(
        passes(new StepwiseCores(), hprebn, right), passes(new StepwiseCores(), hprebn, wrong));
    assertFalse(
        Arrays.equals(expected, passes(new FusedCores(Precision.DOUBLE), hprebn, wrong)),
        "the statistics make no difference: the test shows nothing");
  }

  /** In plain loops. */
  private static void measure(double[] x, double[] mean, double[] squares) {
    int n = x.length / mean.length;
    for (int k = 0; k < x.length; k++) {
      mean[k % mean.length] += x[k] / n;
    }
    for (int k = 0; k < x.length; k++) {
      squares[k % mean.length] += Math.pow(x[k] - mean[k % mean.length], 2);
    }
  }

  /** h and dhprebn, one after the other. */
  private static double[] passes(Cores cores, Matrix hprebn, Statistics statistics) {
    Cores.BatchNorm batchNorm = cores.batchNorm(2, 1e-5, Activation.TANH);
    Matrix gain = Matrix.of(new double[] {0.7, -1.3}, 1, 2);
    Matrix bias = Matrix.of(new double[] {0.2, 0.4}, 1, 2);
    double[] results = new double[40];
    double[] some = new double[20];
    batchNorm.forward(hprebn, statistics, gain, bias, Matrix.of(some, 10, 2), true);
    System.arraycopy(some, 0, results, 0, 20);
    Matrix dh = Matrix.of(normal(2, 20, 0), 10, 2);
    Matrix row = Matrix.of(new double[2], 1, 2);
    batchNorm.backward(dh, Matrix.of(some, 10, 2), row, row);
    System.arraycopy(some, 0, results, 20, 20);
    return results;
  }

  @ParameterizedTest
  @CsvSource({"2, 0", "30, 3", "30, 1e6", "2000, -1e3"})
  void measuresMeansAndSquares(int n, double offset) {
    double[] x = normal(3, 3 * n, offset);
    double[] mean = new double[3];
    double[] squares = new double[3];
    measure(x, mean, squares);
    Moments moments =
        new StepwiseCores().batchNorm(3, 1e-5, Activation.IDENTITY).measure(Matrix.of(x, n, 3));
    assertEquals(n, moments.n());
    assertClose("mean", mean, moments.mean(), 1e-14);
    double rounding = Math.ulp(offset) / Math.ulp(1.0);
    assertClose("squares", squares, moments.squares(), 1e-14 * Math.max(10, rounding));
  }
}

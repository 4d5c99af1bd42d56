package org.backpropninja.names;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What temperature and top-k make of probabilities is what makemore.py makes of the logits. */
class SamplingTest {

  private static Sampling sampling(double temperature, int topK) {
    return new Sampling(temperature, topK, "", 9);
  }

  private static double[] logits(int V) {
    Random random = new Random(V);
    return IntStream.range(0, V).mapToDouble(k -> 4 * random.nextGaussian()).toArray();
  }

  private static double[] softmax(double[] logits) {
    double largest = Arrays.stream(logits).max().getAsDouble();
    double[] exps = Arrays.stream(logits).map(logit -> Math.exp(logit - largest)).toArray();
    double sum = Arrays.stream(exps).sum();
    return Arrays.stream(exps).map(exp -> exp / sum).toArray();
  }

  private static float[] toFloat(double[] values) {
    float[] floats = new float[values.length];
    for (int k = 0; k < values.length; k++) {
      floats[k] = (float) values[k];
    }
    return floats;
  }

  /** {@code logits / temperature}, then all but the top k are −∞, then softmax. */
  private static double[] makemore(double[] logits, double temperature, int topK) {
    double[] divided = Arrays.stream(logits).map(logit -> logit / temperature).toArray();
    Integer[] order = IntStream.range(0, divided.length).boxed().toArray(Integer[]::new);
    Arrays.sort(order, Comparator.comparingDouble((Integer k) -> -divided[k]));
    for (int rank = topK; rank < order.length; rank++) {
      divided[order[rank]] = Double.NEGATIVE_INFINITY;
    }
    return softmax(divided);
  }

  @ParameterizedTest
  @CsvSource({
    "27, 1, 5", "27, 0.5, 27", "27, 0.5, 4", "27, 0.05, 27", "27, 2.5, 27", "27, 2.5, 3",
    "27, 1e9, 27", "27, 1e-9, 27", "27, 1e300, 6", "27, 1e-300, 27", "27, 0.7, 1", "2, 3, 1",
    "3000, 1.3, 2999", "3000, 0.8, 50"
  })
  void weightsAreMakemoresProbabilities(int V, double temperature, int topK) {
    double[] logits = logits(V);
    float[] weights = sampling(temperature, topK).weights(toFloat(softmax(logits)));
    double sum = IntStream.range(0, V).mapToDouble(k -> weights[k]).sum();
    double[] expected = makemore(logits, temperature, topK);
    for (int k = 0; k < V; k++) {
      assertEquals(expected[k], weights[k] / sum, 1e-6, "character " + k);
      if (expected[k] == 0 || expected[k] > 1e-30) { // float rounds what is smaller to 0
        assertEquals(expected[k] == 0, weights[k] == 0, "character " + k + ": " + weights[k]);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"27", "28", "2147483647"})
  void withAllOfThemAndTemperatureOneTheyAreTheNetworks(int topK) {
    float[] probabilities = toFloat(softmax(logits(27)));
    assertSame(probabilities, sampling(1, topK).weights(probabilities));
    assertSame(probabilities, Sampling.DEFAULT.weights(probabilities));
  }

  @Test
  void topKAloneChangesNoBitOfThoseThatItKeeps() {
    float[] kept = sampling(1, 2).weights(new float[] {0.1f, 0.2f, 0.4f, 0.3f});
    assertArrayEquals(new float[] {0, 0, 0.4f, 0.3f}, kept);
  }

  @Test
  void whatIsAsProbableAsTheLastIsKept() {
    float[] kept = sampling(1, 2).weights(new float[] {0.2f, 0.1f, 0.4f, 0.2f, 0.1f});
    assertArrayEquals(new float[] {0.2f, 0, 0.4f, 0.2f, 0}, kept);
  }

  @Test
  void theProbabilitiesStay() {
    float[] probabilities = {0.1f, 0.2f, 0.4f, 0.3f};
    sampling(0.5, 2).weights(probabilities);
    assertArrayEquals(new float[] {0.1f, 0.2f, 0.4f, 0.3f}, probabilities);
  }

  @Test
  void zeroStaysZero() {
    float[] weights = sampling(1e300, 9).weights(new float[] {0, 0.75f, 0.25f});
    assertArrayEquals(new float[] {0, 1, 1}, weights, 1e-6f);
    float[] coldest = sampling(Double.MIN_VALUE, 9).weights(new float[] {0, 0.75f, 0.25f});
    assertArrayEquals(new float[] {0, 1, 0}, coldest);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1, '', 1, temperature (0.0) must be a finite number above 0",
    "-1, 1, '', 1, temperature (-1.0)",
    "NaN, 1, '', 1, temperature (NaN)",
    "Infinity, 1, '', 1, temperature (Infinity)",
    "1, 0, '', 1, topK (0) must be at least 1",
    "1, 1, '', 0, maxLength (0) must be at least 1",
    "1, 1, 'abc', 2, 'prefix (abc, of 3 characters) must not be longer than maxLength (2)'",
    "1, 1, 'a.c', 9, prefix (a.c) must not hold the end marker"
  })
  void refuses(double temperature, int topK, String prefix, int maxLength, String part) {
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> new Sampling(temperature, topK, prefix, maxLength));
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }
}

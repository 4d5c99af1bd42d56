package org.backpropninja.names;

import java.util.Arrays;

/**
 * How a {@link NameSampler} draws names.
 *
 * <p>A character i of probability pᵢ is drawn with probability
 *
 * <pre>
 * p′ᵢ = pᵢ^(1/temperature) / Σⱼ pⱼ^(1/temperature),   i and j among the topK most probable
 * </pre>
 *
 * <p>which is the softmax of the logits over the temperature. All that are as probable as the last
 * of the topK are among them. A probability that float rounds to 0 stays 0. With temperature 1 and
 * all characters, the probabilities are the network's own, to the last bit.
 *
 * <p>Source: {@code generate} of makemore.py, {@code logits / temperature} and {@code top_k}.
 *
 * @param temperature above 0 and finite: 1 for the network's probabilities, less for the more
 *     probable characters, more for all alike
 * @param topK 1 or more; 1 always takes the most probable character, and as many as the vocabulary
 *     has, or more, take all
 * @param prefix what each name begins with, may be empty
 * @param maxLength where a name is cut, in characters with the prefix, 1 or more
 */
public record Sampling(double temperature, int topK, String prefix, int maxLength) {

  /**
   * As the notebook draws: every character by its probability.
   *
   * <p>No trained network gives names of 1000 characters; one that has diverged might never draw
   * the end marker.
   */
  public static final Sampling DEFAULT = new Sampling(1, Integer.MAX_VALUE, "", 1000);

  /**
   * Checks the values.
   *
   * @throws IllegalArgumentException if one is outside its range, or the prefix is longer than
   *     maxLength or holds the end marker
   */
  public Sampling {
    if (!(temperature > 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException(
          "temperature (%s) must be a finite number above 0; topK 1 takes the most probable"
              .formatted(temperature));
    }
    requirePositive("topK", topK);
    requirePositive("maxLength", maxLength);
    if (prefix.indexOf(Vocabulary.END) >= 0) {
      throw new IllegalArgumentException(
          "prefix (%s) must not hold the end marker '%c'"
              .formatted(OneLine.of(prefix), Vocabulary.END));
    }
    int length = prefix.codePointCount(0, prefix.length());
    if (length > maxLength) {
      throw new IllegalArgumentException(
          "prefix (%s, of %d characters) must not be longer than maxLength (%d)"
              .formatted(OneLine.of(prefix), length, maxLength));
    }
  }

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException("%s (%d) must be at least 1".formatted(name, value));
    }
  }

  /** Weights in proportion to p′: the probabilities themselves where nothing is to be changed. */
  float[] weights(float[] probabilities) {
    if (temperature == 1 && topK >= probabilities.length) {
      return probabilities;
    }
    float least = leastOfTopK(probabilities);
    double logLargest = Math.log(largest(probabilities));
    float[] weights = new float[probabilities.length];
    for (int i = 0; i < weights.length; i++) {
      if (probabilities[i] >= least) {
        weights[i] = weight(probabilities[i], logLargest);
      }
    }
    return weights;
  }

  /** (p/largest)^(1/temperature), which is 1 for the largest, so that not all become 0. */
  private float weight(float p, double logLargest) {
    return temperature == 1 ? p : (float) Math.exp((Math.log(p) - logLargest) / temperature);
  }

  private static float largest(float[] values) {
    float largest = values[0];
    for (float value : values) {
      largest = Math.max(largest, value);
    }
    return largest;
  }

  private float leastOfTopK(float[] probabilities) {
    if (topK >= probabilities.length) {
      return 0;
    }
    float[] ascending = probabilities.clone();
    Arrays.sort(ascending);
    return ascending[ascending.length - topK];
  }
}

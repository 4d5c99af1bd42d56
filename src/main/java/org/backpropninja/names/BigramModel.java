package org.backpropninja.names;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What counting pairs of characters predicts: the baseline that a network must beat.
 *
 * <pre>
 * P(b | a) = (N[a, b] + 1) / (Σ N[a, ·] + V)
 * </pre>
 *
 * <p>N[a, b] counts how often b follows a in the examples, a word's ends included, and the 1 is
 * add-one smoothing, so that no pair is impossible. Only pairs that occur are stored, so the memory
 * grows with the examples and not with V².
 *
 * <p>Source: makemore part 1, {@code P = (N+1).float(); P /= P.sum(1, keepdims=True)}.
 */
public final class BigramModel {
  private final Vocabulary vocabulary;

  /** The pair of each example as a·V + b, in ascending order. */
  private final long[] pairs;

  /**
   * Counts.
   *
   * @param data what to count, the training set
   */
  public BigramModel(NamesDataset data) {
    vocabulary = data.vocabulary();
    pairs = IntStream.range(0, data.size()).mapToLong(example -> pair(data, example)).toArray();
    Arrays.sort(pairs);
  }

  /** The label before is 0, the index that also stands before a word, if it ended a word. */
  private long pair(NamesDataset data, int example) {
    int before = example == 0 ? 0 : data.label(example - 1);
    return firstPair(before) + data.label(example);
  }

  private long firstPair(int before) {
    return (long) before * vocabulary.size();
  }

  /**
   * Computes the mean loss over a whole set.
   *
   * @param data what to predict
   * @return mean cross entropy of an example, in nats
   * @throws IllegalArgumentException if the data have another vocabulary
   */
  public double loss(NamesDataset data) {
    if (!data.vocabulary().equals(vocabulary)) {
      throw new IllegalArgumentException(
          "data must have the vocabulary that was counted, of %d characters, not one of %d"
              .formatted(vocabulary.size(), data.vocabulary().size()));
    }
    double[] logTotals = logTotals();
    double sum = 0;
    for (int example = 0; example < data.size(); example++) {
      long pair = pair(data, example);
      int before = (int) (pair / vocabulary.size());
      sum += logTotals[before] - Math.log(count(pair, pair + 1) + 1.0);
    }
    return sum / data.size();
  }

  /** The logarithms of the divisors, one for each character before. */
  private double[] logTotals() {
    int V = vocabulary.size();
    return IntStream.range(0, V)
        .mapToDouble(before -> Math.log(count(firstPair(before), firstPair(before + 1)) + V))
        .toArray();
  }

  /** How many pairs are from {@code from} to below {@code below}. */
  private int count(long from, long below) {
    return rank(below) - rank(from);
  }

  /** How many pairs are smaller. */
  private int rank(long pair) {
    int low = 0;
    int high = pairs.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (pairs[middle] < pair) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

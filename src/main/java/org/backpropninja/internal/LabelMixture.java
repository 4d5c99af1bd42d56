package org.backpropninja.internal;

import org.deeplearning4j.exception.DL4JInvalidInputException;

/**
 * What the settings of {@link org.backpropninja.loss.ManualCrossEntropyLoss} make of labels: the
 * weight of each class's negative log probability.
 *
 * <pre>
 * loss = Σ_k y[k]·L(k),   L(k) = (1 − s)·w[k]·nll[k] + s/V·Σ_j w[j]·nll[j],   L(ignored) = 0
 *      = Σ_j mix[j]·nll[j],   mix[j] = w[j]·((1 − s)·y[j] + s/V·Σ_k y[k])
 * </pre>
 *
 * <p>with y[ignored] = 0 in the second line. y is a row of targets, or the one-hot row of a class
 * index.
 *
 * @param classWeights w [V], null for ones
 * @param ignoreIndex the label that has no loss, null for none
 * @param smoothing s, from 0 to 1
 * @param overWeights whether the mean divides by the weights of the labels, as PyTorch's, or by the
 *     number of examples
 */
public record LabelMixture(
    double[] classWeights, Integer ignoreIndex, double smoothing, boolean overWeights) {

  /** Refuses weights of another number of classes. */
  void requireClasses(int V) {
    if (classWeights != null && classWeights.length != V) {
      throw new DL4JInvalidInputException(
          "ManualCrossEntropyLoss: classWeights must have one weight for each of the %d classes, has %d"
              .formatted(V, classWeights.length));
    }
  }

  boolean isIgnored(double label) {
    return ignoreIndex != null && label == ignoreIndex;
  }

  double weight(int label) {
    return classWeights == null ? 1 : classWeights[label];
  }

  /**
   * Replaces a row of targets by its mixture.
   *
   * @param y the row, among others
   * @param first where it begins
   * @param V how long it is
   * @return the sum of its targets, those of the ignored label left out
   */
  double mix(double[] y, int first, int V) {
    if (ignoreIndex != null && ignoreIndex >= 0 && ignoreIndex < V) {
      y[first + ignoreIndex] = 0;
    }
    double sum = 0;
    for (int k = first; k < first + V; k++) {
      sum += y[k];
    }
    if (classWeights != null || smoothing != 0) {
      double share = smoothing / V * sum;
      for (int j = 0; j < V; j++) {
        y[first + j] = weight(j) * ((1 - smoothing) * y[first + j] + share);
      }
    }
    return sum;
  }
}

package org.backpropninja.math;

import java.util.Arrays;

/**
 * Softmax and cross entropy of rows of logits, in one go.
 *
 * <pre>loss[i] = Σ_j y[i, j]·(logsumexp(logits[i]) − logits[i, j])</pre>
 *
 * <p>where y is the target: one row of weights per example that need not sum to one, or the one-hot
 * row of a class index. Shapes: logits, y [n, V]; loss [n]. The value is never the logarithm of a
 * probability, so logits of ±10⁴ give finite, exact results. Gradients are those of the sum over
 * examples, as DL4J wants them. Source: makemore part 4, "cross entropy in one go".
 */
public final class CrossEntropy {

  private CrossEntropy() {}

  /**
   * Computes the loss of each example from class indices.
   *
   * <pre>loss[i] = weight[i]·(logsumexp(logits[i]) − logits[i, Yb[i]])</pre>
   *
   * @param logits [n, V]
   * @param V classes
   * @param Yb class of each example [n]; not read where the weight is 0
   * @param weight of each example [n]; 0 leaves the example out
   * @param loss result [n]
   */
  public static void forward(double[] logits, int V, int[] Yb, double[] weight, double[] loss) {
    for (int i = 0; i < Yb.length; i++) {
      loss[i] = weight[i] == 0 ? 0 : weight[i] * (logsumexp(logits, i, V) - logits[i * V + Yb[i]]);
    }
  }

  /**
   * Computes the gradient from class indices.
   *
   * <pre>dlogits[i] = weight[i]·(softmax(logits[i]) − onehot(Yb[i]))</pre>
   *
   * @param logits [n, V]
   * @param V classes
   * @param Yb class of each example [n]; not read where the weight is 0
   * @param weight of each example [n]; 0 gives a row of zeros
   * @param dlogits result [n, V]
   */
  public static void backward(double[] logits, int V, int[] Yb, double[] weight, double[] dlogits) {
    for (int i = 0; i < Yb.length; i++) {
      scaledSoftmax(logits, i, V, weight[i], dlogits);
      if (weight[i] != 0) {
        dlogits[i * V + Yb[i]] -= weight[i];
      }
    }
  }

  /**
   * Computes the loss of each example from rows of targets.
   *
   * @param logits [n, V]
   * @param V classes
   * @param y targets [n, V], not negative; a row of zeros leaves the example out
   * @param loss result [n]
   */
  public static void forward(double[] logits, int V, double[] y, double[] loss) {
    for (int i = 0; i < loss.length; i++) {
      loss[i] = 0;
      if (rowSum(y, i, V) == 0) {
        continue;
      }
      double logCountsSum = logsumexp(logits, i, V);
      for (int k = i * V; k < (i + 1) * V; k++) {
        loss[i] += y[k] * (logCountsSum - logits[k]);
      }
    }
  }

  /**
   * Computes the gradient from rows of targets.
   *
   * <pre>dlogits[i] = softmax(logits[i])·Σ_j y[i, j] − y[i]</pre>
   *
   * @param logits [n, V]
   * @param V classes
   * @param y targets [n, V], not negative; a row of zeros gives a row of zeros
   * @param n rows
   * @param dlogits result [n, V]
   */
  public static void backward(double[] logits, int V, double[] y, int n, double[] dlogits) {
    for (int i = 0; i < n; i++) {
      scaledSoftmax(logits, i, V, rowSum(y, i, V), dlogits);
      for (int k = i * V; k < (i + 1) * V; k++) {
        dlogits[k] -= y[k];
      }
    }
  }

  /** log Σ_j exp(logits[row, j]), shifted by the row's maximum so that nothing overflows. */
  private static double logsumexp(double[] logits, int row, int V) {
    double logitMax = rowMax(logits, row, V);
    double countsSum = 0;
    for (int k = row * V; k < (row + 1) * V; k++) {
      countsSum += Math.exp(logits[k] - logitMax);
    }
    return logitMax + Math.log(countsSum);
  }

  /** into[row] = scale·softmax(logits[row]); zeros if the scale is 0, whatever the logits are. */
  private static void scaledSoftmax(double[] logits, int row, int V, double scale, double[] into) {
    int from = row * V;
    Arrays.fill(into, from, from + V, 0);
    if (scale == 0) {
      return;
    }
    double logitMax = rowMax(logits, row, V);
    double countsSum = 0;
    for (int k = from; k < from + V; k++) {
      into[k] = Math.exp(logits[k] - logitMax);
      countsSum += into[k];
    }
    double countsSumInv = scale / countsSum;
    for (int k = from; k < from + V; k++) {
      into[k] *= countsSumInv;
    }
  }

  private static double rowMax(double[] logits, int row, int V) {
    double max = logits[row * V];
    for (int k = row * V + 1; k < (row + 1) * V; k++) {
      max = Math.max(max, logits[k]);
    }
    return max;
  }

  private static double rowSum(double[] y, int row, int V) {
    double sum = 0;
    for (int k = row * V; k < (row + 1) * V; k++) {
      sum += y[k];
    }
    return sum;
  }
}

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
 * examples, as DL4J wants them. The matrices go through in blocks of rows; an object's buffers are
 * one thread's. Source: makemore part 4, "cross entropy in one go".
 */
public final class CrossEntropy {

  /** Elements of a block: so many that short rows are worth a loop over all of them. */
  private static final int BLOCK = 2040;

  private final int V;
  private final int rowsAtMost;
  private final Exp exp = new Exp();
  private final double[] logits; // some rows of logits, less their row's maximum
  private final double[] counts; // some rows of e^logits, then of dlogits
  private final double[] y; // some rows of targets
  private final double[] weight; // their sums
  private final double[] countsSum;

  /**
   * Makes the buffers.
   *
   * @param V classes, at least 1
   */
  public CrossEntropy(int V) {
    this.V = V;
    rowsAtMost = Math.max(1, BLOCK / V);
    logits = new double[rowsAtMost * V];
    counts = new double[rowsAtMost * V];
    y = new double[rowsAtMost * V];
    weight = new double[rowsAtMost];
    countsSum = new double[rowsAtMost];
  }

  /**
   * Returns the number of classes.
   *
   * @return V
   */
  public int classes() {
    return V;
  }

  /**
   * Computes the loss of each example from class indices.
   *
   * <pre>loss[i] = weight[i]·(logsumexp(logits[i]) − logits[i, Yb[i]])</pre>
   *
   * @param logits [n, V]
   * @param Yb class of each example [n]; not read where the weight is 0
   * @param weight of each example [n]; 0 leaves the example out, whatever its logits are
   * @param loss result [n]
   * @return whether all logits of examples that are not left out are finite; if not, the result has
   *     no meaning
   */
  public boolean forward(Elements logits, int[] Yb, double[] weight, double[] loss) {
    return forwardAndBackward(logits, Yb, weight, loss, null);
  }

  /**
   * Computes the loss of each example from class indices, and its gradient.
   *
   * <pre>dlogits[i] = weight[i]·(softmax(logits[i]) − onehot(Yb[i]))</pre>
   *
   * @param logits [n, V]
   * @param Yb class of each example [n]; not read where the weight is 0
   * @param weight of each example [n]; 0 gives a row of zeros, whatever its logits are
   * @param loss result [n]
   * @param dlogits result [n, V]; null if it is not wanted
   * @return whether all logits of examples that are not left out are finite; if not, the results
   *     have no meaning
   */
  public boolean forwardAndBackward(
      Elements logits, int[] Yb, double[] weight, double[] loss, Elements dlogits) {
    boolean finite = true;
    for (int first = 0; first < Yb.length; first += rowsAtMost) {
      int rows = Math.min(rowsAtMost, Yb.length - first);
      System.arraycopy(weight, first, this.weight, 0, rows);
      finite &= softmaxParts(logits, first, rows);
      for (int i = 0; i < rows; i++) {
        double w = this.weight[i];
        int label = i * V + (w == 0 ? 0 : Yb[first + i]);
        loss[first + i] = w * (Math.log(countsSum[i]) - this.logits[label]);
        if (dlogits != null) {
          scale(counts, i * V, V, w / countsSum[i]);
          counts[label] -= w;
        }
      }
      if (dlogits != null) {
        dlogits.write(counts, first * V, rows * V);
      }
    }
    return finite;
  }

  /**
   * Computes the loss of each example from rows of targets.
   *
   * @param logits [n, V]
   * @param y targets [n, V], not negative; a row of zeros leaves the example out, whatever its
   *     logits are
   * @param loss result [n]
   * @return whether all logits of examples that are not left out are finite; if not, the result has
   *     no meaning
   */
  public boolean forward(Elements logits, Elements y, double[] loss) {
    return forwardAndBackward(logits, y, loss, null);
  }

  /**
   * Computes the loss of each example from rows of targets, and its gradient.
   *
   * <pre>dlogits[i] = softmax(logits[i])·Σ_j y[i, j] − y[i]</pre>
   *
   * @param logits [n, V]
   * @param y targets [n, V], not negative; a row of zeros gives a row of zeros, whatever its logits
   *     are
   * @param loss result [n]
   * @param dlogits result [n, V]; null if it is not wanted
   * @return whether all logits of examples that are not left out are finite; if not, the results
   *     have no meaning
   */
  public boolean forwardAndBackward(Elements logits, Elements y, double[] loss, Elements dlogits) {
    boolean finite = true;
    for (int first = 0; first < loss.length; first += rowsAtMost) {
      int rows = Math.min(rowsAtMost, loss.length - first);
      readTargets(y, first, rows);
      finite &= softmaxParts(logits, first, rows);
      for (int i = 0; i < rows; i++) {
        double logCountsSum = Math.log(countsSum[i]);
        double sum = 0;
        for (int k = i * V; k < (i + 1) * V; k++) {
          sum += this.y[k] * (logCountsSum - this.logits[k]);
        }
        loss[first + i] = sum;
        if (dlogits != null) {
          scale(counts, i * V, V, weight[i] / countsSum[i]);
        }
      }
      if (dlogits != null) {
        subtract(counts, this.y, rows * V);
        dlogits.write(counts, first * V, rows * V);
      }
    }
    return finite;
  }

  private void readTargets(Elements y, int first, int rows) {
    y.read(first * V, rows * V, this.y);
    for (int i = 0; i < rows; i++) {
      weight[i] = sum(this.y, i * V, V);
    }
  }

  /**
   * Takes some rows' logits less their maximum, so that nothing overflows, their counts and the
   * counts' sums. Rows of weight 0 become rows of zeros.
   */
  private boolean softmaxParts(Elements from, int first, int rows) {
    from.read(first * V, rows * V, logits);
    for (int i = 0; i < rows; i++) {
      if (weight[i] == 0) {
        Arrays.fill(logits, i * V, (i + 1) * V, 0);
      }
    }
    zeroTimes(logits, counts, rows * V);
    boolean finite = sum(counts, 0, rows * V) == 0; // not if it is NaN
    for (int i = 0; i < rows; i++) {
      subtract(logits, i * V, V, max(logits, i * V, V));
    }
    System.arraycopy(logits, 0, counts, 0, rows * V);
    exp.inPlace(counts, rows * V);
    for (int i = 0; i < rows; i++) {
      countsSum[i] = sum(counts, i * V, V);
    }
    return finite;
  }

  /** zeros = 0·x, NaN where x is not finite. */
  private static void zeroTimes(double[] x, double[] zeros, int length) {
    for (int k = 0; k < length; k++) {
      zeros[k] = 0 * x[k];
    }
  }

  /** Four maxima side by side: one alone would wait for each comparison before the next. */
  private static double max(double[] x, int from, int length) {
    double a = x[from];
    double b = a;
    double c = a;
    double d = a;
    int end = from + length;
    int k = from;
    for (; k + 3 < end; k += 4) {
      a = Math.max(a, x[k]);
      b = Math.max(b, x[k + 1]);
      c = Math.max(c, x[k + 2]);
      d = Math.max(d, x[k + 3]);
    }
    for (; k < end; k++) {
      a = Math.max(a, x[k]);
    }
    return Math.max(Math.max(a, b), Math.max(c, d));
  }

  private static void subtract(double[] x, int from, int length, double constant) {
    for (int k = from; k < from + length; k++) {
      x[k] -= constant;
    }
  }

  /** Four sums side by side, as with the maxima. */
  private static double sum(double[] x, int from, int length) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int end = from + length;
    int k = from;
    for (; k + 3 < end; k += 4) {
      a += x[k];
      b += x[k + 1];
      c += x[k + 2];
      d += x[k + 3];
    }
    for (; k < end; k++) {
      a += x[k];
    }
    return (a + b) + (c + d);
  }

  private static void scale(double[] x, int from, int length, double factor) {
    for (int k = from; k < from + length; k++) {
      x[k] *= factor;
    }
  }

  private static void subtract(double[] x, double[] y, int length) {
    for (int k = 0; k < length; k++) {
      x[k] -= y[k];
    }
  }
}

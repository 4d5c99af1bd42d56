package org.backpropninja.math;

/**
 * Softmax and cross entropy of rows of logits, in one go.
 *
 * <pre>loss[i] = Σ_j y[i, j]·(logsumexp(logits[i]) − logits[i, j])</pre>
 *
 * <p>where y is the target: one row of weights per example that need not sum to one, or the one-hot
 * row of a class index. Shapes: logits, y [n, V]; loss [n]. The value is never the logarithm of a
 * probability, so logits of ±10⁴ give finite, exact results. Gradients are those of the sum over
 * examples, as DL4J wants them. Source: makemore part 4, "cross entropy in one go";
 * docs/derivations.md.
 */
final class CrossEntropy implements Cores.CrossEntropy {

  private final int V;
  private final Threads threads;
  private final Scratch[] scratch; // one a thread

  /** What one thread works on: some rows of each matrix, and what is one number a row. */
  private static final class Scratch {
    final Block normLogits; // logits − logitMaxes
    final Block counts;
    final Block y;
    final Block zeros; // 0·logits, of all rows so far
    final double[] logitMaxes;
    final double[] countsSum;
    final double[] weight; // Σ_j y[i, j]
    final double[] loss;
    final double[] scale; // weight/countsSum

    Scratch(int V, Precision precision) {
      normLogits = Block.of(precision, V);
      counts = Block.of(precision, V);
      y = Block.of(precision, V);
      zeros = Block.of(precision, V);
      int rows = Block.rows(V);
      logitMaxes = new double[rows];
      countsSum = new double[rows];
      weight = new double[rows];
      loss = new double[rows];
      scale = new double[rows];
    }
  }

  /**
   * Makes the loss over {@code V} classes.
   *
   * @param V classes, at least 1
   * @param precision of the loops over elements
   */
  CrossEntropy(int V, Precision precision) {
    this(V, precision, Threads.ofAll());
  }

  CrossEntropy(int V, Precision precision, Threads threads) {
    this.V = V;
    this.threads = threads;
    scratch = threads.each(Scratch[]::new, () -> new Scratch(V, precision));
  }

  @Override
  public boolean forwardAndBackward(
      Matrix logits, int[] Yb, double[] weight, double[] loss, Matrix dlogits) {
    require(logits, loss, dlogits);
    requireOneEach(Yb, weight, loss.length);
    forEachBlock(
        loss.length,
        (s, first, some) -> {
          System.arraycopy(weight, first, s.weight, 0, some);
          softmax(s, logits, first, some);
          for (int i = 0; i < some; i++) {
            double w = weight[first + i];
            int label = i * V + (w == 0 ? 0 : Yb[first + i]);
            loss[first + i] = w * (Math.log(s.countsSum[i]) - s.normLogits.get(label));
          }
          if (dlogits != null) { // dlogits = weight·(counts/countsSum − onehot)
            s.counts.scaleRows(s.scale);
            for (int i = 0; i < some; i++) {
              double w = weight[first + i];
              s.counts.subtractAt(i * V + (w == 0 ? 0 : Yb[first + i]), w);
            }
            s.counts.write(dlogits, first);
          }
        });
    return isFinite();
  }

  @Override
  public boolean forwardAndBackward(Matrix logits, Matrix y, double[] loss, Matrix dlogits) {
    require(logits, loss, dlogits);
    y.require("y", loss.length, V);
    forEachBlock(
        loss.length,
        (s, first, some) -> {
          s.y.read(y, first, some);
          s.y.sumOfRows(s.weight);
          softmax(s, logits, first, some);
          s.y.sumOfRowsTimes(s.normLogits, s.loss);
          for (int i = 0; i < some; i++) {
            loss[first + i] = s.weight[i] * Math.log(s.countsSum[i]) - s.loss[i];
          }
          if (dlogits != null) { // dlogits = weight·counts/countsSum − y
            s.counts.scaleRows(s.scale);
            s.counts.subtract(s.y);
            s.counts.write(dlogits, first);
          }
        });
    return isFinite();
  }

  private void require(Matrix logits, double[] loss, Matrix dlogits) {
    logits.require("logits", loss.length, V);
    if (dlogits != null) {
      dlogits.require("dlogits", loss.length, V);
    }
  }

  private static void requireOneEach(int[] Yb, double[] weight, int n) {
    if (Yb.length != n || weight.length != n) {
      throw new IllegalArgumentException(
          "Yb (%d) and weight (%d) must hold one value for each of the %d examples"
              .formatted(Yb.length, weight.length, n));
    }
  }

  /**
   * counts = e^normLogits and countsSum; the logits less their row's maximum, so that nothing
   * overflows. Rows of weight 0 become rows of zeros before that.
   */
  private void softmax(Scratch s, Matrix logits, int first, int some) {
    s.normLogits.read(logits, first, some);
    for (int i = 0; i < some; i++) {
      if (s.weight[i] == 0) {
        s.normLogits.clearRow(i);
      }
    }
    s.zeros.addZeroTimes(s.normLogits);
    s.normLogits.maxOfRows(s.logitMaxes);
    s.normLogits.subtractFromRows(s.logitMaxes);
    s.counts.exp(s.normLogits);
    s.counts.sumOfRows(s.countsSum);
    for (int i = 0; i < some; i++) {
      s.scale[i] = s.weight[i] / s.countsSum[i];
    }
  }

  private boolean isFinite() {
    boolean finite = true;
    for (Scratch s : scratch) {
      finite &= s.zeros.isZero();
    }
    return finite;
  }

  private void forEachBlock(int n, Stripes.Work<Scratch> work) {
    for (Scratch s : scratch) {
      s.zeros.clear();
    }
    new Stripes(n, V).forEachBlock(threads, scratch, work);
  }
}

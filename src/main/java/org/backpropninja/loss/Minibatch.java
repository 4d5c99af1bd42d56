package org.backpropninja.loss;

import java.util.Arrays;
import java.util.function.Function;
import org.backpropninja.Backward;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.arrays.HostElements;
import org.backpropninja.arrays.NewMatrix;
import org.backpropninja.arrays.Snapshot;
import org.backpropninja.arrays.Workspaces;
import org.backpropninja.math.CrossEntropy;
import org.backpropninja.math.Elements;
import org.backpropninja.stepwise.CrossEntropySteps;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.ndarray.INDArray;

/** One minibatch, checked: its logits, and class indices with weights or rows of targets. */
final class Minibatch {

  /** Elements of logits at most that are remembered: 16 MiB of floats, and as many of targets. */
  private static final int REMEMBERED = 1 << 22;

  /** Per thread, because one loss serves all copies of a network. */
  private static final ThreadLocal<Last> LAST = ThreadLocal.withInitial(Last::new);

  /**
   * What the gradient was last computed of and the losses that were found on the way, because
   * DL4J's output layers ask for the score right after it; and the buffers for V classes.
   */
  private static final class Last {
    private final Snapshot logits = new Snapshot();
    private int[] Yb;
    private double[] y;
    private double[] weight;
    private double[] loss; // null if nothing is remembered
    private CrossEntropy crossEntropy = new CrossEntropy(1);

    void remember(Minibatch minibatch, double[] loss) {
      boolean few = (long) minibatch.n * minibatch.V <= REMEMBERED;
      this.loss = few ? loss : null;
      Yb = few ? minibatch.Yb : null;
      y = few ? minibatch.y : null;
      weight = few ? minibatch.weight : null;
      if (few) {
        logits.take(minibatch.logits);
      }
    }

    boolean isOf(Minibatch minibatch) {
      return loss != null
          && Arrays.equals(weight, minibatch.weight)
          && Arrays.equals(Yb, minibatch.Yb)
          && Arrays.equals(y, minibatch.y)
          && logits.equalsMatrix(minibatch.logits);
    }

    CrossEntropy crossEntropy(int V) {
      if (crossEntropy.classes() != V) {
        crossEntropy = new CrossEntropy(V);
      }
      return crossEntropy;
    }
  }

  final int n;
  final int V;
  private final Backward way;
  private final INDArray logits; // [n, V]
  private final double[] weight; // [n], 0 for an example that is left out
  private final int[] Yb; // [n], null for rows of targets
  private final double[] y; // [n, V], null for class indices

  static Minibatch of(
      INDArray labels,
      INDArray preOutput,
      IActivation activation,
      INDArray mask,
      Backward backward) {
    requireLogits(activation);
    requireShape("preOutput", preOutput, preOutput.rank() == 2, "[n, V]");
    long n = preOutput.size(0);
    long V = preOutput.size(1);
    requireShape(
        "labels", labels, fits(labels, n, 1) || fits(labels, n, V), "[%d, 1] or [%d, %d]", n, n, V);
    if (mask != null) {
      boolean perExample = mask.length() == n && (mask.rank() == 1 || fits(mask, n, 1));
      requireShape("mask", mask, perExample || fits(mask, n, V), "[%d, 1] or [%d, %d]", n, n, V);
    }
    return new Minibatch(labels, preOutput, mask, Crossing.way(backward));
  }

  private Minibatch(INDArray labels, INDArray preOutput, INDArray mask, Backward way) {
    this.way = way;
    n = (int) preOutput.size(0);
    V = (int) preOutput.size(1);
    logits = preOutput;
    weight = new double[n];
    double[] label = Crossing.read(labels);
    double[] factor = mask == null ? null : Crossing.read(mask);
    boolean perTarget = mask != null && mask.length() != n;
    if (labels.size(1) == 1) {
      y = null;
      Yb = new int[n];
      takeClasses(label, factor, perTarget);
    } else {
      Yb = null;
      y = label;
      takeTargets(factor, perTarget);
    }
  }

  private void takeClasses(double[] label, double[] factor, boolean perTarget) {
    for (int i = 0; i < n; i++) {
      if (factor != null && isZero(factor, i, perTarget ? V : 1)) {
        continue; // its label may be anything
      }
      Yb[i] = (int) label[i];
      if (!(label[i] >= 0 && label[i] < V) || Yb[i] != label[i]) { // the first also refuses NaN
        throw refusal("labels[%d] must be a whole number from 0 to %d, was %s", i, V - 1, label[i]);
      }
      weight[i] = factor == null ? 1 : factor[perTarget ? i * V + Yb[i] : i];
      requireWeight("mask", weight[i], i, perTarget ? Yb[i] : 0);
    }
  }

  private static boolean isZero(double[] x, int row, int width) {
    for (int k = row * width; k < (row + 1) * width; k++) {
      if (x[k] != 0) {
        return false;
      }
    }
    return true;
  }

  private void takeTargets(double[] factor, boolean perTarget) {
    for (int k = 0; k < n * V; k++) {
      int i = k / V;
      double m = factor == null ? 1 : factor[perTarget ? k : i];
      requireWeight("mask", m, i, perTarget ? k % V : 0);
      if (m == 0) {
        y[k] = 0; // may be anything
      }
      requireWeight("labels", y[k], i, k % V);
      y[k] *= m;
      weight[i] += y[k];
    }
  }

  double[] loss() {
    double[] loss = new double[n];
    if (way == Backward.STEPWISE) {
      requireFiniteLogits();
      stepwise(steps -> steps.rowLosses(), loss);
      return loss;
    }
    Last last = LAST.get();
    return last.isOf(this) ? last.loss : evaluate(loss, null);
  }

  double score(boolean average) {
    double sum = Arrays.stream(loss()).sum();
    long examples = Arrays.stream(weight).filter(w -> w != 0).count();
    return average && examples > 0 ? sum / examples : sum;
  }

  INDArray dlogits() {
    INDArray dlogits = NewMatrix.of(logits.dataType(), n, V);
    if (way == Backward.FUSED && HostElements.reaches(dlogits)) {
      LAST.get().remember(this, evaluate(new double[n], HostElements.of(dlogits)));
      return dlogits;
    }
    double[] elements = new double[n * V];
    if (way == Backward.FUSED) {
      evaluate(new double[n], Elements.of(elements));
    } else {
      requireFiniteLogits();
      stepwise(steps -> steps.backward(n).dlogits(), elements); // n: of the sum, not of the mean
    }
    Crossing.write(elements, dlogits);
    return dlogits;
  }

  private double[] evaluate(double[] loss, Elements dlogits) {
    Elements from = HostElements.of(logits);
    CrossEntropy crossEntropy = LAST.get().crossEntropy(V);
    boolean finite =
        y == null
            ? crossEntropy.forwardAndBackward(from, Yb, weight, loss, dlogits)
            : crossEntropy.forwardAndBackward(from, Elements.of(y), loss, dlogits);
    if (!finite) {
      requireFiniteLogits();
    }
    return loss;
  }

  private void requireFiniteLogits() {
    double[] x = Crossing.read(logits);
    for (int k = 0; k < x.length; k++) {
      if (!Double.isFinite(x[k]) && weight[k / V] != 0) {
        throw refusal("logits[%d, %d] must be a finite number, was %s", k / V, k % V, x[k]);
      }
    }
  }

  private void stepwise(Function<CrossEntropySteps, INDArray> what, double[] into) {
    Workspaces.outside(
        () -> {
          Crossing.read(what.apply(CrossEntropySteps.ofTargets(presentLogits(), targets())), into);
        });
  }

  /** The logits, 0 in rows that are left out: whatever stands there must not get into the chain. */
  private INDArray presentLogits() {
    double[] present = Crossing.read(logits);
    for (int k = 0; k < n * V; k++) {
      present[k] = weight[k / V] == 0 ? 0 : present[k];
    }
    return Crossing.matrix(present, n, V);
  }

  private INDArray targets() {
    double[] rows = y;
    if (rows == null) {
      rows = new double[n * V];
      for (int i = 0; i < n; i++) {
        rows[i * V + Yb[i]] = weight[i];
      }
    }
    return Crossing.matrix(rows, n, V);
  }

  private static void requireLogits(IActivation activation) {
    if (!(activation instanceof ActivationSoftmax) && !(activation instanceof ActivationIdentity)) {
      throw refusal("activation must be softmax or identity, was %s", activation);
    }
  }

  private static boolean fits(INDArray x, long rows, long columns) {
    return x.rank() == 2 && x.size(0) == rows && x.size(1) == columns;
  }

  private static void requireShape(
      String what, INDArray x, boolean right, String allowed, Object... sizes) {
    if (!right) {
      throw refusal(
          "%s must be of shape %s, was %s",
          what, allowed.formatted(sizes), Arrays.toString(x.shape()));
    }
  }

  private static void requireWeight(String what, double value, int row, int column) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw refusal(
          "%s[%d, %d] must be a finite number from 0 on, was %s", what, row, column, value);
    }
  }

  private static DL4JInvalidInputException refusal(String message, Object... values) {
    return new DL4JInvalidInputException("ManualCrossEntropyLoss: " + message.formatted(values));
  }
}

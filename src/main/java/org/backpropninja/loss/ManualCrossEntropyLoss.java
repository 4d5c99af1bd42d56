package org.backpropninja.loss;

import java.util.Arrays;
import org.backpropninja.arrays.Crossing;
import org.backpropninja.math.CrossEntropy;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * Softmax and cross entropy with a hand-written gradient.
 *
 * <pre>
 * loss[i]    = Σ_j y[i, j]·(logsumexp(logits[i]) − logits[i, j])
 * dlogits[i] = softmax(logits[i])·Σ_j y[i, j] − y[i]
 * </pre>
 *
 * <p>Shapes: logits (DL4J's preOutput) [n, V]; labels [n, 1], the class index of each example, or
 * [n, V], a row y of target weights of each, which need not sum to one. With one class labels are
 * indices. The output's activation is softmax or identity: both hand over logits, so the loss is
 * the same, and logits of ±10⁴ give finite, exact results. As DL4J wants it, the score and the
 * gradient are those of the sum over examples; {@code average} divides the score by the number of
 * examples that are not masked.
 *
 * <p>A mask of [n, 1] weighs the examples and one of [n, V] the targets. An example of weight 0 has
 * loss 0 and gradient 0, and its logits and label are not looked at.
 *
 * <p>Refused with a {@link DL4JInvalidInputException}: logits that are not finite, a label that is
 * not a whole number from 0 to V−1, a target or mask that is negative or not finite, shapes that do
 * not fit, another activation. Source: makemore part 4, "cross entropy in one go"; the formulas are
 * in {@link CrossEntropy}.
 */
public final class ManualCrossEntropyLoss implements ILossFunction {

  private static final long serialVersionUID = 1;

  /** Makes the loss; it has no settings. */
  public ManualCrossEntropyLoss() {}

  @Override
  public double computeScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      INDArray mask,
      boolean average) {
    return Minibatch.of(labels, preOutput, activationFn, mask).score(average);
  }

  @Override
  public INDArray computeScoreArray(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    Minibatch minibatch = Minibatch.of(labels, preOutput, activationFn, mask);
    return array(minibatch.loss(), preOutput, minibatch.n, 1);
  }

  @Override
  public INDArray computeGradient(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    Minibatch minibatch = Minibatch.of(labels, preOutput, activationFn, mask);
    return array(minibatch.dlogits(), preOutput, minibatch.n, minibatch.V);
  }

  @Override
  public Pair<Double, INDArray> computeGradientAndScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      INDArray mask,
      boolean average) {
    Minibatch minibatch = Minibatch.of(labels, preOutput, activationFn, mask);
    return new Pair<>(
        minibatch.score(average), array(minibatch.dlogits(), preOutput, minibatch.n, minibatch.V));
  }

  private static INDArray array(double[] elements, INDArray like, int rows, int columns) {
    INDArray array = Nd4j.createUninitialized(like.dataType(), new long[] {rows, columns}, 'c');
    Crossing.write(elements, array);
    return array;
  }

  @Override
  public String name() {
    return "ManualCrossEntropyLoss";
  }

  @Override
  public String toString() {
    return name() + "()";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ManualCrossEntropyLoss;
  }

  @Override
  public int hashCode() {
    return ManualCrossEntropyLoss.class.hashCode();
  }

  /** One minibatch, checked, in plain arrays: class indices with weights, or rows of targets. */
  private static final class Minibatch {
    private final int n;
    private final int V;
    private final double[] logits; // [n, V]
    private final double[] weight; // [n], 0 for an example that is left out
    private final int[] Yb; // [n], null for rows of targets
    private final double[] y; // [n, V], null for class indices

    static Minibatch of(
        INDArray labels, INDArray preOutput, IActivation activation, INDArray mask) {
      requireLogits(activation);
      requireShape("preOutput", preOutput, preOutput.rank() == 2, "[n, V]");
      long n = preOutput.size(0);
      long V = preOutput.size(1);
      requireShape(
          "labels",
          labels,
          fits(labels, n, 1) || fits(labels, n, V),
          "[%d, 1] or [%d, %d]",
          n,
          n,
          V);
      if (mask != null) {
        boolean perExample = mask.length() == n && (mask.rank() == 1 || fits(mask, n, 1));
        requireShape("mask", mask, perExample || fits(mask, n, V), "[%d, 1] or [%d, %d]", n, n, V);
      }
      return new Minibatch(labels, preOutput, mask);
    }

    private Minibatch(INDArray labels, INDArray preOutput, INDArray mask) {
      n = (int) preOutput.size(0);
      V = (int) preOutput.size(1);
      logits = Crossing.read(preOutput);
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
      requireFiniteLogits();
    }

    private void takeClasses(double[] label, double[] factor, boolean perTarget) {
      for (int i = 0; i < n; i++) {
        boolean left = factor != null && !perTarget && factor[i] == 0;
        if (left) {
          continue; // its label may be anything
        }
        Yb[i] = (int) label[i];
        if (!(label[i] >= 0 && label[i] < V) || Yb[i] != label[i]) { // the first also refuses NaN
          throw refusal(
              "labels[%d] must be a whole number from 0 to %d, was %s", i, V - 1, label[i]);
        }
        weight[i] = factor == null ? 1 : factor[perTarget ? i * V + Yb[i] : i];
        requireWeight("mask", weight[i], i, perTarget ? Yb[i] : 0);
      }
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

    private void requireFiniteLogits() {
      for (int k = 0; k < n * V; k++) {
        if (weight[k / V] != 0 && !Double.isFinite(logits[k])) {
          throw refusal("logits[%d, %d] must be a finite number, was %s", k / V, k % V, logits[k]);
        }
      }
    }

    double[] loss() {
      double[] loss = new double[n];
      if (y == null) {
        CrossEntropy.forward(logits, V, Yb, weight, loss);
      } else {
        CrossEntropy.forward(logits, V, y, loss);
      }
      return loss;
    }

    double score(boolean average) {
      double sum = Arrays.stream(loss()).sum();
      long examples = Arrays.stream(weight).filter(w -> w != 0).count();
      return average && examples > 0 ? sum / examples : sum;
    }

    double[] dlogits() {
      double[] dlogits = new double[n * V];
      if (y == null) {
        CrossEntropy.backward(logits, V, Yb, weight, dlogits);
      } else {
        CrossEntropy.backward(logits, V, y, n, dlogits);
      }
      return dlogits;
    }

    private static void requireLogits(IActivation activation) {
      if (!(activation instanceof ActivationSoftmax)
          && !(activation instanceof ActivationIdentity)) {
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
}

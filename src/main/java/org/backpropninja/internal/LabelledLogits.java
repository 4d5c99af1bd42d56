package org.backpropninja.internal;

import java.util.Arrays;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One minibatch of {@link org.backpropninja.loss.ManualCrossEntropyLoss}, checked: its logits, and
 * class indices or rows of targets.
 */
public final class LabelledLogits {

  private static final String WAY_OUT =
      "DL4J's OutputLayer multiplies the logits by the mask; put weights into the labels, as rows"
          + " of targets [n, V]";

  private final int n;
  private final int V;
  private final Matrix logits; // [n, V]
  private final LabelMixture mixture;
  private final double[] weight; // [n], 0 for an example that is left out
  private final int[] Yb; // [n], null where there are rows
  private final double[] y; // [n, V], null where there are class indices
  private double counted; // what the mean divides by

  /**
   * Checks a minibatch.
   *
   * @param labels class indices [n] or [n, 1], or rows of targets [n, V]
   * @param logits [n, V]
   * @param mask [n, 1] of zeros and ones, or null
   * @param mixture what the settings make of labels
   * @return the minibatch
   * @throws DL4JInvalidInputException if labels or mask are of another shape or have values that
   *     are not allowed, or if there is another number of classes than of class weights
   */
  public static LabelledLogits of(
      INDArray labels, Matrix logits, INDArray mask, LabelMixture mixture) {
    int n = logits.rows();
    int V = logits.columns();
    mixture.requireClasses(V);
    if (!isColumn(labels, n) && !fits(labels, n, V)) {
      throw refusal(
          "labels must be of shape [%d], [%d, 1] or [%d, %d], was %s",
          n, n, n, V, Arrays.toString(labels.shape()));
    }
    if (mask != null && !isColumn(mask, n)) {
      throw refusal(
          "mask must be one value per example, of shape [%d, 1], was %s: %s",
          n, Arrays.toString(mask.shape()), WAY_OUT);
    }
    return new LabelledLogits(labels, logits, mask, mixture);
  }

  private LabelledLogits(INDArray labels, Matrix logits, INDArray mask, LabelMixture mixture) {
    this.logits = logits;
    this.mixture = mixture;
    n = logits.rows();
    V = logits.columns();
    weight = mask == null ? ones(n) : zerosAndOnes(NdArrays.values(mask));
    double[] label = NdArrays.values(labels);
    boolean classes = isColumn(labels, n);
    boolean spread = mixture.smoothing() != 0;
    Yb = classes && !spread ? new int[n] : null;
    y = !classes ? label : spread ? new double[n * V] : null;
    if (classes) {
      takeClasses(label);
    } else {
      takeTargets();
    }
    if (mixture.overWeights()) {
      takeMean();
    }
  }

  private static double[] ones(int n) {
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    return ones;
  }

  private static double[] zerosAndOnes(double[] mask) {
    for (int i = 0; i < mask.length; i++) {
      if (mask[i] != 0 && mask[i] != 1) {
        throw refusal("mask[%d, 0] must be 0 or 1, was %s: %s", i, mask[i], WAY_OUT);
      }
    }
    return mask;
  }

  private void takeClasses(double[] label) {
    for (int i = 0; i < n; i++) {
      if (weight[i] == 0 || mixture.isIgnored(label[i])) { // a masked label may be anything
        weight[i] = 0;
        continue;
      }
      int k = (int) label[i];
      if (!(label[i] >= 0 && label[i] < V) || k != label[i]) { // the first also refuses NaN
        throw refusal("labels[%d] must be a whole number from 0 to %d, was %s", i, V - 1, label[i]);
      }
      counted += mixture.overWeights() ? mixture.weight(k) : 1;
      if (y == null) {
        Yb[i] = k;
        weight[i] = mixture.weight(k);
      } else {
        y[i * V + k] = 1;
        mixture.mix(y, i * V, V);
      }
    }
  }

  private void takeTargets() {
    for (int i = 0; i < n; i++) {
      for (int k = i * V; k < (i + 1) * V; k++) {
        y[k] = weight[i] == 0 ? 0 : y[k]; // where it is 0 they may be anything
        requireTarget(y[k], i, k % V);
      }
      weight[i] = mixture.mix(y, i * V, V) == 0 ? 0 : 1;
      counted += weight[i];
    }
  }

  /** DL4J divides by the rows; afterwards it has divided by what counts. */
  private void takeMean() {
    double factor = counted == 0 ? 0 : n / counted;
    double[] scaled = y == null ? weight : y;
    for (int k = 0; k < scaled.length; k++) {
      scaled[k] *= factor;
    }
    counted = n;
  }

  /**
   * Computes the loss of each example, and its gradient.
   *
   * @param crossEntropy of as many classes
   * @param dlogits result [n, V]; null if it is not wanted
   * @return loss of each example
   * @throws DL4JInvalidInputException if a logit of an example that is not left out is not finite
   */
  public double[] evaluate(Cores.CrossEntropy crossEntropy, Matrix dlogits) {
    double[] loss = new double[n];
    boolean finite =
        y == null
            ? crossEntropy.forwardAndBackward(logits, Yb, weight, loss, dlogits)
            : crossEntropy.forwardAndBackward(logits, Matrix.of(y, n, V), loss, dlogits);
    if (!finite) {
      requireFiniteLogits();
    }
    return loss;
  }

  /**
   * Takes the mean of the examples' losses.
   *
   * @param loss of each example, as {@link #evaluate} gives them
   * @return 0 if all examples are left out
   */
  public double mean(double[] loss) {
    return Arrays.stream(loss).sum() / Math.max(1, counted);
  }

  private void requireFiniteLogits() {
    double[] row = new double[V];
    for (int i = 0; i < n; i++) {
      logits.read(i * V, V, row);
      for (int j = 0; j < V; j++) {
        if (!Double.isFinite(row[j]) && weight[i] != 0) {
          throw refusal("logits[%d, %d] must be a finite number, was %s", i, j, row[j]);
        }
      }
    }
  }

  /**
   * Refuses an output activation that does not hand over logits.
   *
   * @param activation of the output layer
   * @throws DL4JInvalidInputException unless it is softmax or identity
   */
  public static void requireLogits(IActivation activation) {
    if (!(activation instanceof ActivationSoftmax) && !(activation instanceof ActivationIdentity)) {
      throw refusal("activation must be softmax or identity, was %s", activation);
    }
  }

  private static boolean isColumn(INDArray x, long rows) {
    return x.rank() == 1 ? x.length() == rows : fits(x, rows, 1);
  }

  private static boolean fits(INDArray x, long rows, long columns) {
    return x.rank() == 2 && x.size(0) == rows && x.size(1) == columns;
  }

  /**
   * Refuses an array that is no matrix.
   *
   * @param preOutput the logits
   * @throws DL4JInvalidInputException unless its rank is 2
   */
  public static void requireMatrix(INDArray preOutput) {
    if (preOutput.rank() != 2) {
      throw refusal(
          "preOutput must be of shape [n, V], was %s", Arrays.toString(preOutput.shape()));
    }
  }

  private static void requireTarget(double value, int row, int column) {
    if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
      throw refusal("labels[%d, %d] must be a finite number from 0 on, was %s", row, column, value);
    }
  }

  private static DL4JInvalidInputException refusal(String message, Object... values) {
    return new DL4JInvalidInputException("ManualCrossEntropyLoss: " + message.formatted(values));
  }
}

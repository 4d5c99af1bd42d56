package org.backpropninja.internal;

import java.util.Arrays;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.shape.Shape;

/**
 * One minibatch of {@link org.backpropninja.loss.ManualCrossEntropyLoss}, checked: its logits, and
 * class indices or rows of targets.
 */
public final class LabelledLogits {

  private static final String WAY_OUT =
      "DL4J's OutputLayer multiplies the logits by the mask; put weights into the labels, as rows"
          + " of targets [n, V]";

  private final Layout layout;
  private final int n; // rows: examples, or examples and positions
  private final int V;
  private final Matrix logits; // [n, V]
  private final LabelMixture mixture;
  private final double[] weight; // [n], 0 for a row that is left out
  private final int[] Yb; // [n], null where there are rows of targets
  private final double[] y; // [n, V], null where there are class indices
  private double counted; // what the mean divides by

  /**
   * Finds out which axis holds the classes.
   *
   * @param logits of rank 2 to 5
   * @param labels of any shape
   * @param channelsLast whether it is the last axis, which a matrix does not need to be told; null
   *     if that is not known, and then labels with a 1 there tell
   * @return the layout of the logits
   * @throws DL4JInvalidInputException if the logits are of another rank
   */
  public static Layout layout(INDArray logits, INDArray labels, Boolean channelsLast) {
    if (logits.rank() < 2 || logits.rank() > 5) {
      throw refusal(
          "preOutput must be of shape [n, V], [n, V, t], [n, V, h, w] or [n, V, d, h, w], was %s",
          Arrays.toString(logits.shape()));
    }
    Layout second = Layout.of(logits.shape(), false);
    Layout last = Layout.of(logits.shape(), true);
    boolean unmistakable = last.withColumns(1).fits(labels) && !second.withColumns(1).fits(labels);
    return (channelsLast == null ? unmistakable : channelsLast) ? last : second;
  }

  /**
   * Checks a minibatch.
   *
   * @param labels class indices of the shape of the logits without the classes, or with 1 in their
   *     place; or rows of targets of the shape of the logits. Either may be flattened to [n, …]
   * @param layout of the logits
   * @param logits a row for each example and position, a column for each class
   * @param mask zeros and ones, one for each example or for each position; or null
   * @param mixture what the settings make of labels
   * @return the minibatch
   * @throws DL4JInvalidInputException if labels or mask are of another shape or have values that
   *     are not allowed, or if there is another number of classes than of class weights
   */
  public static LabelledLogits of(
      INDArray labels, Layout layout, Matrix logits, INDArray mask, LabelMixture mixture) {
    mixture.requireClasses(logits.columns());
    boolean areClasses = isClasses(labels, layout);
    if (!areClasses && !isTargets(labels, layout)) {
      throw refusal(
          "labels must be of shape %s, %s or %s, was %s",
          Arrays.toString(layout.withoutColumns()),
          Arrays.toString(layout.withColumns(1).shape()),
          Arrays.toString(layout.shape()),
          Arrays.toString(labels.shape()));
    }
    double[] kept = kept(mask, layout);
    if (kept == null) {
      throw refusal(
          "mask must be one value per example or position, of shape %s, was %s: %s",
          Arrays.toString(layout.withColumns(1).shape()), Arrays.toString(mask.shape()), WAY_OUT);
    }
    return new LabelledLogits(labels, areClasses, layout, logits, kept, mixture);
  }

  /** In 'c' order they are in the order of the rows. */
  private static boolean isClasses(INDArray labels, Layout layout) {
    return Arrays.equals(labels.shape(), layout.withoutColumns())
        || layout.withColumns(1).fits(labels)
        || isFlat(labels, layout.examples(), layout.positions());
  }

  private static boolean isTargets(INDArray labels, Layout layout) {
    return layout.fits(labels)
        || isFlat(labels, layout.examples(), layout.positions() * layout.columns());
  }

  /** DL4J's LossLayer hands over no labels of a higher rank. */
  private static boolean isFlat(INDArray labels, long examples, long each) {
    return labels.rank() == 2 && labels.size(0) == examples && labels.size(1) == each;
  }

  private LabelledLogits(
      INDArray labels,
      boolean areClasses,
      Layout layout,
      Matrix logits,
      double[] kept,
      LabelMixture mixture) {
    this.layout = layout;
    this.logits = logits;
    this.mixture = mixture;
    n = logits.rows();
    V = logits.columns();
    weight = kept;
    requireZerosAndOnes();
    boolean spread = mixture.smoothing() != 0;
    if (areClasses) {
      Yb = spread ? null : new int[n];
      y = spread ? new double[n * V] : null;
      takeClasses(NdArrays.values(labels), labels.shape());
    } else {
      Yb = null;
      y = rows(labels);
      takeTargets();
    }
    if (mixture.overWeights()) {
      takeMean();
    }
  }

  /** A copy of rows of targets. */
  private double[] rows(INDArray labels) {
    if (labels.rank() == 2 && layout.fits(labels)) {
      return NdArrays.values(labels);
    }
    double[] rows = new double[n * V];
    layout.in(labels.reshape('c', layout.shape()), DataType.DOUBLE).read(0, n * V, rows);
    return rows;
  }

  /**
   * Spreads a mask over the rows.
   *
   * @param mask as {@link #of} takes it
   * @param layout of the logits
   * @return its value for each row, 1 without a mask; null if it is of another shape
   */
  public static double[] kept(INDArray mask, Layout layout) {
    if (mask == null) {
      double[] ones = new double[(int) layout.rows()];
      Arrays.fill(ones, 1);
      return ones;
    }
    return layout.withColumns(1).fits(mask) ? NdArrays.values(mask) : layout.rowsOf(mask);
  }

  private void requireZerosAndOnes() {
    for (int i = 0; i < n; i++) {
      if (weight[i] != 0 && weight[i] != 1) {
        throw refusal(
            "mask[%s] must be 0 or 1, was %s: %s",
            layout.withColumns(1).place(i, 0), weight[i], WAY_OUT);
      }
    }
  }

  private void takeClasses(double[] label, long[] shape) {
    for (int i = 0; i < n; i++) {
      if (weight[i] == 0 || mixture.isIgnored(label[i])) { // a masked label may be anything
        weight[i] = 0;
        continue;
      }
      int k = requireClass("ManualCrossEntropyLoss", label, i, shape, V);
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

  /**
   * Refuses a label that is no class.
   *
   * @param who refuses it
   * @param labels in 'c' order
   * @param i which one
   * @param shape of the array that they are from
   * @param V number of classes
   * @return the class
   * @throws DL4JInvalidInputException if it is not a whole number from 0 to V−1
   */
  public static int requireClass(String who, double[] labels, int i, long[] shape, int V) {
    int k = (int) labels[i];
    if (!(labels[i] >= 0 && labels[i] < V) || k != labels[i]) { // the first also refuses NaN
      throw new DL4JInvalidInputException(
          "%s: labels%s must be a whole number from 0 to %d, was %s; what has no label needs a labels mask of 0, or ignoreIndex"
              .formatted(who, Arrays.toString(Shape.ind2subC(shape, i)), V - 1, labels[i]));
    }
    return k;
  }

  private void takeTargets() {
    for (int i = 0; i < n; i++) {
      for (int k = i * V; k < (i + 1) * V; k++) {
        y[k] = weight[i] == 0 ? 0 : y[k]; // where it is 0 they may be anything
        if (!(y[k] >= 0 && y[k] < Double.POSITIVE_INFINITY)) {
          throw refusal(
              "labels[%s] must be a finite number from 0 on, was %s", layout.place(i, k % V), y[k]);
        }
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
   * Returns the layout of the logits.
   *
   * @return which axis holds the classes
   */
  public Layout layout() {
    return layout;
  }

  /**
   * Computes the loss of each row, and its gradient.
   *
   * @param crossEntropy of as many classes
   * @param dlogits result [n, V]; null if it is not wanted
   * @return loss of each row
   * @throws DL4JInvalidInputException if a logit of a row that is not left out is not finite
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
   * Takes the mean of the rows' losses.
   *
   * @param loss of each row, as {@link #evaluate} gives them
   * @return 0 if all rows are left out
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
          throw refusal("logits[%s] must be a finite number, was %s", layout.place(i, j), row[j]);
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

  private static DL4JInvalidInputException refusal(String message, Object... values) {
    return new DL4JInvalidInputException("ManualCrossEntropyLoss: " + message.formatted(values));
  }
}

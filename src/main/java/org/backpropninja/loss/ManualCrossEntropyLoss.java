package org.backpropninja.loss;

import java.io.IOException;
import java.io.ObjectInputStream;
import java.util.Arrays;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.backpropninja.Backward;
import org.backpropninja.internal.LabelMixture;
import org.backpropninja.internal.LabelledLogits;
import org.backpropninja.internal.Layout;
import org.backpropninja.internal.NdArrays;
import org.backpropninja.internal.Ways;
import org.backpropninja.math.Cores;
import org.backpropninja.math.Matrix;
import org.deeplearning4j.exception.DL4JInvalidInputException;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.DataFormat;
import org.deeplearning4j.nn.conf.RNNFormat;
import org.deeplearning4j.nn.conf.layers.Convolution3D;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * Softmax and cross entropy with a hand-written gradient, and PyTorch's settings.
 *
 * <pre>
 * nll[i, j]  = logsumexp(logits[i]) − logits[i, j]
 * loss[i]    = Σ_j m[i, j]·nll[i, j]
 * m[i, j]    = w[j]·((1 − s)·y[i, j] + s/V·Σ_k y[i, k])
 * dlogits[i] = softmax(logits[i])·Σ_j m[i, j] − m[i]
 * </pre>
 *
 * <p>y is the row of targets of an example, which need not sum to one, or the one-hot row of its
 * class; w are the {@code classWeights}, 1 unless set; s is the {@code labelSmoothing}, 0 unless
 * set. The target of the class {@code ignoreIndex} is taken as 0, and a label that is the {@code
 * ignoreIndex} has no loss and no gradient. Without settings m is y.
 *
 * <p>Shapes: logits (DL4J's preOutput) [n, V] with labels [n] or [n, 1], the class index of each
 * example, or [n, V], rows of targets. Logits of sequences, images and volumes, [n, V, t], [n, V,
 * h, w] and [n, V, d, h, w], or with the classes as the last axis by {@code dataFormat}: labels of
 * the same shape are rows of targets; labels with a 1 in the classes' place, or without that axis,
 * are class indices. Labels may be flattened to [n, …]. With one class labels are indices. The
 * output's activation is softmax or identity: both hand over logits, so the loss is the same, and
 * logits of ±10⁴ give finite, exact results.
 *
 * <p>A mask of zeros and ones, for each example or each position, leaves out those where it is 0:
 * they have loss 0 and gradient 0, and their logits and labels are not looked at, nor are the
 * logits of a row whose weights are all 0. Weights go into rows of targets or {@code classWeights},
 * because DL4J's OutputLayer and RnnOutputLayer multiply the logits by the mask before the loss
 * sees them.
 *
 * <p>DL4J divides score and gradient by the minibatch. So they are those of the sum over rows; with
 * {@link Mean#OVER_WEIGHTS} they are multiplied by rows/Σw, Σw being what PyTorch's mean divides
 * by, so that DL4J makes that mean of them. RnnOutputLayer and others have n·t rows and divide by
 * n: with them the score is t times the mean for each step. {@code average} gives the mean itself,
 * which is over the examples that are not left out or over their weights. A mean over nothing, or
 * over weights of 0, is 0 and has no gradient.
 *
 * <p>In DL4J's layers:
 *
 * <ul>
 *   <li>OutputLayer: all labels. CenterLossOutputLayer: rows of targets.
 *   <li>RnnOutputLayer: labels [n, 1, t] and [n, V, t], in NWC [n, t, 1] and [n, t, V].
 *   <li>RnnLossLayer: the same in NCW. In NWC it hands over the logits as their own labels for the
 *       score, which is refused but for positive logits with t = V: use RnnOutputLayer.
 *   <li>CnnLossLayer: rows of targets only. In NHWC its gradient is right, but the score is taken
 *       as if it were NCHW: use LossLayer.
 *   <li>Cnn3DLossLayer: indices and rows, in both formats.
 *   <li>LossLayer: logits of any shape with {@code dataFormat}, where no input type has put a
 *       preprocessor before it (give each layer its nIn instead); labels flattened, such as [n,
 *       h·w] indices, because it reshapes others. Its own softmax is over the last axis, so in
 *       formats with the classes second only the identity gives an output that means something.
 * </ul>
 *
 * <p>Refused with a {@link DL4JInvalidInputException}: logits that are not finite, a label that is
 * not a whole number from 0 to V−1, a target that is negative or not finite, a mask that is neither
 * 0 nor 1 or has a value for each class, class weights for another number of classes, shapes that
 * do not fit, another activation. Source: makemore part 4, "cross entropy in one go"; PyTorch's
 * {@code CrossEntropyLoss}; docs/derivations.md.
 */
public final class ManualCrossEntropyLoss implements ILossFunction {

  private static final long serialVersionUID = 1;

  private Backward backward = Backward.FUSED;
  private double[] classWeights; // null for none
  private Integer ignoreIndex; // null for none
  private double labelSmoothing;
  private Mean mean = Mean.OVER_EXAMPLES;
  private Boolean channelsLast; // null for: as the labels tell

  /** What the mean of the losses divides by. */
  public enum Mean {
    /** The number of examples, as DL4J does. */
    OVER_EXAMPLES,
    /**
     * The sum of the class weights of the labels that count, as PyTorch does with class indices;
     * with rows of targets the number of rows that count.
     */
    OVER_WEIGHTS
  }

  /** As many as there were threads at once. */
  private transient Queue<Core> idle = new ConcurrentLinkedQueue<>();

  private record Core(int V, DataType type, Backward way, Cores.CrossEntropy crossEntropy) {}

  /** Makes the loss, computed by the closed form. */
  public ManualCrossEntropyLoss() {}

  /**
   * Sets the way that loss and gradient are computed. Default: fused.
   *
   * @param backward fused or stepwise
   * @return this
   */
  public ManualCrossEntropyLoss backward(Backward backward) {
    this.backward = Objects.requireNonNull(backward, "backward must not be null");
    return this;
  }

  /**
   * Returns the way that loss and gradient are computed.
   *
   * @return fused or stepwise
   */
  public Backward getBackward() {
    return backward;
  }

  /**
   * Sets the way that loss and gradient are computed; for deserialisation.
   *
   * @param backward fused or stepwise
   */
  public void setBackward(Backward backward) {
    backward(backward);
  }

  /**
   * Sets the weight of each class's loss. Default: none, which is 1 for each.
   *
   * @param classWeights one for each class, finite and from 0 on; null for none
   * @return this
   * @throws IllegalArgumentException if a weight is negative or not finite
   */
  public ManualCrossEntropyLoss classWeights(double... classWeights) {
    for (int j = 0; classWeights != null && j < classWeights.length; j++) {
      if (!(classWeights[j] >= 0 && classWeights[j] < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "classWeights[%d] (%s) must be a finite number from 0 on"
                .formatted(j, classWeights[j]));
      }
    }
    this.classWeights = classWeights == null ? null : classWeights.clone();
    return this;
  }

  /**
   * Returns the weight of each class's loss.
   *
   * @return a copy, null for none
   */
  public double[] getClassWeights() {
    return classWeights == null ? null : classWeights.clone();
  }

  /**
   * Sets the weight of each class's loss; for deserialisation.
   *
   * @param classWeights one for each class, null for none
   */
  public void setClassWeights(double[] classWeights) {
    classWeights(classWeights);
  }

  /**
   * Sets the label that has no loss and no gradient. Default: none.
   *
   * @param ignoreIndex any number; it need not be a class, as PyTorch's −100 is not
   * @return this
   */
  public ManualCrossEntropyLoss ignoreIndex(int ignoreIndex) {
    this.ignoreIndex = ignoreIndex;
    return this;
  }

  /**
   * Returns the label that has no loss and no gradient.
   *
   * @return null for none
   */
  public Integer getIgnoreIndex() {
    return ignoreIndex;
  }

  /**
   * Sets the label that has no loss and no gradient; for deserialisation.
   *
   * @param ignoreIndex null for none
   */
  public void setIgnoreIndex(Integer ignoreIndex) {
    this.ignoreIndex = ignoreIndex;
  }

  /**
   * Sets how much of each target is spread evenly over all classes. Default: 0.
   *
   * @param labelSmoothing from 0 to 1
   * @return this
   * @throws IllegalArgumentException if it is less than 0, greater than 1 or NaN
   */
  public ManualCrossEntropyLoss labelSmoothing(double labelSmoothing) {
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new IllegalArgumentException(
          "labelSmoothing (%s) must be from 0 to 1".formatted(labelSmoothing));
    }
    this.labelSmoothing = labelSmoothing;
    return this;
  }

  /**
   * Returns how much of each target is spread evenly over all classes.
   *
   * @return from 0 to 1
   */
  public double getLabelSmoothing() {
    return labelSmoothing;
  }

  /**
   * Sets how much of each target is spread evenly over all classes; for deserialisation.
   *
   * @param labelSmoothing from 0 to 1
   */
  public void setLabelSmoothing(double labelSmoothing) {
    labelSmoothing(labelSmoothing);
  }

  /**
   * Sets what the mean divides by. Default: over examples.
   *
   * @param mean over examples or over weights
   * @return this
   */
  public ManualCrossEntropyLoss mean(Mean mean) {
    this.mean = Objects.requireNonNull(mean, "mean must not be null");
    return this;
  }

  /**
   * Returns what the mean divides by.
   *
   * @return over examples or over weights
   */
  public Mean getMean() {
    return mean;
  }

  /**
   * Sets what the mean divides by; for deserialisation.
   *
   * @param mean over examples or over weights
   */
  public void setMean(Mean mean) {
    mean(mean);
  }

  /**
   * Sets which axis of logits [n, …, …] holds the classes. Default: the second one, or the last one
   * where labels of indices have a 1 there. Matrices need no format.
   *
   * @param format NCW for [n, V, t], NWC for [n, t, V]
   * @return this
   */
  public ManualCrossEntropyLoss dataFormat(RNNFormat format) {
    return channelsLast(format);
  }

  /**
   * Sets which axis of logits [n, …, …, …] holds the classes. Default: the second one, or the last
   * one where labels of indices have a 1 there.
   *
   * @param format NCHW for [n, V, h, w], NHWC for [n, h, w, V]
   * @return this
   */
  public ManualCrossEntropyLoss dataFormat(CNN2DFormat format) {
    return channelsLast(format);
  }

  /**
   * Sets which axis of logits [n, …, …, …, …] holds the classes. Default: the second one, or the
   * last one where labels of indices have a 1 there.
   *
   * @param format NCDHW for [n, V, d, h, w], NDHWC for [n, d, h, w, V]
   * @return this
   */
  public ManualCrossEntropyLoss dataFormat(Convolution3D.DataFormat format) {
    return channelsLast(format);
  }

  private ManualCrossEntropyLoss channelsLast(DataFormat format) {
    Objects.requireNonNull(format, "format must not be null");
    channelsLast = Layout.isChannelsLast(format);
    return this;
  }

  /**
   * Tells which axis of logits of rank 3 to 5 holds the classes.
   *
   * @return whether it is the last one, null if no format is set
   */
  public Boolean getChannelsLast() {
    return channelsLast;
  }

  /**
   * Sets which axis of logits of rank 3 to 5 holds the classes; for deserialisation.
   *
   * @param channelsLast whether it is the last one, null for no format
   */
  public void setChannelsLast(Boolean channelsLast) {
    this.channelsLast = channelsLast;
  }

  @Override
  public double computeScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      INDArray mask,
      boolean average) {
    LabelledLogits minibatch = minibatch(labels, preOutput, activationFn, mask);
    return score(minibatch, evaluate(minibatch, preOutput.dataType(), null), average);
  }

  private LabelledLogits minibatch(
      INDArray labels, INDArray preOutput, IActivation activation, INDArray mask) {
    LabelledLogits.requireLogits(activation);
    Layout layout = LabelledLogits.layout(preOutput, labels, channelsLast);
    Matrix logits = layout.in(preOutput, NdArrays.workingType(preOutput.dataType()));
    LabelMixture mixture =
        new LabelMixture(classWeights, ignoreIndex, labelSmoothing, mean == Mean.OVER_WEIGHTS);
    return LabelledLogits.of(labels, layout, logits, mask, mixture);
  }

  private static double score(LabelledLogits minibatch, double[] losses, boolean average) {
    return average ? minibatch.mean(losses) : Arrays.stream(losses).sum();
  }

  @Override
  public INDArray computeScoreArray(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    LabelledLogits minibatch = minibatch(labels, preOutput, activationFn, mask);
    double[] losses = evaluate(minibatch, preOutput.dataType(), null);
    INDArray scores = minibatch.layout().withColumns(1).make(preOutput.dataType());
    NdArrays.assign(losses, scores);
    return scores;
  }

  @Override
  public INDArray computeGradient(
      INDArray labels, INDArray preOutput, IActivation activationFn, INDArray mask) {
    return computeGradientAndScore(labels, preOutput, activationFn, mask, false).getSecond();
  }

  @Override
  public Pair<Double, INDArray> computeGradientAndScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activationFn,
      INDArray mask,
      boolean average) {
    LabelledLogits minibatch = minibatch(labels, preOutput, activationFn, mask);
    INDArray dlogits = minibatch.layout().make(preOutput.dataType());
    NdArrays.Out out = minibatch.layout().out(dlogits);
    double[] losses = evaluate(minibatch, preOutput.dataType(), out.matrix());
    out.done();
    return new Pair<>(score(minibatch, losses, average), dlogits);
  }

  /** With a core that no other thread uses meanwhile: one loss serves all copies of a network. */
  private double[] evaluate(LabelledLogits minibatch, DataType type, Matrix dlogits) {
    int V = (int) minibatch.layout().columns();
    Core core = idle.poll();
    if (core == null || core.V != V || core.type != type || core.way != backward) {
      core = new Core(V, type, backward, Ways.cores(backward, type).crossEntropy(V));
    }
    double[] losses = minibatch.evaluate(core.crossEntropy, dlogits);
    idle.add(core);
    return losses;
  }

  private void readObject(ObjectInputStream in) throws IOException, ClassNotFoundException {
    in.defaultReadObject();
    idle = new ConcurrentLinkedQueue<>();
    mean = mean == null ? Mean.OVER_EXAMPLES : mean; // of a file from before there was a choice
  }

  @Override
  public String name() {
    return "ManualCrossEntropyLoss";
  }

  @Override
  public String toString() {
    return name()
        + "(backward=%s, classWeights=%s, ignoreIndex=%s, labelSmoothing=%s, mean=%s, channelsLast=%s)"
            .formatted(
                backward,
                Arrays.toString(classWeights),
                ignoreIndex,
                labelSmoothing,
                mean,
                channelsLast);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ManualCrossEntropyLoss o
        && backward == o.backward
        && Arrays.equals(classWeights, o.classWeights)
        && Objects.equals(ignoreIndex, o.ignoreIndex)
        && Double.compare(labelSmoothing, o.labelSmoothing) == 0
        && mean == o.mean
        && Objects.equals(channelsLast, o.channelsLast);
  }

  @Override
  public int hashCode() {
    return Objects.hash(
        backward.name(),
        Arrays.hashCode(classWeights),
        ignoreIndex,
        labelSmoothing,
        mean.name(),
        channelsLast);
  }
}
